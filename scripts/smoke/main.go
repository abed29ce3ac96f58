// Command smoke is a day in the life of an installed zensync, in some seconds:
// the packages in a folder are installed one after the other on this very host
// and used between imitations of Okta and ZenQMS, and in the end purged. So the
// host has to be one to throw away: scripts/smoke.sh makes it, and runs this in
// it as root.
//
//	smoke FOLDER
//
// In the folder are old.deb and new.deb, the same of rpm, and the unpacked
// tarball. Of the rpm the scripts are tried; what it depends on, a Debian host
// cannot tell.
//
// It stops at the first step that goes wrong, with the end of the journal.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: smoke FOLDER")
		os.Exit(2)
	}
	if err := live(context.Background(), os.Args[1]); err != nil {
		journal := exec.Command("journalctl", "--no-pager", "--lines=60", "--unit=zensync-*")
		journal.Stdout = os.Stderr
		_ = journal.Run() // it only helps to understand the error
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

// step is one thing that is done and checked.
type step struct {
	name string
	do   func(context.Context) error
}

// live goes through all lives.
func live(ctx context.Context, folder string) error {
	for _, begin := range []func(*world, string) []step{debLife, rpmLife} {
		w, err := newWorld()
		if err != nil {
			return err
		}
		if err := errors.Join(walk(ctx, begin(w, folder)), w.close()); err != nil {
			return err
		}
	}
	fmt.Println("smoke: ok")
	return nil
}

// walk goes through steps, and says how many seconds they took.
func walk(ctx context.Context, steps []step) error {
	for _, s := range steps {
		fmt.Println("==", s.name)
		began := time.Now()
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("   %.1f s\n", time.Since(began).Seconds())
	}
	return nil
}

// debLife is that of the deb, whose configuration is written by hand.
func debLife(w *world, folder string) []step {
	return []step{
		{"deb: install: a user, and nothing enabled or started", func(context.Context) error { return w.install("dpkg --install " + folder + "/old.deb") }},
		{"configure: root puts files there, systemd-tmpfiles says whose they are", w.configure},
		{"start: ready when systemctl returns", w.start},
		{"deploy: everybody is in ZenQMS", w.deploy},
		{"a hook", w.hook},
		{"the relay has one secret and no network, and logs to the journal", w.confinement},
		{"reload: a change is taken up, a broken one is not, and nothing restarts", w.reload},
		{"a new token is taken up by a reload", w.renewToken},
		{"the relay is restarted under load, and no delivery fails", w.restartUnderLoad},
		{"the worker is killed, and goes on", w.killWorker},
		{"the worker hangs, and is restarted", w.hangWorker},
		{"upgrade under load: no delivery fails, and what was configured stays", func(ctx context.Context) error { return w.upgrade(ctx, "dpkg --install "+folder+"/new.deb") }},
		{"remove: nothing runs, data stay; purge: data go", w.remove},
	}
}

// rpmLife is that of the rpm, which setup configures, and then of the tarball
// on what the rpm has left.
func rpmLife(w *world, folder string) []step {
	return []step{
		{"rpm: install: a user, and nothing enabled or started", func(context.Context) error { return w.install("rpm --install --nodeps " + folder + "/old.rpm") }},
		{"zensync setup, and what doctor says then", w.setup},
		{"start", w.start},
		{"deploy, and a doctor who finds nothing wrong", w.deployAndExamine},
		{"upgrade under load: no delivery fails, and what was configured stays", func(ctx context.Context) error {
			return w.upgrade(ctx, "rpm --upgrade --nodeps "+folder+"/new.rpm")
		}},
		{"remove: nothing runs, data stay", w.removeRPM},
		{"install.sh, on the data that are there", func(ctx context.Context) error { return w.installTarball(ctx, folder) }},
		{"install.sh again, under load: what runs goes on", func(ctx context.Context) error { return w.reinstallTarball(ctx, folder) }},
		{"uninstall.sh: what runs ends, data stay; --purge: data go", func(context.Context) error { return w.uninstallTarball(folder) }},
	}
}
