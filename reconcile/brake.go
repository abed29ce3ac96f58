package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// Brake is rule B1: how much taking and giving of access goes through without
// a person.
type Brake struct {
	Deactivations Limit
	Activations   Limit // of accounts that exist
	RoleRemovals  Limit
}

// Limit bounds one kind of action per walk, and for hooks per sliding hour.
type Limit struct {
	Max     int // users; 0 holds all
	Percent int // of the active links, where that is more
}

// brakeHour is the sliding hour of hooks (rule B1).
const brakeHour = time.Hour

// fewActive is the number of active links up to which the limit may be more
// than half of them (rule B1).
const fewActive = 3

// Of is the limit in an account with so many active links.
func (l Limit) Of(active int64) int64 {
	if l.Max == 0 {
		return 0
	}
	n := max(int64(l.Max), int64(l.Percent)*active/100)
	if active > fewActive {
		n = min(n, active/2)
	}
	return n
}

func (b Brake) limit(action store.Action) Limit {
	switch action {
	case store.ActActivate:
		return b.Activations
	case store.ActRemoveRole:
		return b.RoleRemovals
	}
	return b.Deactivations
}

// braked is the action of a decision that the brake watches, "" for none:
// whatever switches an existing account on or off.
func (d Decision) braked() store.Action {
	switch {
	case d.Patch.Active == nil:
		return ""
	case *d.Patch.Active:
		return store.ActActivate
	}
	return store.ActDeactivate
}

// passBrake takes out of a decision what the brake holds.
func (w *Worker) passBrake(ctx context.Context, a *attempt) (err error) {
	if action := a.decision.braked(); action != "" {
		if a.grip, err = w.brake(ctx, a, action, a.grip); err != nil {
			return err
		}
		if a.grip.held || a.grip.stands {
			a.decision = a.decision.withoutBraked(a.grip)
		}
	}
	if len(a.decision.Remove) == 0 {
		return nil
	}
	if err := w.keepUnread(ctx, a); err != nil || len(a.decision.Remove) == 0 {
		return err
	}
	if a.roleGrip, err = w.brake(ctx, a, store.ActRemoveRole, a.roleGrip); err != nil {
		return err
	}
	if a.roleGrip.held || a.roleGrip.stands {
		for _, role := range a.decision.Remove {
			a.waiting = append(a.waiting, role.ID)
		}
		a.kept, a.decision.Remove = a.decision.Remove, nil
	}
	return nil
}

// withoutBraked is the decision less what the brake holds; all else goes on.
func (d Decision) withoutBraked(g grip) Decision {
	d.Patch.Active = nil
	d.Why = "a person has to decide, or has decided, about this: " + string(g.action)
	if d.Action != store.ActRelink {
		d.Action = strongest(d.Patch)
	}
	return d
}

// grip is what the brake says of one action.
type grip struct {
	action store.Action
	held   bool   // it is held, and the row is to show it
	stands bool   // it is not to be done, and nothing new shows it: held or discarded before
	spent  bool   // budget was reserved for it
	reason string // of a hold
}

// brake asks whether an action may be carried out, reserves its budget (rules
// B1 and B2), and notes that it begins, in one transaction. before is what an
// earlier look of the same attempt reserved.
func (w *Worker) brake(ctx context.Context, a *attempt, action store.Action, before grip) (g grip, err error) {
	err = w.DB.Update(ctx, func(tx *store.Tx) error {
		if g, err = w.ask(tx, a, action, before); err != nil || g.held || g.stands || action == store.ActRemoveRole {
			return err
		}
		// If nobody learns what comes of the call, the account may be on or off.
		// A user who is wanted as before by then, as one who is back in scope,
		// has to count as moved, or nobody would look.
		return tx.Unapply(a.claim.OktaID)
	})
	return g, err
}

// ask is brake's question.
func (w *Worker) ask(tx *store.Tx, a *attempt, action store.Action, before grip) (grip, error) {
	g := grip{action: action}
	if passes(a.claim, action) {
		return g, nil
	}
	discarded, err := tx.Discarded(a.facts.User, action)
	if err != nil {
		return g, err
	}
	held, err := isHeld(tx, a.claim.OktaID, action)
	if err != nil {
		return g, err
	}
	if g.stands = discarded || held; g.stands {
		return g, nil
	}
	if action == store.ActRemoveRole && a.facts.linkIsNew() && !a.gaveAll() {
		g.held = true
		g.reason = "the link is new: whether a hand gave him the role, or a lost store did, takes a person"
		return g, nil
	}
	users, his, err := tx.Spent(action, tx.Now.Add(-brakeHour), a.claim.OktaID)
	if err != nil {
		return g, err
	}
	links, err := tx.LinkCount()
	if err != nil {
		return g, err
	}
	// Those already counted were active before.
	limit := w.Brake.limit(action).Of(links.Active + users)
	if !his && users+1 > limit {
		g.held = true
		g.reason = fmt.Sprintf("hooks asked to %s %d users within the hour, the limit is %d", action, users+1, limit)
		return g, nil
	}
	if his {
		g.spent = before.spent && before.action == action // counted once
		return g, nil
	}
	g.spent = true
	return g, tx.Spend(action, a.claim.OktaID)
}

// gaveAll tells whether the roles to be taken are those that an earlier attempt
// was about to give: his account did not have them before.
func (a *attempt) gaveAll() bool {
	return !slices.ContainsFunc(a.decision.Remove, func(r zenqms.Role) bool {
		_, known := a.facts.was(r.ID)
		return known
	})
}

// passes tells whether a claim's own promises let an action through: a person
// approved it or named the user (not one of so many that it is a run), or the
// walk that wants it has judged it.
func passes(claim store.Claim, action store.Action) bool {
	for _, r := range claim.Rows {
		if r.Origin == store.FromManual && r.Run == 0 || r.Action == action && r.Cleared != "" {
			return true
		}
	}
	return false
}

func isHeld(tx *store.Tx, oktaID string, action store.Action) (bool, error) {
	holds, err := tx.HoldsOf(oktaID)
	for _, h := range holds {
		if h.Action == action {
			return true, err
		}
	}
	return false, err
}

// remember makes somebody of whom nothing is wanted now, because he is out of
// scope, count as moved once something is, where the brake or a person's no has
// kept his activation back: all else of him was applied, so that nothing but
// what is about to be dropped tells.
func (w *Worker) remember(tx *store.Tx, a *attempt, holds []store.Hold) error {
	kept, err := tx.Discarded(a.facts.User, store.ActActivate)
	if err != nil {
		return err
	}
	if kept || slices.ContainsFunc(holds, func(h store.Hold) bool { return h.Action == store.ActActivate }) {
		return tx.Unapply(a.claim.OktaID)
	}
	return nil
}

// dropUnwanted closes the holds of a user that this attempt has shown to be no
// longer wanted (rule B2).
func (w *Worker) dropUnwanted(tx *store.Tx, a *attempt) error {
	holds, err := tx.HoldsOf(a.claim.OktaID)
	if err != nil {
		return err
	}
	active, inactive := w.Policy.wants(a.facts.User)
	loses := a.facts.mayLose(a.account)
	known := w.Policy.Meaning(a.facts.User.Status) != LeaveAlone
	if known && !active && !inactive {
		if err := w.remember(tx, a, holds); err != nil {
			return err
		}
	}
	if known {
		// A person's no was to what is wanted no more: next time he is asked anew.
		if err := tx.ForgetDiscards(a.claim.OktaID, active, inactive, loses); err != nil {
			return err
		}
	}
	nobody := a.facts.Asked && !a.decision.Ask && a.account == nil // ZenQMS was asked and has no account of his
	for _, h := range holds {
		wanted, done := inactive, a.account != nil && !a.account.Active
		if h.Action == store.ActActivate {
			wanted, done = active, a.account != nil && a.account.Active
		}
		if h.Action == store.ActRemoveRole {
			wanted, done = loses, false
		}
		why := ""
		switch {
		case done:
			why = "no longer wanted: ZenQMS has it so already"
		case known && !wanted:
			why = "no longer wanted: the user's state in Okta is another"
		case nobody:
			why = "no longer wanted: no ZenQMS user is his"
		default:
			continue
		}
		if err := tx.Drop(h.ID, why); err != nil {
			return err
		}
		row := a.logRow()
		row.Action, row.Outcome, row.Error = h.Action, store.OutcomeDropped, why
		if err := tx.AppendLog(row); err != nil {
			return err
		}
	}
	return nil
}
