package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func driftCommand() *cli.Command {
	return &cli.Command{
		Name:      "drift",
		Usage:     "see where Okta and ZenQMS differ now, and why",
		ArgsUsage: "[--fix USER...]",
		Description: "Reads all users of both sides and prints what differs: of linked users the fields, the access and the mapped roles; active\n" +
			"accounts that are nobody's; links without an account or an Okta user; addresses of several accounts. Each has its reason and\n" +
			"what would settle it: `zensync report list drift`. Nothing is written to Okta, to ZenQMS or to the store: it works on a\n" +
			"copy, in a folder below $TMPDIR that is removed again. The exit status is 0 where nothing differs, 3 where something does.\n\n" +
			"--fix sets what Okta has for the users named, as `zensync sync` does, edits made in ZenQMS included.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "fix", Usage: "push Okta's values for each USER: an Okta id, a login or an email address"},
			&cli.StringFlag{Name: "user", Usage: "of this `USER` only: an Okta id, or the address this store has of him"},
			&cli.Int64Flag{Name: "limit", Usage: "at most `N` rows"},
			&cli.StringFlag{Name: "output", Usage: "write into `FILE`, readable by you alone; one that is there is replaced"},
			byFlag(), formatFlag(htmlFormat),
		},
		Action: drift,
	}
}

func drift(c *cli.Context) error {
	if c.Bool("fix") {
		return fixDrift(c)
	}
	if c.Args().Present() {
		return usage("drift: takes no arguments without --fix, and was given %q; --user limits it to one", c.Args().First())
	}
	e := edition{made: time.Now()}
	var err error
	if e.args, err = reportArgs(c, e.made); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	err = in.withCopy(c.Context, func(db *store.Copy) error {
		if err := db.View(c.Context, in.ready); err != nil {
			return err
		}
		worker, err := in.worker(db.DB)
		if err != nil {
			return err
		}
		if err := in.noteInEffect(c.Context, db.DB, ""); err != nil { // the report goes by it
			return err
		}
		progress := &runProgress{talk: c.App.ErrWriter}
		err = worker.ReadBoth(c.Context, db, progress.show)
		progress.Close()
		if err != nil {
			return err
		}
		return db.View(c.Context, func(tx *store.Tx) (err error) {
			if e.head, err = tx.LogHead(); err != nil {
				return err
			}
			e.sections, err = readSections(tx, []string{"drift"}, e.args, c)
			return err
		})
	})
	if c.Context.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New("interrupted: nothing was compared, and nothing was changed")
	}
	if err != nil {
		return err
	}
	if err := deliver(c, e); err != nil {
		return err
	}
	if n := len(e.sections[0].table.Rows); n > 0 {
		fmt.Fprintf(c.App.ErrWriter, "%s; `zensync report list drift` says what the columns mean\n", count(int64(n), "difference", "differences"))
		return errToDo
	}
	return nil
}

// fixDrift is `sync` of the users named.
func fixDrift(c *cli.Context) error {
	if !c.Args().Present() {
		return usage("drift: --fix needs at least one user, by Okta id, login or email")
	}
	for _, flag := range []string{"user", "limit", "output"} {
		if c.IsSet(flag) {
			return usage("drift: --%s is for a comparison, not for --fix", flag)
		}
	}
	if c.String("format") == htmlFormat {
		return usage("drift: --format html is for a comparison, not for --fix")
	}
	return deployed(c, func(in *installation, worker *reconcile.Worker) error { return in.syncNamed(c, worker, true) })
}
