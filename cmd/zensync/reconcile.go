package main

import (
	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/store"
)

func reconcileCommand() *cli.Command {
	return &cli.Command{
		Name:  "reconcile",
		Usage: "compare all users now, and sync whom the hooks missed",
		Description: "Does now what the worker does on sync.schedule. A worker that is up does it, or this command itself.\n" +
			"Edits made in ZenQMS stay, unless the user has changed in Okta.",
		Flags:  []cli.Flag{dryRunFlag(), byFlag(), formatFlag()},
		Action: reconcileNow,
	}
}

func reconcileNow(c *cli.Context) error {
	if c.Bool("dry-run") {
		return plan(c, store.ReconcileRun)
	}
	if err := noOperands(c); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		worker, err := in.worker(db)
		if err != nil {
			return err
		}
		if err := db.View(c.Context, in.ready); err != nil {
			return err
		}
		if err := in.noteInEffect(c.Context, db, actor(c)); err != nil {
			return err
		}
		var run int64
		if err := db.Update(c.Context, func(tx *store.Tx) (err error) {
			if err := in.ready(tx); err != nil {
				return err
			}
			run, err = tx.WantRun(store.ReconcileRun, actor(c), tx.Now)
			return err
		}); err != nil {
			return err
		}
		db.Nudge()
		if err := follow(c.Context, worker, "reconcile", run, c.App.ErrWriter); err != nil {
			return err
		}
		s, err := summarize(c.Context, db, run)
		if err != nil {
			return err
		}
		if err := s.print(c.App.Writer, c.App.ErrWriter, c.String("format")); err != nil {
			return err
		}
		return s.verdict()
	})
}
