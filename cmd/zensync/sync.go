package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func syncCommand() *cli.Command {
	return &cli.Command{
		Name:      "sync",
		Usage:     "sync some users now, edits made in ZenQMS included",
		ArgsUsage: "USER...",
		Description: "USER is an Okta id, a login or an email address. The users are read in Okta and brought in step,\n" +
			"whether they have changed or not. A worker that is up does it, or this command itself.\n" +
			"More users than the brake lets through at once are a run of their own, which it counts.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "wait", Value: true, Usage: "wait until each user was tried once; --wait=false only asks for it"},
			byFlag(), formatFlag(),
		},
		Action: syncUsers,
	}
}

// wanted is a user somebody asked to sync.
type wanted struct {
	asked  string // as it was typed
	oktaID string
	row    int64 // of the outbox
}

func syncUsers(c *cli.Context) error {
	if !c.Args().Present() {
		return usage("sync: name at least one user, by Okta id, login or email")
	}
	return deployed(c, func(in *installation, worker *reconcile.Worker) error { return in.syncNamed(c, worker, c.Bool("wait")) })
}

// syncNamed syncs the users that the command line names, and waits for it if it
// is to.
func (in *installation) syncNamed(c *cli.Context, worker *reconcile.Worker, wait bool) error {
	db := worker.DB
	var users []wanted
	for _, asked := range c.Args().Slice() {
		id, err := lookUpUser(c.Context, worker.Okta, db, asked)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(users, func(u wanted) bool { return u.oktaID == id }) {
			users = append(users, wanted{asked: asked, oktaID: id})
		}
	}
	run, err := in.enqueue(c.Context, db, users, actor(c))
	if err != nil {
		return err
	}
	if run != 0 {
		fmt.Fprintf(c.App.ErrWriter, "%d users are more than the brake lets through at once: this is run %d, and it counts what that asks for\n", len(users), run)
	}
	if !wait {
		fmt.Fprintf(c.App.ErrWriter, "asked for %s; `zensync report log` shows what came of it\n", count(int64(len(users)), "user", "users"))
		if !serves(db) {
			fmt.Fprintln(c.App.ErrWriter, "no worker is up: it is done once one is")
		}
		return nil
	}
	if run != 0 {
		return attendRun(c, worker, users, run)
	}
	return attendUsers(c, worker, "sync", users)
}

// enqueue asks for the users in one transaction: with a promise each, or with
// a run, which is 0 otherwise.
func (in *installation) enqueue(ctx context.Context, db *store.DB, users []wanted, actor string) (run int64, err error) {
	asked := reconcile.Naming{Brake: in.brake(), Actor: actor}
	for _, u := range users {
		asked.Users = append(asked.Users, u.oktaID)
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		if err := in.ready(tx); err != nil {
			return err
		}
		var rows []int64
		if rows, run, err = asked.Ask(tx); err != nil {
			return err
		}
		for i, row := range rows {
			users[i].row = row
		}
		return nil
	})
	if err == nil {
		db.Nudge()
	}
	return run, err
}

// attendRun waits until the run over the users is done, and prints what came
// of each.
func attendRun(c *cli.Context, worker *reconcile.Worker, users []wanted, run int64) error {
	if err := follow(c.Context, worker, "sync", run, c.App.ErrWriter); err != nil {
		return err
	}
	s, err := summarize(c.Context, worker.DB, run)
	if err != nil {
		return err
	}
	if s.run.State == store.RunFailed {
		return s.verdict()
	}
	if err := worker.DB.View(c.Context, func(tx *store.Tx) error {
		for i := range users {
			row, found, err := tx.RowOf(run, users[i].oktaID)
			if err != nil {
				return err
			}
			if !found {
				return fmt.Errorf("run %d has asked for nothing about %s; run `zensync sync %s` for him alone", run, users[i].oktaID, users[i].asked)
			}
			users[i].row = row
		}
		return nil
	}); err != nil {
		return err
	}
	err = printOutcomes(c, worker.DB, users)
	if s.held() == 0 || err != nil && !errors.Is(err, errAttention) {
		return err
	}
	s.commentHeld(c.App.ErrWriter)
	return errHeld
}

// attendUsers waits until each user was tried, and prints what came of it.
// holder is what the worker's lock is held as, if it comes to that.
func attendUsers(c *cli.Context, worker *reconcile.Worker, holder string, users []wanted) error {
	rows := make([]int64, len(users))
	for i, u := range users {
		rows[i] = u.row
	}
	start := time.Now()
	if err := worker.Attend(c.Context, holder, unlessStopped(reconcile.RowsTried(rows))); err != nil {
		return err
	}
	worker.Log.Debug("all were tried", "users", len(users), "duration", time.Since(start))
	return printOutcomes(c, worker.DB, users)
}

// printOutcomes prints what came of the last attempt at each user. Its error
// is errAttention when somebody needs a person.
func printOutcomes(c *cli.Context, db *store.DB, users []wanted) error {
	table := output.Table{Columns: []string{"user", "okta_id", "zenqms_id", "action", "outcome", "changes", "error", "again"}}
	attention := false
	if err := db.View(c.Context, func(tx *store.Tx) error {
		for _, u := range users {
			state, err := tx.RowState(u.row)
			if err != nil {
				return err
			}
			rows, needy, err := outcomeOf(tx, u, state)
			if err != nil {
				return err
			}
			table.Rows = append(table.Rows, rows...)
			attention = attention || needy
		}
		return nil
	}); err != nil {
		return err
	}
	if err := output.Write(c.App.Writer, c.String("format"), table); err != nil {
		return err
	}
	if attention {
		return errAttention
	}
	return nil
}

// outcomeOf are the log rows of the attempt that closed a user's promise, or of
// his last one while none has, with when he is tried again, and whether he needs
// attention: he failed, or is skipped for more than a missing field.
func outcomeOf(tx *store.Tx, u wanted, state store.RowState) (rows [][]any, needy bool, err error) {
	log, err := logOfAttempt(tx, u.oktaID, state.Finished)
	if err != nil {
		return nil, false, err
	}
	var again any
	if state.State == store.StateOpen {
		again = timeCell(state.Due)
	}
	attempt := slices.Index(log.Columns, "attempt")
	last := only(log, "zenqms_id", "action", "outcome", "changes", "error")
	for i, row := range log.Rows {
		if row[attempt] == log.Rows[0][attempt] {
			rows = append(rows, append(append([]any{u.asked, u.oktaID}, last.Rows[i]...), again))
		}
	}
	slices.Reverse(rows) // the report has the latest first
	skip, skipped, err := tx.Skip(u.oktaID)
	if err != nil {
		return nil, false, err
	}
	failed := state.State == store.StateDead || state.Error != "" && state.State == store.StateOpen
	return rows, failed || skipped && skip.Code != store.SkipMissing, nil
}

// logOfAttempt is the log of a user, the latest first, up to and with the attempt
// that was recorded at a time: others may have followed. At the zero time it is
// up to the last.
func logOfAttempt(tx *store.Tx, oktaID string, at time.Time) (output.Table, error) {
	args := store.ReportArgs{User: oktaID, Limit: mostRowsOfAttempt}
	if !at.IsZero() {
		args.Until = at.Add(time.Millisecond) // the log's times are whole ones
	}
	return readReport(tx, "log", args)
}

// mostRowsOfAttempt bounds how many log rows one attempt writes: what was sent
// and what is skipped, and some to spare.
const mostRowsOfAttempt = 8
