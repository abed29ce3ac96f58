package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
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
		if err := db.View(c.Context, func(tx *store.Tx) error { return in.binding().Check(tx) }); err != nil {
			return err
		}
		worker, err := in.worker(db.DB)
		if err != nil {
			return err
		}
		id, err := lookUpUser(c.Context, worker.Okta, db.DB, c.Args().First())
		if err != nil {
			return err
		}
		x, err := worker.Explain(c.Context, db, id)
		if err != nil {
			return err
		}
		return printExplanation(c, db.DB, x)
	})
}

func printExplanation(c *cli.Context, db *store.DB, x reconcile.Explanation) error {
	var log output.Table
	if err := db.View(c.Context, func(tx *store.Tx) (err error) {
		log, err = readReport(tx, "log", store.ReportArgs{User: x.User.OktaID, Limit: shownAttempts})
		return err
	}); err != nil {
		return err
	}
	format := c.String("format")
	if err := output.WriteObject(c.App.Writer, format, explanation(x)); err != nil {
		return err
	}
	if format != "table" || len(log.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(c.App.Writer); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return output.Write(c.App.Writer, format, only(log, "time", "origin", "action", "outcome", "changes", "error"))
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
