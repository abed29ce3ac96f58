package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
)

// maxBatch is how many closures may share one transaction. With 64 concurrent
// callers a transaction holds about 30, so the bound is met only in a storm.
const maxBatch = 256

// job is one closure on its way through the writer.
type job struct {
	ctx   context.Context
	fn    func(*Tx) error
	again bool         // fn may be run again
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
// block, and may be undone by a failing commit after it returned nil. A commit
// into a file that is no longer in its place is a failing one. An error of the
// file or its disk says what to do about it.
//
// When ctx ends before fn was begun, fn is not run.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	return db.do(&job{ctx: ctx, fn: fn, done: make(chan struct{})})
}

// Batch is Update for a closure that may be run more than once, what it wrote
// before having been undone: it must not add to anything outside, and read
// nothing outside that it changes. It needs no savepoint.
//
// When ctx ends, Batch returns. What was begun by then may still be committed.
func (db *DB) Batch(ctx context.Context, fn func(*Tx) error) error {
	return db.do(&job{ctx: ctx, fn: fn, again: true, done: make(chan struct{})})
}

// do hands a job to the writer and waits for its outcome.
func (db *DB) do(j *job) error {
	ctx := j.ctx
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
		if j.state.CompareAndSwap(jobQueued, jobGivenUp) || j.again {
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
// Who is just about to queue is let go first, once: where many come at a time,
// as after the commit before, the writer is woken by the first of them, and
// would be off with him alone.
func (db *DB) collect(first *job) []*job {
	batch := []*job{first}
	runtime.Gosched()
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
	wakes, err := db.runBatch(taken)
	if wakes { // and not before: the worker would wait for the turn that this process still had
		db.Nudge()
	}
	for _, j := range taken {
		if j.err == nil && err != nil {
			j.err = fmt.Errorf("write the store %s: %w", db.path, err)
		}
		j.err = remedied(j.err)
		close(j.done)
	}
}

// runBatch runs the closures and commits, and tells whether one of them wants
// the worker nudged. Its error is that of the transaction as a whole; a
// closure's own error stays with its job.
func (db *DB) runBatch(batch []*job) (wakes bool, err error) {
	if err := db.turns.take(); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.turns.give()) }()
	if err := db.place.stays(); err != nil { // whose place is taken must not write into the other's
		// SQLite itself removes files where a connection has left WAL mode.
		return false, errors.Join((&Tx{ctx: context.Background(), session: db.writer}).CheckDurable(), err, db.saveLog())
	}
	if err := db.writer.do("BEGIN IMMEDIATE"); err != nil {
		return false, err
	}
	// The statements run on a context of their own: a cancelled one would
	// interrupt the connection and undo the neighbours' work with it.
	tx := Tx{Now: db.now(), ctx: context.Background(), session: db.writer}
	if err := db.schema.look(&tx); err != nil {
		return false, errors.Join(err, db.writer.do("ROLLBACK"))
	}
	wakes, err = db.runJobs(batch, tx)
	if err != nil || len(batch) == 1 && batch[0].err != nil {
		return false, errors.Join(err, db.writer.do("ROLLBACK"))
	}
	crash("before commit")
	if err := db.writer.do("COMMIT"); err != nil {
		_ = db.writer.do("ROLLBACK") // a failed commit may leave the transaction open
		return false, err
	}
	crash("after commit")
	return wakes, db.place.stays()
}

// saveLog folds a write-ahead log that was removed into the database, while it is
// still open here: who starts next finds an empty one, and what was committed would
// be gone with the last of those who had it. It waits for no reader, so that the
// next write that is refused may take in the rest.
func (db *DB) saveLog() error {
	if !db.place.lostLog() {
		return nil
	}
	if err := db.writer.do("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return fmt.Errorf("fold in what the removed log of %s holds: %w", db.path, err)
	}
	return nil
}

// runJobs runs the closures, those that may be run again first: there is
// nothing yet that must not be undone with them. When one of them fails, all
// are begun anew, each behind a savepoint. It tells whether one of them wants
// the worker nudged.
func (db *DB) runJobs(batch []*job, tx Tx) (wakes bool, err error) {
	if len(batch) == 1 { // the transaction is rolled back instead
		return batch[0].run(tx), nil
	}
	guarded := batch
	if again := whoMayRunAgain(batch); len(again) > 0 {
		failed := false
		for _, j := range again {
			wakes = j.run(tx) || wakes
			if failed = j.err != nil; failed {
				break
			}
		}
		if failed {
			wakes = false
			for _, query := range []string{"ROLLBACK", "BEGIN IMMEDIATE"} {
				if err := db.writer.do(query); err != nil {
					return false, err
				}
			}
		} else {
			guarded = batch[len(again):]
		}
	}
	for _, j := range guarded {
		woken, err := j.runGuarded(tx)
		if err != nil {
			return false, err
		}
		wakes = wakes || woken
	}
	return wakes, nil
}

// whoMayRunAgain moves the jobs that may be run again to the front of the
// batch, and returns them. Order does not matter to callers who do not wait
// for one another.
func whoMayRunAgain(batch []*job) []*job {
	slices.SortStableFunc(batch, func(a, b *job) int {
		switch {
		case a.again == b.again:
			return 0
		case a.again:
			return -1
		}
		return 1
	})
	n := 0
	for n < len(batch) && batch[n].again {
		n++
	}
	return batch[:n]
}

// runGuarded runs the closure behind a savepoint. Its error is that of the
// transaction.
func (j *job) runGuarded(tx Tx) (wakes bool, err error) {
	if err := tx.session.do("SAVEPOINT job"); err != nil {
		return false, err
	}
	if wakes = j.run(tx); j.err != nil {
		if err := tx.session.do("ROLLBACK TO job"); err != nil {
			return false, err
		}
	}
	return wakes, tx.session.do("RELEASE job")
}

// run runs the closure and tells whether it wants the worker nudged.
func (j *job) run(tx Tx) (wakes bool) {
	j.err = call(j.fn, &tx)
	return tx.wakes && j.err == nil
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
