package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zensync/zensync/store"
)

const (
	// attendPoll is how often a command looks whether what it waits for has
	// come.
	attendPoll = 50 * time.Millisecond
	// attendShare bounds what the looking costs: after a look that took d the
	// next comes no sooner than attendShare * d. Counting a million promises
	// takes a while.
	attendShare = 20
	// attendMost bounds the pause: a look may be slow for a reason of its own,
	// such as a busy disk, and whoever waits is not to pay twentyfold for it.
	attendMost = 5 * time.Second
)

// Attend waits until done says so. When a worker is up, it does the work;
// when none is, or it dies meanwhile, this process takes the lock under the
// name holder and works itself, until done (rule C5).
//
// done runs in a View of its own and may report progress on the way.
func (w *Worker) Attend(ctx context.Context, holder string, done func(*store.Tx) (bool, error)) error {
	for {
		pause, over, err := w.look(ctx, done)
		if over || err != nil {
			return err
		}
		lock, err := w.DB.TryLock(store.WorkerPart, holder)
		var locked *store.ErrLocked
		switch {
		case err == nil:
			return errors.Join(w.workUntil(ctx, done), lock.Release())
		case !errors.As(err, &locked):
			return err
		}
		select {
		case <-pause:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// workUntil is the worker for as long as a command needs one.
func (w *Worker) workUntil(ctx context.Context, done func(*store.Tx) (bool, error)) error {
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(working) }()

	for {
		pause, over, err := w.look(ctx, done)
		if over || err != nil {
			stop()
			return errors.Join(err, <-ended)
		}
		select {
		case <-pause:
		case err := <-ended:
			if err == nil {
				err = ctx.Err()
			}
			return err
		}
	}
}

// look asks done once. When it is not over, pause is when to ask again.
func (w *Worker) look(ctx context.Context, done func(*store.Tx) (bool, error)) (pause <-chan time.Time, over bool, err error) {
	began := time.Now()
	err = w.DB.View(ctx, func(tx *store.Tx) error {
		over, err = done(tx)
		return err
	})
	return time.After(pauseAfter(time.Since(began))), over, err
}

// pauseAfter is how long to wait after a look that took d.
func pauseAfter(d time.Duration) time.Duration {
	return min(max(attendPoll, attendShare*d), attendMost)
}

// RunOver is done once a run has ended and every promise it made has met its
// first outcome; progress, if not nil, is told on the way.
func RunOver(id int64, progress func(store.Run, store.Progress)) func(*store.Tx) (bool, error) {
	return func(tx *store.Tx) (bool, error) {
		run, err := tx.Run(id)
		if err != nil {
			return false, err
		}
		p, err := tx.Progress(id)
		if err != nil {
			return false, err
		}
		if progress != nil {
			progress(run, p)
		}
		return run.Over() && p.Tried == p.Total, nil
	}
}

// RowsTried is done once each of the promises has met its first outcome.
func RowsTried(ids []int64) func(*store.Tx) (bool, error) {
	return func(tx *store.Tx) (bool, error) {
		for _, id := range ids {
			s, err := tx.RowState(id)
			if err != nil {
				return false, fmt.Errorf("look after the work: %w", err)
			}
			if !s.Tried() {
				return false, nil
			}
		}
		return true, nil
	}
}
