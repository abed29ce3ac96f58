package reconcile

import (
	"context"
	"time"

	"github.com/zensync/zensync/store"
)

const (
	// upkeepEvery is how often the store is tended.
	upkeepEvery = 24 * time.Hour
	// upkeepLook is how often the worker looks whether it is time. Also whether
	// the write-ahead log has grown, which it does while others read.
	upkeepLook = time.Hour
	// idlePatience is how long tending the store waits for a moment in which
	// nothing is due, and idleLook how often it looks.
	idlePatience = 30 * time.Minute
	idleLook     = time.Second
	// pruneRows is how many rows are looked at in one transaction: a few
	// milliseconds, for which the relay may have to wait.
	pruneRows = 500
	// prunePause is how long others have the store to themselves after it.
	prunePause = 20 * time.Millisecond
	// muchWAL is when the write-ahead log is cut without waiting for the day's
	// turn, in bytes.
	muchWAL = 64 << 20
)

// Upkept is what tending the store came to.
type Upkept struct {
	Deleted int64     // rows older than Keep
	Before  time.Time // what they are older than
}

// tend looks after the store until ctx ends. What fails is tried again at the
// next look: it is no reason not to work.
func (w *Worker) tend(ctx context.Context) {
	for {
		if err := w.tendOnce(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("the store could not be tended; it is tried again", "in", upkeepLook, "error", err)
		}
		if !pause(ctx, upkeepLook) {
			return
		}
	}
}

// tendOnce does what it is time for.
func (w *Worker) tendOnce(ctx context.Context) error {
	var last string
	if err := w.DB.View(ctx, func(tx *store.Tx) (err error) {
		last, err = tx.Setting(store.Upkept)
		return err
	}); err != nil {
		return err
	}
	if last > store.FormatTime(w.DB.Now().Add(-upkeepEvery)) {
		size, err := w.DB.WAL()
		if err != nil || size < muchWAL {
			return err
		}
		return w.DB.CutLog(ctx)
	}
	if !w.awaitIdle(ctx) {
		return ctx.Err()
	}
	done, err := w.Upkeep(ctx)
	if err == nil && done.Deleted > 0 {
		w.Log.Info("what is older than store.keep was deleted", "rows", done.Deleted, "before", store.FormatTime(done.Before))
	}
	return err
}

// Upkeep deletes what is older than Keep, lets SQLite see what has changed, and
// makes the write-ahead log empty.
func (w *Worker) Upkeep(ctx context.Context) (Upkept, error) {
	p := store.Pruning{Before: w.DB.Now().Add(-w.Keep), Rows: pruneRows}
	if err := w.DB.View(ctx, func(tx *store.Tx) error {
		stage, err := StageOf(tx)
		p.Done = w.Keep <= 0 || stage.Life == Unlinking // which goes by what was tried before it
		return err
	}); err != nil {
		return Upkept{}, err
	}
	for !p.Done {
		next := p
		if err := w.DB.Update(ctx, func(tx *store.Tx) (err error) {
			next, err = tx.Prune(p)
			return err
		}); err != nil {
			return Upkept{}, err
		}
		if p = next; !p.Done && !pause(ctx, prunePause) {
			return Upkept{}, ctx.Err()
		}
	}
	if err := w.DB.Optimize(ctx); err != nil {
		return Upkept{}, err
	}
	if err := w.DB.CutLog(ctx); err != nil {
		return Upkept{}, err
	}
	return Upkept{p.Deleted, p.Before}, w.DB.Update(ctx, func(tx *store.Tx) error {
		return tx.SetSetting(store.Upkept, store.FormatTime(tx.Now))
	})
}

// awaitIdle waits until nothing is due, but not for ever: an outage may last for
// days. It is false when ctx has ended.
func (w *Worker) awaitIdle(ctx context.Context) bool {
	for began := w.DB.Now(); w.DB.Now().Sub(began) < idlePatience; {
		idle := false
		if err := w.DB.View(ctx, func(tx *store.Tx) error {
			due, err := isDue(tx)
			idle = err == nil && !due
			return err
		}); err != nil || idle {
			break
		}
		if !pause(ctx, idleLook) {
			break
		}
	}
	return ctx.Err() == nil
}

// pause waits; it is false when ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
