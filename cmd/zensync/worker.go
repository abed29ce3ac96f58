package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/store"
)

func workerCommand() *cli.Command {
	return &cli.Command{
		Name:  "worker",
		Usage: "bring ZenQMS in step: carry out what is asked for, and reconcile on schedule",
		Description: "Works until SIGINT or SIGTERM. Only one worker runs at a time; while a command such as deploy does the work,\n" +
			"a worker that starts waits for it.",
		Action: func(c *cli.Context) error { return serve(c, "worker", workerPart) },
	}
}

var workerPart = part{name: "worker", do: (*installation).work}

// work is the worker until ctx ends.
func (in *installation) work(ctx context.Context, p *post) (err error) {
	if err := in.checkDeployed(ctx, p.db); err != nil {
		return err
	}
	in = in.withPage(p.db)
	worker, err := in.worker(p.db)
	if err != nil {
		return err
	}
	worker.Keep = in.Store.Keep // a command has no time for that
	told, err := in.addresses()
	if err != nil {
		return err
	}
	shown := in.pageOpener()
	defer shown.close()
	lock, err := in.lockWorker(ctx, p, shown.open)
	if err != nil || lock == nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := shown.open(); err != nil {
		return err
	}
	now := &crew{installation: in, worker: worker, told: told}
	select {
	case <-p.anew: // it was asked for while a command did the work
		if next := now.renew(ctx, p); next != nil {
			now = next
		}
	default:
	}
	for now != nil && ctx.Err() == nil {
		next, err := now.work(ctx, p)
		if store.MayPass(untilStopped(ctx, err)) {
			next, err = now.afterAilment(ctx, p, err)
		}
		if now = next; untilStopped(ctx, err) != nil {
			return err
		}
	}
	in.log.Info("worker stopped")
	return nil // to be told to stop is no error
}

// services are the names under which a worker runs for good. Any other holder
// of its lock is a command, which will give it back.
var services = []string{"worker", "run"}

func isService(holder string) bool { return slices.Contains(services, holder) }

// lockPoll is how often a waiting worker looks whether the command is done.
const lockPoll = 200 * time.Millisecond

// lockWorker takes the worker's lock. A command that has it is waited for, a
// worker is not; waits is called when the waiting begins, and may be again. The
// lock is nil when ctx ended meanwhile.
//
// A worker that waits is ready: the work is being done, and a first deploy
// takes longer than a service manager's patience.
//
// The holder's name is written a moment after the lock is taken, so a worker
// is believed in only when it was seen twice.
func (in *installation) lockWorker(ctx context.Context, p *post, waits func() error) (*store.Lock, error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for before := ""; ; {
		p.part.Beat()
		if in.page != nil {
			in.page.Beat()
		}
		lock, err := p.db.TryLock(store.WorkerPart, p.holder)
		if err == nil {
			return lock, nil
		}
		var locked *store.ErrLocked
		if !errors.As(err, &locked) {
			return nil, err
		}
		switch {
		case locked.Holder != before && isService(locked.Holder):
		case isService(locked.Holder):
			return nil, fmt.Errorf("%w; only one works at a time", err)
		case locked.Holder != before:
			if err := waits(); err != nil {
				return nil, err
			}
			in.log.Info("waiting for a command that does the worker's job", "command", locked.Holder)
			p.part.Ready("waiting: `zensync " + locked.Holder + "` does the worker's job")
		}
		before = locked.Holder
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, nil
		}
	}
}
