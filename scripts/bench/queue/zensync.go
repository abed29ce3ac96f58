package queue

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/zensync/zensync/store"
)

// concurrency is the most that zenqms.concurrency allows, and hands how many users
// the worker then works on at once: two for each call (reconcile, usersPerCall).
const (
	concurrency = 64
	hands       = 2 * concurrency
)

// zensyncQueue is the outbox. It is drained as the worker does it, without the
// calls: the attempt's log row is written and the promise closed.
type zensyncQueue struct {
	db *store.DB
}

func openZensync(ctx context.Context, folder string) (Queue, error) {
	db, err := store.Open(ctx, filepath.Join(folder, "zensync.db"))
	if err != nil {
		return nil, err
	}
	return &zensyncQueue{db}, nil
}

func (q *zensyncQueue) Enqueue(ctx context.Context, id string) error {
	return q.db.Update(ctx, func(tx *store.Tx) error { return promise(tx, id) })
}

func promise(tx *store.Tx, id string) error {
	_, err := tx.Enqueue(store.Promise{OktaID: id, Origin: store.FromHook, Priority: store.HookPriority})
	return err
}

func (q *zensyncQueue) Fill(ctx context.Context, n int) error {
	return q.db.Update(ctx, func(tx *store.Tx) error {
		for i := range n {
			if err := promise(tx, userID(int64(i))); err != nil {
				return err
			}
		}
		return nil
	})
}

// Drain claims for every slot that is free, has a goroutine for each user, and
// checks that every attempt is on record.
func (q *zensyncQueue) Drain(ctx context.Context, n int) error {
	if err := q.work(ctx); err != nil {
		return err
	}
	return q.db.View(ctx, func(tx *store.Tx) error {
		head, err := tx.LogHead()
		if err == nil && head.Seq != int64(n) {
			err = fmt.Errorf("%d attempts are on record instead of %d", head.Seq, n)
		}
		return err
	})
}

// DrainStore puts n promises into the outbox of a store and works them off. It
// returns how many a second.
func DrainStore(ctx context.Context, db *store.DB, n int) (perSecond float64, err error) {
	q := &zensyncQueue{db}
	if err := q.Fill(ctx, n); err != nil {
		return 0, err
	}
	began := time.Now()
	err = q.work(ctx)
	return float64(n) / time.Since(began).Seconds(), err
}

func (q *zensyncQueue) work(ctx context.Context) error {
	var epoch int64
	if err := q.db.Update(ctx, func(tx *store.Tx) (err error) {
		epoch, err = tx.StartEpoch()
		return err
	}); err != nil {
		return err
	}
	done := make(chan error, hands)
	for inFlight := 0; ; {
		var claims []store.Claim
		if err := q.db.Update(ctx, func(tx *store.Tx) (err error) {
			claims, err = tx.Claim(epoch, hands-inFlight)
			return err
		}); err != nil {
			return err
		}
		for _, c := range claims {
			go func() { done <- q.keep(ctx, c) }()
		}
		if inFlight += len(claims); inFlight == 0 {
			return nil
		}
		for wait := true; wait; wait = len(done) > 0 {
			if err := <-done; err != nil {
				return err
			}
			inFlight--
		}
	}
}

// keep records an attempt that found nothing to do.
func (q *zensyncQueue) keep(ctx context.Context, c store.Claim) error {
	return q.db.Batch(ctx, func(tx *store.Tx) error {
		if err := tx.AppendLog(store.LogRow{Origin: string(c.Rows[0].Origin), OktaID: c.OktaID,
			Action: store.ActNone, Outcome: store.OutcomeUnchanged}); err != nil {
			return err
		}
		for _, r := range c.Rows {
			if err := tx.Close(c.Epoch, r.ID, store.StateDone, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func (q *zensyncQueue) Left(ctx context.Context) (left int, err error) {
	err = q.db.View(ctx, func(tx *store.Tx) error {
		queue, err := tx.Queue()
		left = int(queue.Ready + queue.Waiting + queue.Held + queue.Dead)
		return err
	})
	return left, err
}

func (q *zensyncQueue) CheckDurable(ctx context.Context) error {
	return q.db.Update(ctx, (*store.Tx).CheckDurable)
}

func (q *zensyncQueue) Close() error { return q.db.Close() }
