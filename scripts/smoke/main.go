// Command smoke is a day in the life of an installed zensync, in some seconds:
// the packages it is given are installed one after the other on this very host
// and used between imitations of Okta and ZenQMS, and in the end purged. So the
// host has to be one to throw away: scripts/smoke.sh makes it, and runs this in
// it as root.
//
//	smoke OLD.deb NEW.deb
//
// It stops at the first step that goes wrong, with the end of the journal.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: smoke OLD.deb NEW.deb")
		os.Exit(2)
	}
	if err := live(context.Background(), os.Args[1], os.Args[2]); err != nil {
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

// live goes through all steps.
func live(ctx context.Context, old, new string) error {
	w, err := newWorld()
	if err != nil {
		return err
	}
	defer w.close()
	for _, s := range []step{
		{"install: a user, and nothing enabled or started", func(context.Context) error { return w.install(old) }},
		{"configure: root puts files there, systemd-tmpfiles says whose they are", w.configure},
		{"start: ready when systemctl returns", w.start},
		{"deploy: everybody is in ZenQMS", w.deploy},
		{"a hook", w.hook},
		{"the relay has one secret and no network, and logs to the journal", w.confinement},
		{"reload: a change is taken up, a broken one is not, and nothing restarts", w.reload},
		{"the relay is restarted under load, and no delivery fails", w.restartUnderLoad},
		{"the worker is killed, and goes on", w.killWorker},
		{"the worker hangs, and is restarted", w.hangWorker},
		{"upgrade under load: no delivery fails, and what was configured stays", func(ctx context.Context) error { return w.upgrade(ctx, new) }},
		{"remove: nothing runs, data stay; purge: data go", func(context.Context) error { return w.remove() }},
	} {
		fmt.Println("==", s.name)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	fmt.Println("smoke: ok")
	return nil
}
