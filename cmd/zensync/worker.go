package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/systemd"
	"github.com/zensync/zensync/store"
)

func workerCommand() *cli.Command {
	return &cli.Command{
		Name:  "worker",
		Usage: "bring ZenQMS in step: carry out what is asked for, and reconcile on schedule",
		Description: "Works until SIGINT or SIGTERM. Only one worker runs at a time; while a command such as deploy does the work,\n" +
			"a worker that starts waits for it.",
		Action: func(c *cli.Context) error {
			in, err := loadWorker(c)
			if err != nil {
				return err
			}
			return in.serve(c.Context, "worker", []string{"worker"}, in.work)
		},
	}
}

// loadWorker is load for worker and run.
func loadWorker(c *cli.Context) (*installation, error) {
	if err := noOperands(c); err != nil {
		return nil, err
	}
	return load(c, serviceLevel)
}

// work is the worker until ctx ends, under the name holder.
func (in *installation) work(ctx context.Context, db *store.DB, holder string, part *systemd.Part) (err error) {
	if err := in.checkDeployed(ctx, db); err != nil {
		return err
	}
	worker, err := in.worker(db)
	if err != nil {
		return err
	}
	lock, err := in.lockWorker(ctx, db, holder, part)
	if err != nil || lock == nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := in.noteInEffect(ctx, db, login()); err != nil {
		return err
	}
	endAlerts, err := in.startAlerts(ctx, db)
	if err != nil {
		return err
	}
	defer endAlerts()
	worker.Beat = part.Beat
	part.Ready("at work; reconciles at " + in.Sync.Schedule)
	in.log.Info("worker started", "okta", in.Okta.OrgURL, "zenqms", in.ZenQMS.BaseURL, "schedule", in.Sync.Schedule)
	if err := worker.Run(ctx); err != nil {
		return err
	}
	in.log.Info("worker stopped")
	return nil
}

// services are the names under which a worker runs for good. Any other holder
// of its lock is a command, which will give it back.
var services = []string{"worker", "run"}

func isService(holder string) bool { return slices.Contains(services, holder) }

// lockPoll is how often a waiting worker looks whether the command is done.
const lockPoll = 200 * time.Millisecond

// lockWorker takes the worker's lock. A command that has it is waited for, a
// worker is not. The lock is nil when ctx ended meanwhile.
//
// A worker that waits is ready: the work is being done, and a first deploy
// takes longer than a service manager's patience.
//
// The holder's name is written a moment after the lock is taken, so a worker
// is believed in only when it was seen twice.
func (in *installation) lockWorker(ctx context.Context, db *store.DB, holder string, part *systemd.Part) (*store.Lock, error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for before := ""; ; {
		part.Beat()
		lock, err := db.TryLock(store.WorkerPart, holder)
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
			in.log.Info("waiting for a command that does the worker's job", "command", locked.Holder)
			part.Ready("waiting: `zensync " + locked.Holder + "` does the worker's job")
		}
		before = locked.Holder
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, nil
		}
	}
}
