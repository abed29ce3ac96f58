package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "see what deploy or reconcile would do, without doing it",
		Description: "Before the first deploy, and where sync.groups or roles have changed since the last: what `zensync deploy` would do;\n" +
			"else what `zensync reconcile` would. `deploy --dry-run` and `reconcile --dry-run` are the same for either. Both sides are read as they would be; nothing is written to ZenQMS,\n" +
			"to Okta or to the store: the plan works on a copy of it, in a folder below $TMPDIR that is removed again.\n\n" +
			"One row is one field of one user, or the reason why he would be skipped or held. Users for whom there is nothing to\n" +
			"do are only counted. A reason may name an account that does not exist yet, as new-1. The exit status is 0 when there\n" +
			"is nothing to do, 3 when there is something, 4 when the brake would hold some of it.",
		Flags:  []cli.Flag{formatFlag()},
		Action: func(c *cli.Context) error { return plan(c, "") },
	}
}

// dryRunFlag is --dry-run of what can be planned.
func dryRunFlag() cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Usage: "print what it would do, as `zensync plan` does, and do nothing"}
}

// plan prints what a run of a kind would do; "" is the kind that is next.
func plan(c *cli.Context, kind store.RunKind) error {
	if err := noOperands(c); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	err = in.withCopy(c.Context, func(db *store.Copy) error {
		if err := db.View(c.Context, func(tx *store.Tx) (err error) {
			kind, err = in.planned(tx, kind, c.App.ErrWriter)
			return err
		}); err != nil {
			return err
		}
		worker, err := in.worker(db.DB)
		if err != nil {
			return err
		}
		if kind == store.InitialRun {
			deployment, err := in.deployment(worker, actor(c))
			if err != nil {
				return err
			}
			hook, err := checkServers(c.Context, worker, deployment)
			if err != nil {
				return err
			}
			if err := in.resolve(c.Context, worker, &deployment); err != nil {
				return err
			}
			announce(c.App.ErrWriter, deployment, hook)
			if err := db.Update(c.Context, deployment.SetMapping); err != nil {
				return err
			}
		}
		p, err := makePlan(c.Context, worker, db, kind, c.App.ErrWriter)
		if err != nil {
			return err
		}
		format := c.String("format")
		if len(p.Steps) > 0 || format != "table" {
			if err := output.Write(c.App.Writer, format, planTable(p, format)); err != nil {
				return err
			}
		}
		fmt.Fprintln(c.App.ErrWriter, planSummary(p))
		return planVerdict(p)
	})
	if c.Context.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New("interrupted: there is no plan, and nothing was changed")
	}
	return err
}

// planned is the kind of run that is planned. Where nobody has said which, and
// the groups or roles of the configuration have changed, it is a deploy, for
// nothing else goes by them.
func (in *installation) planned(tx *store.Tx, asked store.RunKind, talk io.Writer) (store.RunKind, error) {
	kind, err := in.binding().Planned(tx, asked)
	if err != nil || kind == store.InitialRun {
		return kind, err
	}
	if asked != "" {
		return kind, in.checkMapping(tx)
	}
	key, err := in.changedMapping(tx)
	if err != nil || key == "" {
		return kind, err
	}
	fmt.Fprintf(talk, "%s is not what it was at the last deploy, and takes effect with the next: this is what `zensync deploy` would do\n", key)
	return in.binding().Planned(tx, store.InitialRun)
}

// withCopy opens a copy of the store for as long as work takes.
func (in *installation) withCopy(ctx context.Context, work func(*store.Copy) error) (err error) {
	if err := in.checkOwner(); err != nil { // even to read a store SQLite makes files beside it
		return err
	}
	db, err := store.OpenCopy(ctx, in.Store.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return work(db)
}

func makePlan(ctx context.Context, worker *reconcile.Worker, db *store.Copy, kind store.RunKind, talk io.Writer) (reconcile.Plan, error) {
	progress := &runProgress{talk: talk}
	defer progress.Close()
	return worker.Plan(ctx, db, kind, progress.show)
}

// planTable is a plan, a row for each field.
func planTable(p reconcile.Plan, format string) output.Table {
	t := output.Table{Columns: []string{"okta_id", "email", "zenqms_id", "action", "outcome", "field", "old", "new", "reason"}}
	for _, s := range p.Steps {
		account := orNil(s.ZenQMSID)
		if account == nil && s.Action == store.ActCreate && format == "table" {
			account = "(new)"
		}
		add := func(field, before, after any) {
			t.Rows = append(t.Rows, []any{s.OktaID, orNil(s.Email), account, string(s.Action), string(s.Outcome), field, before, after, orNil(s.Reason)})
		}
		fields := s.Fields()
		for _, f := range fields {
			add(f.Name, f.Old, f.New)
		}
		if len(fields) == 0 {
			add(nil, nil, nil)
		}
	}
	return t
}

// plannedActions are what a plan counts, in this order.
var plannedActions = []store.Action{store.ActCreate, store.ActLink, store.ActRelink, store.ActUpdate, store.ActActivate, store.ActDeactivate,
	store.ActAddRole, store.ActRemoveRole}

// planSummary is a plan in one line.
func planSummary(p reconcile.Plan) string {
	of := func(outcome store.Outcome, action store.Action) int64 {
		return p.Count(func(s reconcile.Step) bool { return s.Outcome == outcome && (action == "" || s.Action == action) })
	}
	var would []string
	for _, action := range plannedActions {
		if n := of(store.OutcomeOK, action); n > 0 {
			would = append(would, fmt.Sprintf("%s %d", action, n))
		}
	}
	if len(would) == 0 {
		would = []string{"send nothing"}
	}
	text := fmt.Sprintf("%s would %s", p.Run.Kind, strings.Join(would, ", "))
	if n := of(store.OutcomeHeld, ""); n > 0 {
		text += "; the brake would hold " + count(n, "user", "users")
	}
	if n := of(store.OutcomeDropped, ""); n > 0 {
		text += "; " + count(n, "hold would be dropped", "holds would be dropped")
	}
	if n := of(store.OutcomeSkipped, ""); n > 0 {
		text += "; " + count(n, "user is skipped", "users are skipped")
	}
	if n := of(store.OutcomeFailed, ""); n > 0 {
		text += "; " + count(n, "user", "users") + " could not be looked at"
	}
	if p.Run.State == store.RunFailed {
		return text
	}
	return text + "; nothing to do for " + count(p.Quiet, "user", "users")
}

// planVerdict is the error that a plan ends its command with.
func planVerdict(p reconcile.Plan) error {
	of := func(outcome store.Outcome) int64 {
		return p.Count(func(s reconcile.Step) bool { return s.Outcome == outcome })
	}
	if p.Run.State == store.RunFailed {
		return fmt.Errorf("it would fail: %s", p.Run.Error)
	}
	if n := of(store.OutcomeFailed); n > 0 {
		return fmt.Errorf("for %s it cannot be told what would be done, the reason is in the plan; plan again later", count(n, "user", "users"))
	}
	if of(store.OutcomeHeld) > 0 {
		return errHeld
	}
	if of(store.OutcomeOK) > 0 {
		return errToDo
	}
	return nil
}
