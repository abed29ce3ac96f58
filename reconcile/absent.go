package reconcile

import (
	"context"
	"fmt"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// fewLinks exempts small orgs from the rule that a walk must see half of the
// active links (rule K2).
const fewLinks = 10

// readAbsent reads by id everybody the lists should have contained and did
// not: absence is never proof (rule K2). A status is; a 404 only when the walk
// saw at least half of the active links, and seeing fewer is the shortfall
// that fails the run once what is certain has been settled. Whoever reads 404
// then, or cannot be read, is left in the dark: this run settles nothing about
// him.
func (wk *walk) readAbsent(ctx context.Context) (shortfall, err error) {
	absent, shortfall, err := wk.absent(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range absent {
		var st store.Standing
		if err := wk.DB.View(ctx, func(tx *store.Tx) (err error) {
			st, err = tx.PersonAt(n)
			return err
		}); err != nil {
			return nil, err
		}
		switch err := wk.readByID(ctx, st.OktaID, shortfall == nil); {
		case err == nil:
		case okta.IsNotFound(err):
			wk.dark.add(n)
		case !wk.isHisOwn(ctx, err):
			return nil, fmt.Errorf("read %s, whom the list did not contain: %w", st.OktaID, err)
		default:
			wk.Log.Warn("an absent user cannot be read; his own sync says more", "user", st.OktaID, "run", wk.run.ID, "error", brief(err))
			wk.dark.add(n)
			if err := wk.askAbout(ctx, n); err != nil {
				return nil, err
			}
		}
	}
	return shortfall, nil
}

// absent are the places of those the lists should have contained and did not,
// and the shortfall if the lists had too few.
func (wk *walk) absent(ctx context.Context) (places []int64, shortfall, err error) {
	var linked, away int64 // active links, and those of them that the lists did not contain
	var links store.LinkCount
	if err := wk.DB.View(ctx, func(tx *store.Tx) (err error) {
		if links, err = tx.LinkCount(); err != nil {
			return err
		}
		linked, err = tx.ActiveListed()
		return err
	}); err != nil {
		return nil, nil, err
	}
	if err := wk.scan(ctx, wk.seen, func(tx *store.Tx, unseen []int64) error {
		return tx.Presences(unseen, func(p store.Presence) {
			if p.Active {
				away++
			}
			if wk.Policy.Meaning(p.Status) != Gone || p.Active || p.Skipped {
				places = append(places, p.N)
			}
		})
	}); err != nil {
		return nil, nil, err
	}
	if seen := linked - away; links.Active+links.Inactive >= fewLinks && 2*seen < linked {
		shortfall = fmt.Errorf("the walk saw only %d of %d active links, so nobody was taken for deleted: "+
			"check that the Okta app's admin role covers all users", seen, linked)
	}
	return places, shortfall, nil
}

// scanned is how many users of the directory one transaction reads. It bounds
// how long that keeps the database's log from being taken in.
const scanned = 2000

// scan goes through the places of the directory that are not in a set.
func (wk *walk) scan(ctx context.Context, but bitset, look func(tx *store.Tx, places []int64) error) error {
	var end int64
	if err := wk.DB.View(ctx, func(tx *store.Tx) (err error) {
		end, err = tx.LastPlace()
		return err
	}); err != nil {
		return err
	}
	for places := range but.gaps(end, scanned) {
		if err := wk.DB.View(ctx, func(tx *store.Tx) error { return look(tx, places) }); err != nil {
			return err
		}
	}
	return nil
}

// readByID reads one absent user into the directory. A 404 makes him deleted,
// or is the error where it is not to be trusted.
func (wk *walk) readByID(ctx context.Context, id string, trust404 bool) error {
	u, err := patiently(ctx, func(ctx context.Context) (okta.User, error) { return wk.Okta.User(ctx, id) })
	switch {
	case okta.IsNotFound(err) && trust404:
		return wk.DB.Update(ctx, func(tx *store.Tx) error { return tx.MarkDeleted(id) })
	case err != nil:
		return err
	}
	return wk.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.PutPerson(person(u))
		return err
	})
}

// isHisOwn tells whether what went wrong with one user concerns him alone: a
// harmless call goes through (rule E4). One sick user never blocks a run.
func (wk *walk) isHisOwn(ctx context.Context, err error) bool {
	return ctx.Err() == nil && fromOkta(err) && judge(err) != credential && wk.probe(ctx, err) == nil
}

// askAbout has the worker look at a user who could not be read: what becomes of
// that is his own promise's story.
func (wk *walk) askAbout(ctx context.Context, n int64) error {
	return wk.DB.UpdateSorted(ctx, func(tx *store.Tx) error {
		if err := active(tx); err != nil {
			return err
		}
		st, err := tx.PersonAt(n)
		if err != nil || st.Open {
			return err
		}
		p := wk.promise(st)
		p.Run = 0 // so that he is read in Okta, and not in the directory
		_, err = tx.Enqueue(p)
		return err
	})
}
