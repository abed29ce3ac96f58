package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

const (
	socket = "zensync-relay.socket"
	relay  = "zensync-relay.service"
	worker = "zensync-worker.service"
)

var units = []string{socket, relay, worker}

// install installs a package by a line of words.
func (w *world) install(line string) error {
	if err := runAll(line, "id zensync"); err != nil {
		return err
	}
	for _, unit := range units {
		if err := errors.Join(expect(unit, "UnitFileState", "disabled"), expect(unit, "ActiveState", "inactive")); err != nil {
			return err
		}
		// Without a configuration there is nothing to start.
		if err := errors.Join(runAll("systemctl start "+unit), expect(unit, "ActiveState", "inactive"), expect(unit, "ConditionResult", "no")); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) configure(context.Context) error {
	files, err := w.files()
	if err != nil {
		return err
	}
	if err := write("/etc/zensync", files); err != nil {
		return err
	}
	if err := errors.Join(override(), runAll("systemd-tmpfiles --create zensync.conf")); err != nil {
		return err
	}
	_, err = operator("config", "check")
	return err
}

// overrides is where `systemctl edit` puts what an administrator changes of the
// worker.
const overrides = "/etc/systemd/system/zensync-worker.service.d"

// override changes something that an upgrade has to leave alone. A short
// watchdog also spares the wait for one.
func override() error {
	return errors.Join(os.MkdirAll(overrides, 0o755),
		write(overrides, map[string]string{"watchdog.conf": "[Service]\nWatchdogSec=4s\n"}), runAll("systemctl daemon-reload"))
}

func (w *world) start(context.Context) error {
	if err := runAll("systemctl enable --now " + strings.Join(units, " ")); err != nil {
		return err
	}
	for _, unit := range units {
		if err := expect(unit, "ActiveState", "active"); err != nil {
			return err
		}
	}
	return errors.Join(expect(relay, "StatusText", "listens on 127.0.0.1:8080"), expect(worker, "StatusText", "at work; reconciles at 17 */6 * * *"))
}

func (w *world) deploy(ctx context.Context) error {
	if _, err := operator("deploy", "--yes"); err != nil {
		return err
	}
	return w.synced(ctx)
}

func (w *world) hook(ctx context.Context) error {
	w.hired++
	w.org.AddUser(person("hire", w.hired), oktatest.Active)
	if err := w.org.DeliverAll(ctx); err != nil {
		return err
	}
	return w.synced(ctx)
}

// confinement looks at the relay from inside its mount namespace.
func (w *world) confinement(context.Context) error {
	pid, err := property(relay, "MainPID")
	if err != nil {
		return err
	}
	for path, want := range map[string]string{
		"/etc/zensync":              "zensync.yaml",
		"/run/credentials/" + relay: "hook.secret hook.secret.previous relay.crt relay.key",
	} {
		listed, err := run("nsenter", "--mount", "--target="+pid, "ls", path)
		if err != nil {
			return err
		}
		if got := strings.Join(strings.Fields(listed), " "); got != want {
			return fmt.Errorf("the relay sees in %s: %s; instead of: %s", path, got, want)
		}
	}
	devices, err := run("nsenter", "--net", "--target="+pid, "cat", "/proc/self/net/dev")
	if err != nil {
		return err
	}
	if lines := strings.Split(devices, "\n"); len(lines) != 3 || !strings.Contains(lines[2], "lo:") {
		return fmt.Errorf("the relay has a network: %s", devices)
	}
	logged, err := run("journalctl", "--no-pager", "--output=cat", "SYSLOG_IDENTIFIER=zensync", "_SYSTEMD_UNIT="+relay, "ADDRESS=127.0.0.1:8080")
	if err == nil && !strings.Contains(logged, "relay listens address=127.0.0.1:8080") {
		err = fmt.Errorf("the journal has no such field: %s", logged)
	}
	return err
}

func (w *world) restartUnderLoad(ctx context.Context) error {
	return w.underLoad(ctx, "restart", func() error {
		for range 3 {
			if err := errors.Join(runAll("systemctl restart "+relay), w.deliveries(ctx)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) killWorker(ctx context.Context) error {
	return w.underLoad(ctx, "kill", func() error {
		return w.replaced(ctx, "systemctl kill --signal=KILL "+worker)
	})
}

// hangWorker stops the process as a whole, which is what a hung one looks like
// from outside. It is stopped at rest: nothing of it waits inside a transaction,
// so a worker that hangs does not hold the database, as one stopped there would.
func (w *world) hangWorker(ctx context.Context) error {
	before, err := property(worker, "MainPID")
	if err != nil {
		return err
	}
	if err := errors.Join(w.synced(ctx), runAll("systemctl kill --signal=STOP "+worker)); err != nil {
		return err
	}
	return w.underLoad(ctx, "hang", func() error { return w.successor(ctx, before) })
}

// replaced does something to the worker and waits for its successor.
func (w *world) replaced(ctx context.Context, line string) error {
	before, err := property(worker, "MainPID")
	if err != nil {
		return err
	}
	if err := runAll(line); err != nil {
		return err
	}
	return w.successor(ctx, before)
}

// successor waits for a worker that is another process than before.
func (w *world) successor(ctx context.Context, before string) error {
	return eventually(ctx, "another worker", func() bool {
		after, err := property(worker, "MainPID")
		return err == nil && after != before && after != "0" && expect(worker, "ActiveState", "active") == nil
	})
}

// upgrade installs another version by a line of words.
func (w *world) upgrade(ctx context.Context, line string) error {
	before, err := os.ReadFile(configuration)
	if err != nil {
		return err
	}
	old, err := run("zensync", "version")
	if err != nil {
		return err
	}
	if err := w.underLoad(ctx, "upgrade", func() error {
		return w.replaced(ctx, line)
	}); err != nil {
		return err
	}
	after, err := os.ReadFile(configuration)
	if err != nil {
		return err
	}
	now, err := run("zensync", "version")
	switch {
	case err != nil:
		return err
	case string(before) != string(after):
		return errors.New("the configuration was changed")
	case old == now:
		return errors.New("the version is the old one: " + now)
	}
	if err := errors.Join(expect(worker, "WatchdogUSec", "4s"), expect(relay, "ActiveState", "active"), expect(relay, "UnitFileState", "enabled")); err != nil {
		return err
	}
	_, err = operator("verify")
	return err
}

func (w *world) remove(context.Context) error {
	if err := w.removed("/usr/bin/zensync", "dpkg --remove zensync"); err != nil {
		return err
	}
	return errors.Join(runAll("dpkg --purge zensync"), absent("/etc/zensync", "/var/lib/zensync", overrides))
}

// removed takes away the program by a line of words, while it runs, and holds it
// to what has to go with it and what has to stay.
func (w *world) removed(program, line string) error {
	if err := errors.Join(runAll(line), absent(program, "/etc/systemd/system/sockets.target.wants/"+socket,
		"/etc/systemd/system/multi-user.target.wants/"+relay, "/etc/systemd/system/multi-user.target.wants/"+worker),
		present(configuration, "/etc/zensync/okta.pem", "/var/lib/zensync/zensync.db")); err != nil {
		return err
	}
	for _, unit := range units {
		if err := errors.Join(expect(unit, "ActiveState", "inactive"), expect(unit, "LoadState", "not-found")); err != nil {
			return err
		}
	}
	return nil
}
