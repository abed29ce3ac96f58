package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/zensync/zensync/store"
)

// attendPoll is how often a command looks whether what it waits for has come.
const attendPoll = 50 * time.Millisecond

// Attend waits until done says so. When a worker is up, it does the work;
// when none is, or it dies meanwhile, this process takes the lock under the
// name holder and works itself, until done (rule C5).
//
// done runs in a View of its own and may report progress on the way.
func (w *Worker) Attend(ctx context.Context, holder string, done func(*store.Tx) (bool, error)) error {
	tick := time.NewTicker(attendPoll)
	defer tick.Stop()
	for {
		if over, err := w.isOver(ctx, done); over || err != nil {
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
		case <-tick.C:
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

	tick := time.NewTicker(attendPoll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			over, err := w.isOver(ctx, done)
			if !over && err == nil {
				continue
			}
			stop()
			return errors.Join(err, <-ended)
		case err := <-ended:
			if err == nil {
				err = ctx.Err()
			}
			return err
		}
	}
}

func (w *Worker) isOver(ctx context.Context, done func(*store.Tx) (bool, error)) (over bool, err error) {
	err = w.DB.View(ctx, func(tx *store.Tx) error {
		over, err = done(tx)
		return err
	})
	return over, err
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
