package main

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
)

const (
	configuration = "/etc/zensync/zensync.yaml"
	refused       = "at work by the old configuration: the new one is refused, see the log"
)

// reload changes the configuration in place under the services: by systemctl,
// to one that cannot be followed, and by zensync's own command.
func (w *world) reload(ctx context.Context) error {
	before, err := os.ReadFile(configuration)
	if err != nil {
		return err
	}
	pids, err := mainPIDs()
	if err != nil {
		return err
	}
	daily := string(before) + "sync:\n  schedule: '5 3 * * *'\n"
	if err := w.reloaded(ctx, daily, "at work; reconciles at 5 3 * * *", "listens on 127.0.0.1:8080"); err != nil {
		return err
	}
	if err := w.reloaded(ctx, daily+"nonsense: true\n", refused, refused); err != nil {
		return err
	}
	if _, err := operator("reload"); err == nil {
		return errors.New("zensync reload takes a configuration with an unknown key")
	}
	if err := os.WriteFile(configuration, before, 0o600); err != nil {
		return err
	}
	if _, err := operator("reload"); err != nil {
		return err
	}
	if err := w.says(ctx, "at work; reconciles at 17 */6 * * *", "listens on 127.0.0.1:8080"); err != nil {
		return err
	}
	after, err := mainPIDs()
	if err == nil && after != pids {
		err = errors.New("a service was restarted: " + pids + " became " + after)
	}
	return errors.Join(err, w.hook(ctx))
}

// renewToken changes ZenQMS's token, and the file that holds it, as an
// administrator does: of the copy that the worker was started with it is no more.
func (w *world) renewToken(ctx context.Context) error {
	before, err := mainPIDs()
	if err != nil {
		return err
	}
	w.token = rand.Text()
	w.account.SetToken(w.token)
	// In place, so that it stays zensync's.
	if err := os.WriteFile("/etc/zensync/zenqms.key", []byte(w.token+"\n"), 0o600); err != nil {
		return err
	}
	said, err := operator("reload")
	switch {
	case err != nil:
		return err
	case strings.Contains(said, "zenqms") || !strings.Contains(said, "the relay has the files of relay.secret_file, relay.previous_secret_file from systemd"):
		return errors.New("zensync reload speaks of other copies than the relay's: " + said)
	}
	after, err := mainPIDs()
	if err == nil && after != before {
		err = errors.New("a service was restarted: " + before + " became " + after)
	}
	return errors.Join(err, w.hook(ctx))
}

// reloaded has systemd reload both services on a configuration, and waits for
// what they say of it.
func (w *world) reloaded(ctx context.Context, text, ofWorker, ofRelay string) error {
	if err := os.WriteFile(configuration, []byte(text), 0o600); err != nil {
		return err
	}
	if err := runAll("systemctl reload " + worker + " " + relay); err != nil {
		return err
	}
	return w.says(ctx, ofWorker, ofRelay)
}

func (w *world) says(ctx context.Context, ofWorker, ofRelay string) error {
	err := eventually(ctx, "the services to say "+ofWorker+"; "+ofRelay, func() bool {
		return errors.Join(expect(worker, "StatusText", ofWorker), expect(relay, "StatusText", ofRelay)) == nil
	})
	if err != nil { // what they say instead
		err = errors.Join(err, expect(worker, "StatusText", ofWorker), expect(relay, "StatusText", ofRelay))
	}
	return err
}

func mainPIDs() (string, error) {
	var pids []string
	for _, unit := range []string{relay, worker} {
		pid, err := property(unit, "MainPID")
		if err != nil {
			return "", err
		}
		pids = append(pids, pid)
	}
	return strings.Join(pids, " "), nil
}
