package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func relinkCommand() *cli.Command {
	return &cli.Command{
		Name:      "relink",
		Usage:     "give the ZenQMS account of one Okta user to another: the same person under a new id",
		ArgsUsage: "NEW OLD",
		Description: "NEW is live in Okta and has no account yet, OLD has one and is gone. The account keeps its signatures, so this is\n" +
			"for one and the same person only. NEW is synced at once. Who did it, and why, is logged.",
		Flags:  []cli.Flag{reasonFlag(), byFlag(), formatFlag()},
		Action: relink,
	}
}

func relink(c *cli.Context) error {
	if c.NArg() != 2 {
		return usage("relink: name two users, the new one and the old one, by Okta id, login or email")
	}
	why, err := reason(c)
	if err != nil {
		return err
	}
	return deployed(c, func(_ *installation, worker *reconcile.Worker) error {
		var ids [2]string
		for i, asked := range c.Args().Slice() {
			if ids[i], err = lookUpUser(c.Context, worker.Okta, worker.DB, asked); err != nil {
				return err
			}
		}
		row, err := moveLink(c.Context, worker, reconcile.Relink{New: ids[0], Old: ids[1], Actor: actor(c), Reason: why})
		if err != nil {
			return err
		}
		return attendUsers(c, worker, "relink", []wanted{{asked: c.Args().First(), oktaID: ids[0], row: row}})
	})
}

// moveLink has done first what is still to be tried about the two. What waits for
// another attempt after that is not waited for.
func moveLink(ctx context.Context, worker *reconcile.Worker, r reconcile.Relink) (row int64, err error) {
	for {
		if err := worker.Attend(ctx, "relink", unlessStopped(r.Tried)); err != nil {
			return 0, err
		}
		row, err := worker.Relink(ctx, r)
		if !errors.Is(err, reconcile.ErrBusy) {
			return row, err
		}
		var waits bool
		if err := worker.DB.View(ctx, func(tx *store.Tx) (err error) {
			waits, err = r.Tried(tx)
			return err
		}); err != nil {
			return 0, err
		}
		if waits {
			return 0, err
		}
	}
}
