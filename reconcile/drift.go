package reconcile

import (
	"context"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/zensync/zensync/store"
)

// ReadBoth brings a copy of the store up to date with all of Okta and all of
// ZenQMS, for a report to compare them. It writes to the copy alone, which
// afterwards is good for nothing else; what a reconcile would conclude is not
// concluded. It fails where the lists of Okta cannot be all there is.
//
// Of linked users whom neither list has, those with an active account are read
// by id. Of those without, nobody has to lose anything, so that they are taken
// for deleted.
func (w *Worker) ReadBoth(ctx context.Context, on *store.Copy, show func(store.Run, store.Progress)) error {
	r := rehearsal{&Worker{
		DB: on.DB, Okta: w.Okta, ZenQMS: newDry(w.ZenQMS), Policy: w.Policy, Brake: w.Brake, BatchSize: w.BatchSize,
		Log:       slog.New(slog.DiscardHandler), // it would speak of a walk that is none
		addresses: newAddressLocks(), outages: newOutages(),
	}}
	_, id, err := r.stage(ctx, store.InitialRun)
	if err != nil {
		return fmt.Errorf("prepare the comparison: %w", err)
	}
	run, err := r.start(ctx, id)
	if err != nil {
		return err
	}
	stop := r.tell(ctx, id, show)
	defer stop()
	wk := &walk{Worker: r.Worker, run: run}
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() error { return wk.readOkta(reading) })
	group.Go(func() error { return wk.readIndex(reading) })
	if err := group.Wait(); err != nil {
		return err
	}
	if len(wk.seen) == 0 {
		return errNobody
	}
	shortfall, err := wk.readAbsent(ctx)
	if err == nil {
		err = shortfall
	}
	if err != nil {
		return err
	}
	return wk.markUnlisted(ctx)
}

// markUnlisted takes those for deleted who are gone, have no active account, and
// are on neither list.
func (wk *walk) markUnlisted(ctx context.Context) error {
	var unlisted []int64
	if err := wk.scan(ctx, wk.seen, func(tx *store.Tx, places []int64) error {
		return tx.Presences(places, func(p store.Presence) {
			if !p.Active && p.Status == "DEPROVISIONED" {
				unlisted = append(unlisted, p.N)
			}
		})
	}); err != nil || len(unlisted) == 0 {
		return err
	}
	return wk.DB.Update(ctx, func(tx *store.Tx) error {
		for _, n := range unlisted {
			st, err := tx.PersonAt(n)
			if err != nil {
				return err
			}
			if err := tx.MarkDeleted(st.OktaID); err != nil {
				return err
			}
		}
		return nil
	})
}
