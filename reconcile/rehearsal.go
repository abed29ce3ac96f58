package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/zensync/zensync/store"
)

// rehearsal is a worker for one run that is not to happen: on a copy of the
// store, with a ZenQMS that pretends. It does what the worker's loop does, but
// to an end.
type rehearsal struct{ *Worker }

// stage prepares the copy: whatever is open is due, whoever had it in his
// hands, and the run is wanted. It returns where the copy's log ends.
func (r rehearsal) stage(ctx context.Context, kind store.RunKind) (head store.Head, run int64, err error) {
	err = r.DB.Update(ctx, func(tx *store.Tx) error {
		if head, err = tx.LogHead(); err != nil {
			return err
		}
		if err := tx.SetSetting(store.LifeState, string(Active)); err != nil {
			return err
		}
		if r.epoch, err = tx.StartEpoch(); err != nil {
			return err
		}
		if err := tx.DueNow(); err != nil {
			return err
		}
		run, err = tx.WantRun(kind, "", tx.Now)
		return err
	})
	return head, run, err
}

// play keeps the promises there are, makes the run, and keeps what it
// promised.
func (r rehearsal) play(ctx context.Context, id int64) error {
	if err := r.drain(ctx); err != nil {
		return err
	}
	run, err := r.start(ctx, id)
	if err != nil {
		return err
	}
	if err := r.walk(ctx, run); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err() // a walk that was cut off is no error of its own
	}
	return r.drain(ctx)
}

// start takes the run, and with it those that were wanted before: they are not
// this plan's.
func (r rehearsal) start(ctx context.Context, id int64) (run store.Run, err error) {
	err = r.DB.Update(ctx, func(tx *store.Tx) error {
		for run.ID != id {
			var started bool
			if run, started, err = tx.StartRun(); err != nil {
				return err
			}
			if !started {
				return fmt.Errorf("run %d of the plan is not to be had", id)
			}
		}
		return nil
	})
	return run, err
}

// drain works until nothing is due any more. What fails, or has to be looked
// at again later, is left.
func (r rehearsal) drain(ctx context.Context) error {
	done := make(chan error)
	inFlight := 0
	var failed error
	for {
		if failed == nil {
			claims, err := r.claimDue(ctx, r.Concurrency-inFlight)
			failed = err
			inFlight += len(claims)
			for _, c := range claims {
				go func() { done <- r.sync(ctx, c) }()
			}
		}
		if inFlight == 0 {
			return failed
		}
		if err := <-done; failed == nil {
			failed = err
		}
		inFlight--
	}
}

func (r rehearsal) claimDue(ctx context.Context, free int) (claims []store.Claim, err error) {
	err = r.DB.Update(ctx, func(tx *store.Tx) error {
		claims, err = tx.Claim(r.epoch, free)
		return err
	})
	return claims, err
}

// sync is the worker's sync, but waits where the worker would put the promise
// back. Its error is one that leaves no plan to make: the store's, that the
// other side is down, or that it refuses the credential.
func (r rehearsal) sync(ctx context.Context, claim store.Claim) error {
	var a *attempt
	_, _ = patiently(ctx, func(ctx context.Context) (*attempt, error) { // the last attempt has the error
		a = r.try(ctx, claim, nil)
		return a, a.err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.outages.note(a)
	if a.err != nil && (a.ours() || r.outages.on(a.err)) {
		return fmt.Errorf("look at %s: %w", claim.OktaID, a.err)
	}
	if err := r.DB.Update(ctx, func(tx *store.Tx) error { return r.record(tx, a) }); err != nil {
		return fmt.Errorf("note what would become of %s: %w", claim.OktaID, err)
	}
	return nil
}

// tellPause is how often show is told.
const tellPause = 200 * time.Millisecond

// tell tells show how far a run is, until stop is called.
func (r rehearsal) tell(ctx context.Context, run int64, show func(store.Run, store.Progress)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	told := make(chan struct{})
	go func() {
		defer close(told)
		tick := time.NewTicker(tellPause)
		defer tick.Stop()
		for show != nil {
			// Nobody misses a bar that cannot be drawn; what is wrong with the
			// store shows elsewhere.
			_ = r.DB.View(ctx, func(tx *store.Tx) error {
				_, err := RunOver(run, show)(tx)
				return err
			})
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-told
	}
}
