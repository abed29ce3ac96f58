package reconcile

import (
	"github.com/zensync/zensync/store"
)

// record writes down what an attempt found and did, with what becomes of its
// promises, in one transaction. It may be run again when that is undone: it
// changes nothing but the store, and what is to be told once it is committed.
func (w *Worker) record(tx *store.Tx, a *attempt) error {
	a.ended = nil
	if a.ignored != "" {
		return closeAll(tx, a, store.StateIgnored, a.ignored)
	}
	if err := w.recordReadings(tx, a); err != nil {
		return err
	}
	if a.err != nil {
		return w.recordFailure(tx, a)
	}
	if err := refundUnused(tx, a); err != nil {
		return err
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
	if _, err := a.appendLog(tx, logRows(a)); err != nil {
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
	for _, id := range a.lost {
		if err := tx.FreezeRole(id, roleGone); err != nil {
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
	if a.account == nil || a.decision.Unknown || a.waitsWhole() {
		return nil
	}
	u := a.facts.User
	if err := putLink(tx, a, store.Link{
		OktaID: id, ZenQMSID: a.account.ID, Email: a.account.Email, Active: a.account.Active, Roles: namesOf(a.account.Roles),
		OktaUpdated: u.Updated, OktaStatus: u.Status, Wish: w.Policy.wish(u).hash(), TakenFrom: takenFrom(a), Entitled: w.entitled(a),
	}); err != nil {
		return err
	}
	return w.wakeWaiting(tx, a)
}

// putLink writes a link. Where the account passes on (relink), or was somebody
// else's by mistake, that one ends: links are one to one.
func putLink(tx *store.Tx, a *attempt, link store.Link) error {
	other, found, err := tx.LinkOf(link.ZenQMSID)
	if err != nil {
		return err
	}
	if found && other.OktaID != link.OktaID {
		if err := tx.DropLink(other.OktaID); err != nil {
			return err
		}
	}
	return tx.PutLink(link)
}

// entitled is what is kept of roles. Those of somebody gone, or out of scope,
// stay as they are.
func (w *Worker) entitled(a *attempt) []string {
	if active, _ := w.Policy.wants(a.facts.User); active {
		return a.facts.entitledNow(a.waiting)
	}
	return a.facts.applied()
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
