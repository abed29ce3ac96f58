package reconcile

import (
	"fmt"
	"time"

	"github.com/zensync/zensync/store"
)

// lateLooks are the waits of rule E2: after an event that takes access away,
// Okta may answer for a while as if nothing had happened.
var lateLooks = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// record writes down what an attempt found and did, with what becomes of its
// promises, in one transaction.
func (w *Worker) record(tx *store.Tx, a *attempt) error {
	if a.ignored != "" {
		return closeAll(tx, a, store.StateIgnored, a.ignored)
	}
	if err := w.recordReadings(tx, a); err != nil {
		return err
	}
	if a.err != nil {
		return w.recordFailure(tx, a)
	}
	if a.sent.Active == nil { // refused, or not wanted on a second look
		if err := refund(tx, a, a.grip); err != nil {
			return err
		}
	}
	if len(a.removed) == 0 {
		if err := refund(tx, a, a.roleGrip); err != nil {
			return err
		}
	}
	if err := w.recordLink(tx, a); err != nil {
		return err
	}
	if err := w.recordSkip(tx, a); err != nil {
		return err
	}
	if err := w.dropUnwanted(tx, a); err != nil {
		return err
	}
	if err := tx.AppendLog(logRows(a)...); err != nil {
		return err
	}
	if err := tx.Revive(a.claim.OktaID); err != nil {
		return err
	}
	return w.closeRows(tx, a)
}

// recordReadings keeps what Okta and ZenQMS told, whatever came of it.
func (w *Worker) recordReadings(tx *store.Tx, a *attempt) error {
	if a.fresh {
		if a.facts.User.Status == store.Deleted {
			if err := tx.MarkDeleted(a.claim.OktaID); err != nil {
				return err
			}
		} else if _, err := tx.PutPerson(a.facts.User); err != nil {
			return err
		}
	}
	for _, p := range a.people {
		if _, err := tx.PutPerson(p); err != nil {
			return err
		}
	}
	reading, err := generation(tx)
	if err != nil {
		return err
	}
	for _, u := range a.seen {
		if err := tx.PutAccount(account(u), reading); err != nil {
			return err
		}
	}
	for _, id := range a.vanished {
		if err := tx.DropAccount(id); err != nil {
			return err
		}
	}
	if a.account != nil && a.err == nil {
		return tx.PutAccount(account(*a.account), reading)
	}
	return nil
}

// recordLink keeps the link as it stands after the attempt. A decision that
// sent nothing because nothing moved leaves it untouched.
func (w *Worker) recordLink(tx *store.Tx, a *attempt) error {
	id := a.claim.OktaID
	if a.decision.DropLink {
		if err := tx.DropLink(id); err != nil {
			return err
		}
	}
	holdsWhole := a.skip != nil && len(a.skip.Fields) == 0 && a.skip.Code != store.SkipMissing
	if a.account == nil || a.decision.Unknown || holdsWhole {
		return nil
	}
	if other, found, err := tx.LinkOf(a.account.ID); err != nil {
		return err
	} else if found && other.OktaID != id {
		// The account passes on (relink), or was somebody else's by mistake:
		// links are one to one.
		if err := tx.DropLink(other.OktaID); err != nil {
			return err
		}
	}
	u := a.facts.User
	if err := tx.PutLink(store.Link{
		OktaID: id, ZenQMSID: a.account.ID, Email: a.account.Email, Active: a.account.Active, Roles: namesOf(a.account.Roles),
		OktaUpdated: u.Updated, OktaStatus: u.Status, Wish: w.Policy.wish(u).hash(), TakenFrom: takenFrom(a), Entitled: w.entitled(a),
	}); err != nil {
		return err
	}
	return w.wakeWaiting(tx, a)
}

// entitled is what is kept of roles. Those of somebody gone, or out of scope,
// stay as they are.
func (w *Worker) entitled(a *attempt) []string {
	if active, _ := w.Policy.wants(a.facts.User); active {
		return a.facts.entitledNow(a.waiting)
	}
	if a.facts.Link == nil {
		return nil
	}
	return a.facts.Link.Entitled
}

// takenFrom keeps what an operator's relink allowed until ZenQMS carries the
// user's own id.
func takenFrom(a *attempt) string {
	if a.facts.Link == nil || a.account.ExternalID == a.claim.OktaID {
		return ""
	}
	return a.facts.Link.TakenFrom
}

// wakeWaiting asks for a look at those who wait for the address that this
// sync has set free.
func (w *Worker) wakeWaiting(tx *store.Tx, a *attempt) error {
	if a.sent.Email == nil || a.decision.Target == nil {
		return nil
	}
	freed := store.Address(a.decision.Target.Email)
	if freed == store.Address(a.account.Email) {
		return nil
	}
	waiting, err := tx.SkipsAt(freed)
	if err != nil {
		return err
	}
	for _, s := range waiting {
		if s.OktaID == a.claim.OktaID || s.Code == store.SkipMissing {
			continue
		}
		if _, err := tx.Enqueue(store.Promise{OktaID: s.OktaID, Origin: store.FromReconcile, Priority: store.HookPriority}); err != nil {
			return err
		}
	}
	return nil
}

// recordSkip puts the user into the skip report or takes him out of it.
func (w *Worker) recordSkip(tx *store.Tx, a *attempt) error {
	u := a.facts.User
	if a.decision.Unknown {
		return nil
	}
	if a.skip == nil || w.Policy.Meaning(u.Status) == Gone {
		unmoved := a.decision.Action == store.ActNone && a.facts.Skip != nil && a.decision.Target == nil &&
			w.Policy.Meaning(u.Status) == Live && !u.OutOfScope
		if unmoved {
			return tx.SeeSkip(a.claim.OktaID)
		}
		return tx.DropSkip(a.claim.OktaID)
	}
	for _, id := range a.cycle {
		if err := renameCycle(tx, id, a.skip.Text); err != nil {
			return err
		}
	}
	return tx.PutSkip(store.Skip{
		OktaID: a.claim.OktaID, Code: a.skip.Code, Reason: a.skip.Text, Login: u.Login, Email: u.Email, Fields: a.skip.Fields,
		OktaUpdated: u.Updated, OktaStatus: u.Status, Wish: w.Policy.wish(u).hash(),
	})
}

// renameCycle tells somebody who is skipped already that he is in a cycle.
func renameCycle(tx *store.Tx, id, text string) error {
	s, found, err := tx.Skip(id)
	if err != nil || !found {
		return err
	}
	s.Reason = text
	return tx.PutSkip(s)
}

// recordFailure keeps the promises of an attempt that did not come through.
func (w *Worker) recordFailure(tx *store.Tx, a *attempt) error {
	for _, g := range []grip{a.grip, a.roleGrip} {
		if err := refund(tx, a, g); err != nil {
			return err
		}
	}
	row := a.logRow()
	row.Action, row.Outcome, row.Error = a.decision.Action, store.OutcomeFailed, a.err.Error()
	if row.Action == "" || row.Action == store.ActSkip {
		row.Action = store.ActNone
	}
	if err := tx.AppendLog(row); err != nil {
		return err
	}
	for _, r := range a.claim.Rows {
		if err := w.keep(tx, a, r); err != nil {
			return err
		}
	}
	return nil
}

// refund gives back the budget of an action that was not carried out.
func refund(tx *store.Tx, a *attempt, g grip) error {
	if !g.spent {
		return nil
	}
	return tx.Refund(g.action, a.claim.OktaID)
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
		return tx.Close(epoch, r.ID, store.StateDead, why)
	case w.outages.on(a.err):
		return tx.Retry(epoch, r.ID, tx.Now.Add(max(backoff(r.Attempts, w.dice()), wait(a.err))), false, why)
	case r.Attempts >= w.MaxAttempts:
		return tx.Close(epoch, r.ID, store.StateDead, fmt.Sprintf("given up after %d attempts: %s", r.Attempts, why))
	}
	return tx.Retry(epoch, r.ID, tx.Now.Add(max(backoff(r.Attempts, w.dice()), wait(a.err))), true, why)
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
		rows = rows[:last]
	}
	if a.roleGrip.held {
		last := a.claim.Rows[len(a.claim.Rows)-1]
		p := store.Promise{OktaID: a.claim.OktaID, Origin: last.Origin, Priority: store.HookPriority, Run: last.Run, Actor: last.Actor}
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
	return tx.Close(a.claim.Epoch, r.ID, state, why)
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
		if err := tx.Close(a.claim.Epoch, r.ID, state, why); err != nil {
			return err
		}
	}
	return nil
}
