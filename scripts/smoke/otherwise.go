package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// setup has zensync write the configuration, as root does on a new host, with
// the token on stdin.
func (w *world) setup(context.Context) error {
	files, err := w.files()
	if err != nil {
		return err
	}
	const given = "/root/given"
	if err := errors.Join(os.Mkdir(given, 0o700), write(given, files)); err != nil {
		return err
	}
	said, err := run("sh", "-c", fmt.Sprintf("zensync setup --org-url %s --client-id %s --key-file %s/okta.pem --key-id %s"+
		" --zenqms-url %s --zenqms-token-file - --public-url %s <%[3]s/zenqms.key", w.urls[0], clientID, given, keyID, w.urls[1], hookURL))
	if err != nil {
		return err
	}
	if !strings.Contains(said, "Checks: 0 failed, 0 warnings") || !strings.Contains(said, "sudo -u zensync zensync deploy") {
		return errors.New("setup is not content: " + said)
	}
	owners, err := run("stat", "--format=%a %U:%G %n", configuration, "/etc/zensync/okta.pem", "/etc/zensync/zenqms.key", "/etc/zensync/hook.secret")
	if err != nil {
		return err
	}
	if want := `640 root:zensync /etc/zensync/zensync.yaml
600 zensync:zensync /etc/zensync/okta.pem
600 zensync:zensync /etc/zensync/zenqms.key
600 zensync:zensync /etc/zensync/hook.secret`; owners != want {
		return errors.New("the files are " + owners)
	}
	// The default is slow for what comes.
	text, err := os.ReadFile(configuration)
	if err != nil {
		return err
	}
	faster := strings.Replace(string(text), "#max_requests_per_second: 10", "max_requests_per_second: 1000", 1)
	return errors.Join(os.WriteFile(configuration, []byte(faster), 0o600), override())
}

// deployAndExamine deploys, and holds doctor to finding nothing wrong.
func (w *world) deployAndExamine(ctx context.Context) error {
	if err := errors.Join(w.deploy(ctx), w.hook(ctx)); err != nil {
		return err
	}
	found, err := operator("doctor", "--format", "csv")
	if err == nil && (strings.Contains(found, ",failed,") || strings.Contains(found, ",warning,") || !strings.Contains(found, "hook.verified,ok,")) {
		err = errors.New("doctor finds " + found)
	}
	return err
}

// removeRPM removes the rpm. It knows no purge: data stay, and the user.
func (w *world) removeRPM(context.Context) error {
	return errors.Join(w.removed("/usr/bin/zensync", "rpm --erase zensync"), present(overrides), runAll("id zensync"))
}

// elsewhere is where install.sh puts the program.
const elsewhere = "/usr/local/bin/zensync"

// installTarball installs the tarball; nothing runs by that, and what was
// configured works on.
func (w *world) installTarball(ctx context.Context, folder string) error {
	if err := runAll(folder+"/tarball/scripts/install.sh", "test -x "+elsewhere); err != nil {
		return err
	}
	for _, unit := range units {
		if err := errors.Join(expect(unit, "UnitFileState", "disabled"), expect(unit, "ActiveState", "inactive")); err != nil {
			return err
		}
	}
	return errors.Join(w.start(ctx), w.hook(ctx))
}

// reinstallTarball does so again while it runs.
func (w *world) reinstallTarball(ctx context.Context, folder string) error {
	return w.underLoad(ctx, "again", func() error { return w.replaced(ctx, folder+"/tarball/scripts/install.sh") })
}

// uninstallTarball takes it away while it runs.
func (w *world) uninstallTarball(folder string) error {
	uninstall := folder + "/tarball/scripts/uninstall.sh"
	if err := errors.Join(w.removed(elsewhere, uninstall), runAll(uninstall+" --purge")); err != nil {
		return err
	}
	return absent("/etc/zensync", "/var/lib/zensync", overrides, "/etc/sysusers.d/zensync.conf", "/etc/tmpfiles.d/zensync.conf")
}
