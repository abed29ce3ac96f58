package reconcile

import (
	"context"

	"github.com/zensync/zensync/store"
)

// settle decides from the directory, in batches, who needs a sync, and puts
// him into the outbox: decide, store and enqueue of a batch are one
// transaction.
func (wk *walk) settle(ctx context.Context) error {
	for n := int64(0); ; {
		batch := 0
		if err := wk.DB.Update(ctx, func(tx *store.Tx) error {
			people, err := tx.PeopleAfter(n, wk.BatchSize)
			if err != nil {
				return err
			}
			batch = len(people)
			var unchanged, skipped int64
			for _, st := range people {
				n = st.N
				switch what, err := wk.settleOne(tx, st); {
				case err != nil:
					return err
				case what == leftSkipped:
					skipped++
				case what == leftAlone && wk.seen.has(st.N):
					unchanged++
				}
			}
			return tx.CountRun(wk.run.ID, 0, unchanged, skipped)
		}); err != nil {
			return err
		}
		if batch == 0 {
			return nil
		}
		wk.DB.Nudge()
	}
}

// settled is what settling did with a user.
type settled int

const (
	leftAlone settled = iota
	leftSkipped
	enqueued
)

// settleOne decides about one user of the directory.
func (wk *walk) settleOne(tx *store.Tx, st store.Standing) (settled, error) {
	if st.Open {
		return enqueued, nil // what he needs is on its way already
	}
	wants, err := wk.wants(tx, st)
	if err != nil {
		return leftAlone, err
	}
	if !wants {
		if st.Skip == nil {
			return leftAlone, nil
		}
		return leftSkipped, tx.SeeSkip(st.OktaID)
	}
	p := store.Promise{OktaID: st.OktaID, Origin: store.FromReconcile, Priority: store.WalkPriority, Run: wk.run.ID, Actor: wk.run.Actor}
	if wk.run.Kind == store.InitialRun {
		p.Origin = store.FromInitial
	}
	if wk.Policy.Meaning(st.Status) == Gone {
		p.Priority = store.DeactivationPriority
	}
	_, err = tx.Enqueue(p)
	return enqueued, err
}

// wants tells whether a walk has to have this user looked at.
func (wk *walk) wants(tx *store.Tx, st store.Standing) (bool, error) {
	meaning := wk.Policy.Meaning(st.Status)
	w := wk.Policy.wish(st.Person)
	switch {
	case meaning == LeaveAlone:
		return false, nil
	case st.Skip != nil && meaning == Gone:
		return true, nil // his skip goes
	case st.Skip != nil && st.Skip.Code != store.SkipMissing:
		return true, nil // tried again at every walk
	case st.Link != nil:
		return wk.run.Kind == store.InitialRun && wk.seen.has(st.N) || moved(st.Person, *st.Link, w), nil
	case meaning == Live:
		waits := st.Skip != nil && !movedSince(st.Person, *st.Skip, w)
		return !waits, nil
	}
	return wk.hasAccount(tx, st)
}

// movedSince tells whether a skipped user is past what he was skipped for.
func movedSince(u store.Person, s store.Skip, w wish) bool {
	return u.Updated.After(s.OktaUpdated) || u.Status != s.OktaStatus || w.hash() != s.Wish
}

// hasAccount tells whether the index knows an account that may be that of
// somebody who is gone and not linked (rule K5). Most leavers have none.
func (wk *walk) hasAccount(tx *store.Tx, st store.Standing) (bool, error) {
	byID, err := tx.AccountsByExternalID(st.OktaID)
	if err != nil || len(byID) > 0 {
		return len(byID) > 0, err
	}
	byEmail, err := tx.AccountsAt(store.Address(st.Email))
	if err != nil {
		return false, err
	}
	for _, a := range byEmail {
		link, linked, err := tx.LinkOf(a.ZenQMSID)
		if err != nil {
			return false, err
		}
		if !linked && a.ExternalID == "" || linked && link.OktaID == st.OktaID {
			return true, nil
		}
	}
	return false, nil
}
