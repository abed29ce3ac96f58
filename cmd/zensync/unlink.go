package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func unlinkCommand() *cli.Command {
	return &cli.Command{
		Name:  "unlink",
		Usage: "take zensync out of Okta and ZenQMS: delete the event hook, clear the external_id of every linked account",
		Description: "Nothing else of an account is touched: it stays active or inactive, and keeps its name, address and roles. Where somebody\n" +
			"has changed external_id in ZenQMS, it stays as well. The log, the events and the reports stay in the store, and\n" +
			"`zensync deploy` links again. Broken off, it goes on when it is run again.\n\n" +
			"--from-zenqms is for a store that was lost: all of ZenQMS is looked through for accounts whose external_id is an Okta\n" +
			"user's id, as Okta confirms, or, if Okta refuses its credential by now, as its form says.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print whom it would unlink, and do nothing"},
			&cli.BoolFlag{Name: "from-zenqms", Usage: "also clear accounts this store has no link of"},
			byFlag(), formatFlag(),
		},
		Action: unlink,
	}
}

func unlink(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return in.withUnlinkable(c, func(db *store.DB) error { return planUnlink(c, in, db) })
	}
	if !c.Bool("yes") && !output.IsTerminal(c.App.Reader) {
		return usage("unlink asks before it begins, and this is no terminal: say --yes")
	}
	return in.withStore(c.Context, func(db *store.DB) (err error) {
		lock, err := db.TryLock(store.HookPart, "unlink")
		if err != nil {
			return atWork(err)
		}
		defer func() { err = errors.Join(err, lock.Release()) }()
		u, survey, err := in.surveyed(c, db)
		if err != nil || u == nil {
			return err
		}
		if !c.Bool("yes") {
			if err := agree(c.Context, c.App.Reader, c.App.ErrWriter, "unlinked"); err != nil {
				return err
			}
		}
		if err := in.noteInEffect(c.Context, db, u.Actor); err != nil {
			return err
		}
		return runUnlink(c, u, survey)
	})
}

// withUnlinkable opens the store for a dry run, which makes none: where there
// is none, what is in ZenQMS can be looked at all the same.
func (in *installation) withUnlinkable(c *cli.Context, work func(*store.DB) error) error {
	exists, err := in.hasStore()
	switch {
	case err != nil:
		return err
	case exists:
		return in.withStore(c.Context, work)
	case !c.Bool("from-zenqms"):
		return errNothingLinked
	}
	return in.withCopy(c.Context, func(db *store.Copy) error { return work(db.DB) })
}

// surveyed is the decommissioning and what it has before it, which it says. It
// is nil where everything was unlinked before.
func (in *installation) surveyed(c *cli.Context, db *store.DB) (*reconcile.Unlink, reconcile.UnlinkSurvey, error) {
	u, err := in.unlinking(db, actor(c))
	if err != nil {
		return nil, reconcile.UnlinkSurvey{}, err
	}
	survey, err := u.Survey(c.Context, c.Bool("from-zenqms"))
	switch {
	case err != nil:
		return nil, survey, uninterrupted(c.Context, err, "not unlinked: interrupted, and nothing was changed")
	case survey.Nothing() && survey.Stage.Life == reconcile.Unlinked:
		fmt.Fprintf(c.App.ErrWriter, "unlinked already, by %s since %s: there is nothing to clear\n", survey.Stage.By, store.FormatTime(survey.Stage.Since))
		return nil, survey, nil
	case survey.Nothing():
		return nil, survey, errNothingLinked
	}
	announceUnlink(c.App.ErrWriter, u, survey)
	return u, survey, nil
}

// planUnlink is `unlink --dry-run`.
func planUnlink(c *cli.Context, in *installation, db *store.DB) error {
	_, survey, err := in.surveyed(c, db)
	if err != nil {
		return err
	}
	return printSurvey(c, db, survey)
}

// errNothingLinked is what unlink says of a store that was never deployed, or
// was lost.
var errNothingLinked = errors.New("this store has no links, so nothing was cleared: if its database was lost, " +
	"`zensync unlink --from-zenqms` looks through all of ZenQMS for accounts that carry an Okta user's id")

// unlinking is the decommissioning. It does without Okta where the credential
// is gone already; ZenQMS it needs.
func (in *installation) unlinking(db *store.DB, actor string) (*reconcile.Unlink, error) {
	zenqmsClient, err := in.zenqmsClient()
	if err != nil {
		return nil, err
	}
	oktaClient, noOkta := in.oktaClient()
	return &reconcile.Unlink{
		DB: db, Okta: oktaClient, NoOkta: noOkta, ZenQMS: zenqmsClient, Binding: in.binding(),
		HookURL: in.Relay.PublicURL, Actor: actor, Concurrency: in.ZenQMS.Concurrency,
	}, nil
}

// announceUnlink says what unlink is about to do.
func announceUnlink(talk io.Writer, u *reconcile.Unlink, s reconcile.UnlinkSurvey) {
	fmt.Fprintf(talk, "In Okta     %s: the event hook %s is deactivated and deleted\n", u.Binding.OktaURL, u.HookName(s.HookID))
	fmt.Fprintf(talk, "In ZenQMS   %s: the external_id of %s is cleared, and nothing else\n", u.Binding.ZenQMSURL, count(s.Links, "linked account", "linked accounts"))
	if s.Links == 0 && !s.Sweeps {
		fmt.Fprintln(talk, "            This store has no links. If its database was lost, --from-zenqms finds the accounts")
	}
	if s.Sweeps {
		how := "Okta user's id, as Okta confirms"
		if s.ByForm {
			how = "id of the form of an Okta user's; Okta refuses the credential and cannot be asked whose it is"
		}
		fmt.Fprintf(talk, "            and of %s without a link here that carry an %s\n", count(int64(len(s.Found)), "account", "accounts"), how)
	}
	if len(s.Unknown) > 0 {
		fmt.Fprintf(talk, "            but not of %s that carry an id like an Okta user's which Okta does not know:\n", count(int64(len(s.Unknown)), "account", "accounts"))
		for _, stray := range s.Unknown {
			fmt.Fprintf(talk, "            %s carries %s\n", output.Escape(stray.ZenQMSID), output.Escape(stray.OktaID))
		}
	}
	if waiting := s.Queue.Ready + s.Queue.Waiting + s.Queue.Held + s.Queue.Dead; waiting > 0 {
		fmt.Fprintf(talk, "Here        %s (%d of them held, %d given up) and not done any more\n", count(waiting, "sync is closed", "syncs are closed"), s.Queue.Held, s.Queue.Dead)
	}
}

// printSurvey prints the accounts that would be cleared, as far as the store
// and the survey know.
func printSurvey(c *cli.Context, db *store.DB, s reconcile.UnlinkSurvey) error {
	t := output.Table{Columns: []string{"okta_id", "zenqms_id", "email"}}
	if err := db.View(c.Context, func(tx *store.Tx) error {
		links, err := readReport(tx, "links", store.ReportArgs{})
		t.Rows = only(links, t.Columns...).Rows
		return err
	}); err != nil {
		return err
	}
	for _, stray := range s.Found {
		t.Rows = append(t.Rows, []any{stray.OktaID, stray.ZenQMSID, orNil(stray.Email)})
	}
	return output.Write(c.App.Writer, c.String("format"), t)
}

func runUnlink(c *cli.Context, u *reconcile.Unlink, s reconcile.UnlinkSurvey) error {
	bar := output.NewProgress(c.App.ErrWriter, "accounts unlinked")
	defer bar.Close()
	result, err := u.Run(c.Context, s, bar.Set)
	bar.Close()
	if err != nil {
		return uninterrupted(c.Context, err, "interrupted; what is unlinked stays so, and `zensync unlink` goes on with the rest")
	}
	return concludeUnlink(c, u, s, result)
}

// concludeUnlink prints what came of it, and what is left for a person.
func concludeUnlink(c *cli.Context, u *reconcile.Unlink, s reconcile.UnlinkSurvey, r reconcile.UnlinkResult) error {
	state, hook := reconcile.Unlinked, "gone"
	if r.Left > 0 {
		state = reconcile.Unlinking
	}
	if r.HookErr != nil {
		hook = "left"
	}
	if err := output.WriteObject(c.App.Writer, c.String("format"), []output.Pair{
		{Key: "run", Value: r.Run}, {Key: "state", Value: string(state)}, {Key: "cleared", Value: r.Cleared},
		{Key: "unchanged", Value: r.Unchanged}, {Key: "failed", Value: r.Left}, {Key: "unknown", Value: int64(len(s.Unknown))},
		{Key: "hook", Value: hook},
	}); err != nil {
		return err
	}
	talk := c.App.ErrWriter
	if r.Unchanged > 0 {
		fmt.Fprintf(talk, "%s nothing of ours any more and was left alone; `zensync report unlinked` says why\n", count(r.Unchanged, "account carries", "accounts carry"))
	}
	if r.Left > 0 {
		fmt.Fprintf(talk, "%s not be cleared; `zensync report unlinked` says why, and `zensync unlink` tries again\n", count(r.Left, "account could", "accounts could"))
	}
	if len(s.Unknown) > 0 {
		fmt.Fprintf(talk, "%s left alone, as Okta does not know the id: clear it in ZenQMS by hand if it was an Okta user's\n", count(int64(len(s.Unknown)), "account was", "accounts were"))
	}
	if r.HookErr != nil {
		fmt.Fprintf(talk, "the event hook %s may still be in Okta: %s\ndelete it by hand, in the Admin Console of %s under Workflow > Event Hooks\n",
			u.HookName(s.HookID), output.Escape(r.HookErr.Error()), u.Binding.OktaURL)
	}
	if r.Left > 0 || r.HookErr != nil || len(s.Unknown) > 0 {
		return errAttention
	}
	return nil
}
