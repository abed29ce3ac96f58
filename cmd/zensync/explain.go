package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/cmd/zensync/page"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "see how one user stands, what a sync would do about him, and why",
		ArgsUsage: "USER",
		Description: "USER is an Okta id, a login or an email address. He is read in Okta and ZenQMS as they are now; nothing is written\n" +
			"to either, nor to the store. `now` is what a sync would do that is not forced, and the rules of the design behind it.",
		Flags:  []cli.Flag{formatFlag()},
		Action: explain,
	}
}

// shownAttempts is how many of a user's latest log rows an explanation shows.
const shownAttempts = 5

func explain(c *cli.Context) error {
	if c.NArg() != 1 {
		return usage("explain: name one user, by Okta id, login or email")
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	return in.withCopy(c.Context, func(db *store.Copy) error {
		if err := in.mayExplain(c.Context, db); err != nil {
			return err
		}
		worker, err := in.worker(db.DB)
		if err != nil {
			return err
		}
		about, log, err := explainOn(c.Context, worker, db, c.Args().First())
		if err != nil {
			return err
		}
		return printExplanation(c, about, log)
	})
}

// explainOn tells how the user stands whom somebody means, with the latest rows
// of the log about him. It works on a copy of the store.
func explainOn(ctx context.Context, worker *reconcile.Worker, db *store.Copy, who string) (about []output.Pair, log output.Table, err error) {
	id, err := lookUpUser(ctx, worker.Okta, db.DB, who)
	if err != nil {
		return nil, log, err
	}
	x, err := worker.Explain(ctx, db, id)
	if err != nil {
		return nil, log, err
	}
	err = db.View(ctx, func(tx *store.Tx) error {
		log, err = readReport(tx, "log", store.ReportArgs{User: x.User.OktaID, Limit: shownAttempts})
		return err
	})
	if err != nil {
		return nil, log, err
	}
	return explanation(x), only(log, "time", "origin", "action", "outcome", "changes", "error"), nil
}

// mayExplain refuses another installation's store, and one that is being
// unlinked (rule C1).
func (in *installation) mayExplain(ctx context.Context, db *store.Copy) error {
	return db.View(ctx, func(tx *store.Tx) error {
		return in.binding().May(tx, reconcile.New, reconcile.Active, reconcile.Paused, reconcile.Unlinked)
	})
}

// explainer explains users with the clients of a worker, for its page.
func (in *installation) explainer(worker *reconcile.Worker) func(context.Context, string) (page.Explained, error) {
	return func(ctx context.Context, who string) (x page.Explained, err error) {
		err = in.withCopy(ctx, func(db *store.Copy) (err error) {
			if err := in.mayExplain(ctx, db); err != nil {
				return err
			}
			x.About, x.Log, err = explainOn(ctx, worker, db, who)
			return err
		})
		var several usageError
		if errors.Is(err, errNobody) || errors.As(err, &several) {
			err = unclear{err}
		}
		return x, err
	}
}

// unclear is an error that says so to the page.
type unclear struct{ error }

func (u unclear) Unwrap() []error { return []error{u.error, page.ErrUnclear} }

func printExplanation(c *cli.Context, about []output.Pair, log output.Table) error {
	format := c.String("format")
	if err := output.WriteObject(c.App.Writer, format, about); err != nil {
		return err
	}
	if format != "table" || len(log.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(c.App.Writer); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return output.Write(c.App.Writer, format, log)
}

// explanation is what is printed, part by part.
func explanation(x reconcile.Explanation) []output.Pair {
	u := x.User
	pairs := []output.Pair{
		{Key: "okta", Value: []output.Pair{
			{Key: "id", Value: u.OktaID}, {Key: "status", Value: orNil(u.Status)}, {Key: "transitioning_to", Value: orNil(u.Transitioning)},
			{Key: "login", Value: orNil(u.Login)}, {Key: "email", Value: orNil(u.Email)}, {Key: "first_name", Value: orNil(u.FirstName)},
			{Key: "last_name", Value: orNil(u.LastName)}, {Key: "title", Value: orNil(u.Title)}, {Key: "last_updated", Value: timeCell(u.Updated)},
		}},
		{Key: "in_scope", Value: !u.OutOfScope},
		{Key: "groups", Value: orNil(strings.Join(x.Groups, ", "))},
		{Key: "roles", Value: orNil(strings.Join(x.Roles, ", "))},
	}
	if l := x.Link; l != nil {
		pairs = append(pairs, output.Pair{Key: "link", Value: []output.Pair{
			{Key: "zenqms_id", Value: l.ZenQMSID}, {Key: "applied_at", Value: timeCell(l.AppliedAt)},
			{Key: "applied_status", Value: orNil(l.OktaStatus)}, {Key: "moved_since", Value: x.Moved},
		}})
	} else {
		pairs = append(pairs, output.Pair{Key: "link", Value: nil})
	}
	if a := x.Account; a != nil {
		pairs = append(pairs, output.Pair{Key: "zenqms", Value: []output.Pair{
			{Key: "id", Value: a.ID}, {Key: "external_id", Value: orNil(a.ExternalID)}, {Key: "email", Value: orNil(a.Email)},
			{Key: "first_name", Value: orNil(a.FirstName)}, {Key: "last_name", Value: orNil(a.LastName)},
			{Key: "title", Value: orNil(a.Title)}, {Key: "active", Value: a.Active},
		}})
	} else {
		pairs = append(pairs, output.Pair{Key: "zenqms", Value: nil})
	}
	return append(pairs, output.Pair{Key: "skip", Value: skipText(x.Skip)}, output.Pair{Key: "open", Value: orNil(openText(x.Open))},
		output.Pair{Key: "now", Value: []output.Pair{
			{Key: "action", Value: string(x.Decision.Action)}, {Key: "fields", Value: orNil(strings.Join(x.Decision.Fields(), ", "))},
			{Key: "rule", Value: x.Rule}, {Key: "why", Value: orNil(x.Decision.Reason())},
		}})
}

func skipText(s *store.Skip) any {
	if s == nil {
		return nil
	}
	return string(s.Code) + ": " + s.Reason
}

// openText lists the promises about a user that are not kept yet.
func openText(rows []store.OpenRow) string {
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = fmt.Sprintf("%d %s (%s, %d attempts, due %s)", r.ID, r.State, r.Origin, r.Attempts, store.FormatTime(r.Due))
		if r.Error != "" {
			all[i] += ": " + r.Error
		}
	}
	return strings.Join(all, "; ")
}
