package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func approveCommand() *cli.Command {
	return &cli.Command{
		Name:      "approve",
		Usage:     "carry out what the brake holds",
		ArgsUsage: "ID... | --run N | --all",
		Description: "`zensync report held` lists what is held, with its ids. Each user is read in Okta anew first: what is no longer\n" +
			"wanted is dropped. --all means what is held when the command begins. Who approved it, and why, is logged.",
		Flags:  holdFlags(),
		Action: approve,
	}
}

func discardCommand() *cli.Command {
	return &cli.Command{
		Name:      "discard",
		Usage:     "do not carry out what the brake holds",
		ArgsUsage: "ID... | --run N | --all",
		Description: "`zensync report held` lists what is held, with its ids. It stands until the user changes in Okta again.\n" +
			"Who discarded it, and why, is logged.",
		Flags:  holdFlags(),
		Action: discard,
	}
}

func holdFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Int64Flag{Name: "run", Usage: "all that the run with this `ID` holds"},
		&cli.BoolFlag{Name: "all", Usage: "all that is held now"},
		reasonFlag(), byFlag(), formatFlag(),
	}
}

func reasonFlag() cli.Flag {
	return &cli.StringFlag{Name: "reason", Usage: "`WHY`, for the log: it is asked for in an audit"}
}

// reason is what --reason says. A decision without one is not taken.
func reason(c *cli.Context) (string, error) {
	why := strings.TrimSpace(c.String("reason"))
	if why == "" {
		return "", usage("%s: say why with --reason: it goes into the log", c.Command.Name)
	}
	return why, nil
}

func approve(c *cli.Context) error {
	return ruleOnHolds(c, func(ctx context.Context, in *installation, db *store.DB, r reconcile.Ruling, holds []store.Hold) error {
		worker, err := in.worker(db)
		if err != nil {
			return err
		}
		if err := r.Approve(ctx, db, idsOf(holds)); err != nil {
			return err
		}
		if paused, err := waitsForResume(c, db); err != nil || paused {
			return err
		}
		users := make([]wanted, len(holds))
		for i, h := range holds {
			users[i] = wanted{asked: strconv.FormatInt(h.ID, 10), oktaID: h.OktaID, row: h.ID}
		}
		return attendUsers(c, worker, "approve", users)
	})
}

func discard(c *cli.Context) error {
	return ruleOnHolds(c, func(ctx context.Context, _ *installation, db *store.DB, r reconcile.Ruling, holds []store.Hold) error {
		if err := r.Discard(ctx, db, idsOf(holds)); err != nil {
			return err
		}
		t := output.Table{Columns: []string{"id", "okta_id", "action", "outcome"}}
		for _, h := range holds {
			t.Rows = append(t.Rows, []any{h.ID, h.OktaID, string(h.Action), string(store.OutcomeDropped)})
		}
		return output.Write(c.App.Writer, c.String("format"), t)
	})
}

// ruleOnHolds finds the holds a person means and has rule carry out his word.
func ruleOnHolds(c *cli.Context, rule func(context.Context, *installation, *store.DB, reconcile.Ruling, []store.Hold) error) error {
	ids, err := holdIDs(c)
	if err != nil {
		return err
	}
	why, err := reason(c)
	if err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		var holds []store.Hold
		if err := db.View(c.Context, func(tx *store.Tx) (err error) {
			if err := in.binding().May(tx, reconcile.Active, reconcile.Paused); err != nil {
				return err
			}
			if err := in.checkMapping(tx); err != nil {
				return err
			}
			holds, err = meantHolds(tx, ids, c.Int64("run"))
			return err
		}); err != nil {
			return err
		}
		if len(holds) == 0 {
			fmt.Fprintln(c.App.ErrWriter, "nothing is held")
			return nil
		}
		if err := in.noteInEffect(c.Context, db, actor(c)); err != nil {
			return err
		}
		return rule(c.Context, in, db, reconcile.Ruling{Actor: actor(c), Reason: why}, holds)
	})
}

// holdIDs are the ids on the command line, none with --run and --all. Exactly
// one of the three ways has to be used.
func holdIDs(c *cli.Context) ([]int64, error) {
	ways := 0
	for _, used := range []bool{c.Args().Present(), c.IsSet("run"), c.Bool("all")} {
		if used {
			ways++
		}
	}
	if ways != 1 {
		return nil, usage("%s: name what is meant by its ids, by --run N or by --all; `zensync report held` lists it", c.Command.Name)
	}
	return rowIDs(c, "held")
}

// meantHolds are the holds with the ids, or all of a run, or all.
func meantHolds(tx *store.Tx, ids []int64, run int64) ([]store.Hold, error) {
	if len(ids) == 0 {
		return tx.Holds(run)
	}
	holds := make([]store.Hold, 0, len(ids))
	for _, id := range ids {
		h, found, err := tx.Hold(id)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("%d is not held (any more); `zensync report held` lists what is", id)
		}
		holds = append(holds, h)
	}
	return holds, nil
}

func idsOf(holds []store.Hold) []int64 {
	ids := make([]int64, len(holds))
	for i, h := range holds {
		ids[i] = h.ID
	}
	return ids
}
