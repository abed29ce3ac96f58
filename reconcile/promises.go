package reconcile

import (
	"fmt"
	"time"

	"github.com/zensync/zensync/store"
)

// lateLooks are the waits of rule E2: after an event that takes access away,
// Okta may answer for a while as if nothing had happened.
var lateLooks = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// recordFailure keeps the promises of an attempt that did not come through.
func (w *Worker) recordFailure(tx *store.Tx, a *attempt) error {
	if err := refundUnused(tx, a); err != nil {
		return err
	}
	if _, err := a.appendLog(tx, failureRows(a)); err != nil {
		return err
	}
	for _, r := range a.claim.Rows {
		if err := w.keep(tx, a, r); err != nil {
			return err
		}
	}
	return nil
}

// refundUnused gives back the budget of what was not carried out: refused, not
// wanted on a second look, or failed.
func refundUnused(tx *store.Tx, a *attempt) error {
	if a.grip.spent && a.sent.Active == nil {
		if err := tx.Refund(a.grip.action, a.claim.OktaID); err != nil {
			return err
		}
	}
	if a.roleGrip.spent && len(a.removed) == 0 {
		return tx.Refund(a.roleGrip.action, a.claim.OktaID)
	}
	return nil
}

// keep decides about one promise after a failure: rule E4.
func (w *Worker) keep(tx *store.Tx, a *attempt, r store.Row) error {
	epoch, why := a.claim.Epoch, a.err.Error()
	v := judge(a.err)
	switch {
	case early(r):
		return tx.LookAgain(epoch, r.ID, r.Due, r.Looks)
	case a.ours(), v == retryAfter:
		return tx.Retry(epoch, r.ID, tx.Now.Add(wait(a.err)), false, why)
	case v == final, v == absent:
		return giveUp(tx, a, r, why)
	case w.outages.on(a.err):
		return tx.Retry(epoch, r.ID, tx.Now.Add(max(backoff(r.Attempts, w.dice()), wait(a.err))), false, why)
	case r.Attempts >= w.MaxAttempts:
		return giveUp(tx, a, r, fmt.Sprintf("given up after %d attempts: %s", r.Attempts, why))
	}
	return tx.Retry(epoch, r.ID, tx.Now.Add(max(backoff(r.Attempts, w.dice()), wait(a.err))), true, why)
}

// giveUp makes a promise dead. When the brake held an activation, all else was
// applied, so that nothing but the hold remembers it: once that was approved
// and comes to nothing, the user counts as moved, and the next walk asks anew.
func giveUp(tx *store.Tx, a *attempt, r store.Row, why string) error {
	if r.Cleared == store.Approved && r.Action == store.ActActivate {
		if err := tx.Unapply(a.claim.OktaID); err != nil {
			return err
		}
	}
	return a.end(tx, r, store.StateDead, why)
}

// closeRows ends the promises of an attempt that came through, but for those
// whose event Okta has not carried out yet.
func (w *Worker) closeRows(tx *store.Tx, a *attempt) error {
	state, why := store.StateDone, ""
	if a.skip != nil {
		state, why = store.StateSkipped, string(a.skip.Code)+": "+a.skip.Text
	}
	rows := a.claim.Rows
	if last := len(rows) - 1; a.grip.held {
		if err := tx.HoldRow(a.claim.Epoch, rows[last].ID, a.grip.action, a.grip.reason); err != nil {
			return err
		}
		a.become(tx, rows[last], store.StateHeld)
		rows = rows[:last]
	}
	if a.roleGrip.held {
		last := a.claim.Rows[len(a.claim.Rows)-1]
		p := store.Promise{OktaID: a.claim.OktaID, Origin: last.Origin, Priority: store.HookPriority, Run: last.Run, Actor: last.Actor}
		if pushes(a.claim) && p.Origin != store.FromManual {
			// It may be for the push alone that he is to lose the role: whoever
			// approves it has to have all his roles looked at again, as a deploy does.
			p.Origin = store.FromInitial
		}
		if err := tx.AddHold(p, a.roleGrip.action, a.roleGrip.reason); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if err := w.closeRow(tx, a, r, state, why); err != nil {
			return err
		}
	}
	return nil
}

func (w *Worker) closeRow(tx *store.Tx, a *attempt, r store.Row, state store.State, why string) error {
	if r.Looks < len(lateLooks) && w.mustLookAgain(a.facts.User, r) {
		if early(r) {
			return tx.LookAgain(a.claim.Epoch, r.ID, r.Due, r.Looks)
		}
		return tx.LookAgain(a.claim.Epoch, r.ID, tx.Now.Add(lateLooks[r.Looks]), r.Looks+1)
	}
	return a.end(tx, r, state, why)
}

// early tells whether another promise brought a late look along before its
// time: what came of that uses up no look.
func early(r store.Row) bool { return r.Looks > 0 && r.Due.After(r.Claimed) }

// mustLookAgain is rule E2's condition.
func (w *Worker) mustLookAgain(u store.Person, r store.Row) bool {
	if u.Transitioning != "" {
		return true
	}
	switch r.EventType {
	case store.UserDeactivate, store.UserSuspend, store.UserDeleteInitiated:
		return w.Policy.Meaning(u.Status) == Live
	}
	return false
}

func closeAll(tx *store.Tx, a *attempt, state store.State, why string) error {
	for _, r := range a.claim.Rows {
		if err := a.end(tx, r, state, why); err != nil {
			return err
		}
	}
	return nil
}

// end closes a promise.
func (a *attempt) end(tx *store.Tx, r store.Row, state store.State, why string) error {
	a.become(tx, r, state)
	return tx.Close(a.claim.Epoch, r.ID, state, why)
}

// Kept is what became of a promise that an event has made.
type Kept struct {
	EventType string
	State     store.State // done, skipped, ignored, held or dead
	Published time.Time   // the event, by Okta; zero when Okta told no time
	Received  time.Time   // the event, by the relay
	Ended     time.Time
}

// become notes what becomes of a promise, for who listens.
func (a *attempt) become(tx *store.Tx, r store.Row, state store.State) {
	if r.EventUUID != "" {
		a.ended = append(a.ended, Kept{EventType: r.EventType, State: state, Published: r.Published, Received: r.Received, Ended: tx.Now})
	}
}
