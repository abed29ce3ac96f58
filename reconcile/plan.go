package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/zensync/zensync/store"
)

// Plan is what a run would do (rule B3).
type Plan struct {
	Run   store.Run // as it would go; a failed one says why
	Steps []Step    // by the users' addresses; of one user in the order of the doing
	Quiet int64     // users of Okta that it would see and have nothing to do for
}

// Step is what would be done about one user, or why not.
type Step struct {
	OktaID   string
	Email    string // as Okta has it
	ZenQMSID string // "" for an account that does not exist yet
	Action   store.Action
	Outcome  store.Outcome // ok: it would be done; held, skipped or dropped; failed: it cannot be told
	Changes  map[string]store.Change
	Reason   string // why it would be held, skipped or dropped, or cannot be told
}

// Count counts the users who have a step that holds.
func (p Plan) Count(holds func(Step) bool) int64 {
	users := map[string]bool{}
	for _, s := range p.Steps {
		if holds(s) {
			users[s.OktaID] = true
		}
	}
	return int64(len(users))
}

// Planned is the kind of run to plan: that which was asked for, or where kind
// is "" the next one, deploy's where nothing is deployed (any more). Only the
// servers the store belongs to can be asked, and what is paused can be planned.
func (b Binding) Planned(tx *store.Tx, kind store.RunKind) (store.RunKind, error) {
	if kind == "" {
		now, err := StageOf(tx)
		if err != nil {
			return "", err
		}
		if kind = store.InitialRun; now.Life == Active || now.Life == Paused {
			kind = store.ReconcileRun
		}
	}
	if kind == store.ReconcileRun {
		return kind, b.May(tx, Active, Paused)
	}
	return kind, b.May(tx, New, Active, Paused, Unlinked)
}

// Plan tells what a run of a kind would do if it began now. It makes that run,
// on a copy of the store and with a ZenQMS that only pretends, and reads what
// came of it from the copy's log. So whatever decides, brakes and applies is
// what decides, brakes and applies in earnest; and nothing is written but the
// copy, which afterwards is good for nothing else.
//
// What differs in earnest is what nobody can know beforehand: whether ZenQMS
// takes what it is sent, what happens in Okta and ZenQMS until then, and, of
// changes that wait for each other, how many attempts they take.
//
// The promises that are open already are part of it, as they would be kept
// before the run settles: a user has one, or gets one from the run. Those that
// wait for a time are not waited for. It does not matter whether the
// installation is deployed or paused.
//
// A read that fails is tried for a minute, as a page of a walk is. show, if not
// nil, is told how far it is.
func (w *Worker) Plan(ctx context.Context, on *store.Copy, kind store.RunKind, show func(store.Run, store.Progress)) (Plan, error) {
	r := rehearsal{&Worker{
		DB: on.DB, Okta: w.Okta, ZenQMS: newDry(w.ZenQMS), Policy: w.Policy, Brake: w.Brake,
		Concurrency: w.Concurrency, MaxAttempts: w.MaxAttempts, BatchSize: w.BatchSize,
		Log:       slog.New(slog.DiscardHandler), // it would speak of what does not happen
		addresses: newAddressLocks(), outages: newOutages(),
	}}
	head, run, err := r.stage(ctx, kind)
	if err != nil {
		return Plan{}, fmt.Errorf("prepare the plan: %w", err)
	}
	stop := r.tell(ctx, run, show)
	err = r.play(ctx, run)
	stop()
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	err = r.DB.View(ctx, func(tx *store.Tx) error {
		if p.Run, err = tx.Run(run); err != nil {
			return err
		}
		p.Steps, p.Quiet, err = stepsOf(tx, p.Run, head)
		return err
	})
	return p, err
}

// stepsOf reads from the log, behind a row, and from the skip report what a
// run did, and counts the users for whom that is nothing.
func stepsOf(tx *store.Tx, run store.Run, head store.Head) (steps []Step, quiet int64, err error) {
	rows, err := tx.LogAfter(head.Seq)
	if err != nil {
		return nil, 0, err
	}
	steps = stepsOfLog(rows)
	skipped, err := stepsOfSkips(tx)
	if err != nil {
		return nil, 0, err
	}
	steps = append(steps, skipped...)
	quiet = run.Users
	people := map[string]store.Standing{}
	for i := range steps {
		s := &steps[i]
		st, known := people[s.OktaID]
		if !known {
			if st, err = tx.Standing(s.OktaID); err != nil {
				return nil, 0, err
			}
			people[s.OktaID] = st
			if listed(st.Status, run.Kind) {
				quiet--
			}
		}
		s.Email = st.Email
		if s.ZenQMSID == "" && st.Link != nil {
			s.ZenQMSID = st.Link.ZenQMSID
		}
		if strings.HasPrefix(s.ZenQMSID, pretendedPrefix) {
			s.ZenQMSID = ""
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(strings.Compare(store.Address(a.Email), store.Address(b.Email)), strings.Compare(a.OktaID, b.OktaID))
	})
	return steps, max(quiet, 0), nil
}

// listed tells whether Okta's lists contain a user of this status, so that a
// run of this kind counts him as seen.
func listed(status string, kind store.RunKind) bool {
	switch status {
	case "", store.Deleted:
		return false
	case "DEPROVISIONED":
		return kind == store.InitialRun
	}
	return true
}

// stepsOfLog are the log's rows that say more than that nothing changed, but
// for skips, of which the skip report has the last word. A failure that a
// later attempt made good is none.
func stepsOfLog(rows []store.LogRow) []Step {
	last := map[string]int{}
	for i, row := range rows {
		last[row.OktaID] = i
	}
	var steps []Step
	for i, row := range rows {
		switch row.Outcome {
		case store.OutcomeUnchanged, store.OutcomeSkipped:
			continue
		case store.OutcomeFailed:
			if last[row.OktaID] != i {
				continue
			}
		}
		steps = append(steps, Step{OktaID: row.OktaID, ZenQMSID: row.ZenQMSID, Action: row.Action, Outcome: row.Outcome,
			Changes: row.Changes, Reason: row.Error})
	}
	return steps
}

func stepsOfSkips(tx *store.Tx) ([]Step, error) {
	const batch = 1000
	var steps []Step
	for after := ""; ; {
		skips, err := tx.SkipsAfter(after, batch)
		if err != nil || len(skips) == 0 {
			return steps, err
		}
		for _, s := range skips {
			after = s.OktaID
			steps = append(steps, Step{OktaID: s.OktaID, Action: store.ActSkip, Outcome: store.OutcomeSkipped,
				Reason: string(s.Code) + ": " + s.Reason})
		}
	}
}

// Field is what a step would make of one field.
type Field struct {
	Name     string
	Old, New any // text, bool, or nil for nothing
}

// Fields are the fields a step is about, in the order in which a person reads
// them: what would change, or of what the brake would hold what it keeps from
// changing.
func (s Step) Fields() []Field {
	changes := maps.Clone(s.Changes)
	if s.Outcome == store.OutcomeHeld && s.Action != store.ActRemoveRole && len(changes) == 0 {
		on := s.Action == store.ActActivate
		changes = map[string]store.Change{fieldActive: {Old: !on, New: on}}
	}
	var fields []Field
	for _, name := range slices.Concat([]string{fieldExternalID, fieldActive}, texts, []string{fieldRoles}) {
		if c, ok := changes[name]; ok {
			fields = append(fields, Field{Name: name, Old: inWords(c.Old), New: inWords(c.New)})
		}
	}
	return fields
}

// inWords makes one text of a list of names, as roles are.
func inWords(value any) any {
	list, ok := value.([]any)
	if !ok {
		return value
	}
	names := make([]string, len(list))
	for i, name := range list {
		names[i] = fmt.Sprint(name)
	}
	return strings.Join(names, ", ")
}
