package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

const (
	// secondLook is when a reconcile follows an initial sync: for some minutes
	// after a hook was made Okta may not deliver to it (rule K5).
	secondLook = 5 * time.Minute
	// deprovisioned lists whom a plain list leaves out (rule K5).
	deprovisioned = `status eq "DEPROVISIONED"`
)

// errNobody fails a walk that found an empty org: somebody made the app that
// reads it, so it is the reading that is wrong.
var errNobody = errors.New("the list of Okta's users is empty, so nothing was concluded: check that the Okta app has an admin role that covers all users")

// walk is one execution of a run: it reads all of Okta into the directory,
// page by page, and only then settles what is to be done into the outbox. It
// writes nothing to ZenQMS.
//
// What goes wrong with Okta or ZenQMS fails the run, not the worker; the error
// returned is the store's.
type walk struct {
	*Worker
	run   store.Run
	roles []store.RoleRule // the mapping, as of the settling
	seen  bitset           // places in the directory of those the lists contained
	dark  bitset           // places of those of whom nobody can tell how they stand in Okta
	quiet bitset           // those of them about whom there was nothing to do when they were read
	begun int64            // the log's last row before anybody was read
}

// walk executes a run and ends it. When the worker is stopped meanwhile the
// run is wanted again, and the next worker starts it anew (rule K1).
func (w *Worker) walk(ctx context.Context, run store.Run) error {
	wk := &walk{Worker: w, run: run}
	w.Log.Info("walk started", "run", run.ID, "kind", string(run.Kind))
	why, barred := "", ""
	if err := wk.all(ctx); err != nil {
		if ctx.Err() != nil {
			return w.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.RequeueRun(run.ID) })
		}
		var refused *ErrStage
		if errors.As(err, &refused) && refused.Life == Paused {
			w.Log.Info("walk broken off: it starts anew when the pause is over", "run", run.ID)
			return w.DB.Update(ctx, func(tx *store.Tx) error { return tx.RequeueRun(run.ID) })
		}
		if why = err.Error(); judge(err) == credential {
			barred = brief(err)
		}
		w.Log.Error("walk failed: "+brief(err), "run", run.ID, "kind", string(run.Kind))
	}
	var head store.Head
	err := w.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		stage, err := StageOf(tx)
		if err != nil {
			return err
		}
		if run.Kind == store.InitialRun && why == "" && stage.Life != Unlinking && stage.Life != Unlinked {
			if _, err := tx.WantRun(store.ReconcileRun, "", tx.Now.Add(secondLook)); err != nil {
				return err
			}
		}
		if head, err = tx.LogHead(); err != nil {
			return err
		}
		if err := tx.SetSetting(store.WalkRefused, barred); err != nil {
			return err
		}
		return tx.EndRun(run.ID, why)
	})
	if err != nil {
		return fmt.Errorf("end run %d: %w", run.ID, err)
	}
	// The head of the log outside of the store shows whether its tail was cut.
	w.Log.Info("walk ended", "run", run.ID, "kind", string(run.Kind), "failed", why != "", "log_seq", head.Seq, "log_hash", head.Hash)
	return nil
}

// all is the walk from end to end. Reading Okta and ZenQMS overlaps. A deploy
// reads ZenQMS anew; a reconcile goes by what was read last, and reads where
// nobody ever has: a leaver's account would show at the next walk only.
func (wk *walk) all(ctx context.Context) error {
	if wk.run.Kind == store.ManualRun {
		return wk.walkNamed(ctx)
	}
	if err := wk.DB.View(ctx, func(tx *store.Tx) error {
		head, err := tx.LogHead()
		wk.begun = head.Seq
		return err
	}); err != nil {
		return err
	}
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() error { return wk.readOkta(reading) })
	group.Go(func() error { return wk.freshenIndex(reading, wk.run.Kind == store.InitialRun) })
	if err := group.Wait(); err != nil {
		return err
	}
	if len(wk.seen) == 0 {
		return errNobody
	}
	shortfall, err := wk.readAbsent(ctx)
	if err != nil {
		return err
	}
	if err := wk.settle(ctx); err != nil {
		return err
	}
	return shortfall
}

// readOkta reads the live users, and for an initial sync the DEPROVISIONED
// ones as well.
func (wk *walk) readOkta(ctx context.Context) error {
	if err := wk.watchHook(ctx); err != nil {
		return err
	}
	if err := wk.checkRoles(ctx); err != nil {
		return err
	}
	if err := wk.readMembers(ctx); err != nil {
		return err
	}
	if err := wk.readList(ctx, ""); err != nil {
		return err
	}
	if wk.run.Kind == store.InitialRun {
		return wk.readList(ctx, deprovisioned)
	}
	return nil
}

// readList reads one list into the directory, one transaction a page. The next
// page is read while one is written.
func (wk *walk) readList(ctx context.Context, filter string) error {
	pages := make(chan []okta.User)
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(pages)
		return wk.fetchList(reading, filter, pages)
	})
	group.Go(func() error {
		count, pagesGo := tally{walk: wk}, newRound(wk.barren)
		for page := range pages {
			fresh, err := wk.keepPage(reading, page)
			if err == nil {
				err = pagesGo.kept(fresh)
			}
			if err == nil {
				err = count.add(reading, fresh)
			}
			if err != nil {
				return err
			}
		}
		return count.flush(reading)
	})
	return group.Wait()
}

// fetchList sends the pages of a list.
func (wk *walk) fetchList(ctx context.Context, filter string, pages chan<- []okta.User) error {
	after := ""
	pagesGo := newRound(wk.barren)
	for number := 1; ; number++ {
		page, err := patiently(ctx, func(ctx context.Context) (okta.Page, error) {
			return wk.Okta.ListUsers(ctx, okta.Query{Filter: filter, Limit: wk.BatchSize, After: after})
		})
		if err == nil {
			err = pagesGo.next(page.Users)
		}
		if err != nil {
			return fmt.Errorf("read the users of Okta, page %d: %w", number, err)
		}
		select {
		case pages <- page.Users:
		case <-ctx.Done():
			return ctx.Err()
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// keepPage puts a page into the directory, and notes who was seen and who is
// quiet. It returns how many were new. Where nobody has changed it writes
// nothing.
func (wk *walk) keepPage(ctx context.Context, page []okta.User) (fresh int64, err error) {
	people := make([]store.Person, len(page))
	for i, u := range page {
		people[i] = person(u)
	}
	var sights []store.Glance
	if err := wk.DB.View(ctx, func(tx *store.Tx) (err error) {
		if err := active(tx); err != nil {
			return err
		}
		sights, err = tx.Sights(people)
		return err
	}); err != nil {
		return 0, err
	}
	changed := slices.ContainsFunc(sights, func(g store.Glance) bool { return g.N == 0 })
	if changed {
		if err := wk.DB.Update(ctx, func(tx *store.Tx) (err error) {
			for i := range sights {
				if sights[i].N == 0 {
					if sights[i].N, err = tx.PutPerson(people[i]); err != nil {
						return err
					}
				}
			}
			return nil
		}); err != nil {
			return 0, err
		}
	}
	for _, g := range sights {
		if wk.seen.add(g.N) {
			fresh++
		}
		// Of who has just been written nothing was seen, and who has no link is
		// glanced at when the index has been read.
		if g.Linked && wk.isQuiet(g) {
			wk.quiet.add(g.N)
		} else {
			wk.quiet.remove(g.N) // he may have been on an earlier page
		}
	}
	return fresh, nil
}
