package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func retryCommand() *cli.Command {
	return &cli.Command{
		Name:      "retry",
		Usage:     "try again what was given up",
		ArgsUsage: "ID... | --all",
		Description: "`zensync report dead` lists what was given up, with its ids. Each user is read in Okta anew, and gets all his\n" +
			"attempts again. --all means what is given up when the command begins.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "all that is given up now"},
			byFlag(), formatFlag(),
		},
		Action: retry,
	}
}

func retry(c *cli.Context) error {
	if c.Args().Present() == c.Bool("all") {
		return usage("retry: name what is meant by its ids or by --all; `zensync report dead` lists it")
	}
	ids, err := rowIDs(c, "dead")
	if err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		if err := db.View(c.Context, in.checkMapping); err != nil {
			return err
		}
		worker, err := in.worker(db)
		if err != nil {
			return err
		}
		dead, err := reconcile.Retry{Binding: in.binding(), Actor: actor(c)}.Begin(c.Context, db, ids)
		if err != nil {
			return err
		}
		if err := in.noteInEffect(c.Context, db, actor(c)); err != nil {
			return err
		}
		if len(dead) == 0 {
			fmt.Fprintln(c.App.ErrWriter, "nothing was given up")
			return nil
		}
		if paused, err := waitsForResume(c, db); err != nil || paused {
			return err
		}
		return attendUsers(c, worker, "retry", eachOnce(dead))
	})
}

// eachOnce are the users of some promises: all that are open about one user
// are kept by the same sync.
func eachOnce(rows []store.DeadRow) []wanted {
	var users []wanted
	for _, d := range rows {
		if !slices.ContainsFunc(users, func(u wanted) bool { return u.oktaID == d.OktaID }) {
			users = append(users, wanted{asked: strconv.FormatInt(d.ID, 10), oktaID: d.OktaID, row: d.ID})
		}
	}
	return users
}

// rowIDs are the ids of outbox rows on the command line.
func rowIDs(c *cli.Context, report string) ([]int64, error) {
	var ids []int64
	for _, text := range c.Args().Slice() {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return nil, usage("%s: %q is no id; `zensync report %s` lists them", c.Command.Name, text, report)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
