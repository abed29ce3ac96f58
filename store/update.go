package store

import (
	"context"
	"fmt"
	"sync/atomic"
)

// maxBatch is how many closures may share one transaction. With 64 concurrent
// callers a transaction holds about 30, so the bound is met only in a storm.
const maxBatch = 256

// job is one closure on its way through the writer.
type job struct {
	ctx   context.Context
	fn    func(*Tx) error
	state atomic.Int32 // jobQueued, jobTaken or jobGivenUp
	err   error
	done  chan struct{}
}

const (
	jobQueued int32 = iota
	jobTaken
	jobGivenUp
)

// Update runs fn and commits what it wrote, or, when fn returns an error,
// undoes it all and returns that error. A nil error means that the commit is
// on disk.
//
// Closures of concurrent callers are run one after the other in one
// transaction, each behind a savepoint of its own: one flush to disk serves
// them all (group commit). Therefore fn must not call Update itself, must not
// block, and may be undone by a failing commit after it returned nil.
//
// When ctx ends before fn was begun, fn is not run.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case <-db.quit:
		return ErrClosed
	default:
	}
	select {
	case db.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.quit:
		return ErrClosed
	}
	select {
	case <-j.done:
		return j.err
	case <-db.stopped:
		return db.outcomeAfterStop(j)
	case <-ctx.Done():
		if j.state.CompareAndSwap(jobQueued, jobGivenUp) {
			return ctx.Err()
		}
	}
	// It was begun: only its outcome tells the truth.
	select {
	case <-j.done:
		return j.err
	case <-db.stopped:
		return db.outcomeAfterStop(j)
	}
}

// outcomeAfterStop tells a job that was finished in the writer's last moments
// from one that was never taken.
func (db *DB) outcomeAfterStop(j *job) error {
	select {
	case <-j.done:
		return j.err
	default:
		return ErrClosed
	}
}

// write is the writer: it takes what is queued, as one batch, until Close.
func (db *DB) write() {
	defer close(db.stopped)
	for {
		select {
		case first := <-db.jobs:
			db.commit(db.collect(first))
		case <-db.quit:
			return
		}
	}
}

// collect adds to first whatever is queued already, without waiting for more.
func (db *DB) collect(first *job) []*job {
	batch := []*job{first}
	for len(batch) < maxBatch {
		select {
		case j := <-db.jobs:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction and tells each job its outcome.
func (db *DB) commit(batch []*job) {
	taken := batch[:0]
	for _, j := range batch {
		if j.state.CompareAndSwap(jobQueued, jobTaken) {
			taken = append(taken, j)
		}
	}
	if len(taken) == 0 {
		return
	}
	err := db.runBatch(taken)
	for _, j := range taken {
		if j.err == nil && err != nil {
			j.err = fmt.Errorf("write the store %s: %w", db.path, err)
		}
		close(j.done)
	}
}

// runBatch runs the closures and commits. Its error is that of the
// transaction as a whole; a closure's own error stays with its job.
//
// The statements run on a context of their own: a cancelled one would
// interrupt the connection and undo the neighbours' work with it.
func (db *DB) runBatch(batch []*job) error {
	if err := db.writer.do("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	now, wakes := db.now(), false
	for _, j := range batch {
		tx := &Tx{Now: now, ctx: context.Background(), session: db.writer}
		if err := runJob(j, tx, len(batch) == 1); err != nil {
			_ = db.writer.do("ROLLBACK") // the first error is the one that tells
			return err
		}
		wakes = wakes || tx.wakes && j.err == nil
	}
	if len(batch) == 1 && batch[0].err != nil {
		return db.writer.do("ROLLBACK")
	}
	if err := db.writer.do("COMMIT"); err != nil {
		_ = db.writer.do("ROLLBACK") // a failed commit may leave the transaction open
		return err
	}
	if wakes {
		db.Nudge()
	}
	return nil
}

// runJob runs one closure. Alone in its transaction it needs no savepoint:
// the transaction is rolled back instead.
func runJob(j *job, tx *Tx, alone bool) error {
	if alone {
		j.err = call(j.fn, tx)
		return nil
	}
	if err := tx.session.do("SAVEPOINT job"); err != nil {
		return err
	}
	if j.err = call(j.fn, tx); j.err != nil {
		if err := tx.session.do("ROLLBACK TO job"); err != nil {
			return err
		}
	}
	return tx.session.do("RELEASE job")
}

// call turns a panic of one closure into its error, so that the neighbours in
// the batch are committed all the same.
func call(fn func(*Tx) error, t *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	return fn(t)
}
