package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver
)

// pool is a peer's database. It has one connection: SQLite has one writer at a
// time, and River and goqite ask for it; more would wait for one another in
// SQLite's busy handler.
type pool struct {
	*sql.DB
	left string // the query that counts the jobs not done
}

// openPool opens a database whose every commit is on disk.
func openPool(path, left string) (pool, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return pool{}, err
	}
	db.SetMaxOpenConns(1)
	return pool{db, left}, nil
}

// CheckDurable reads the pragmas back.
func (p pool) CheckDurable(ctx context.Context) error {
	var journal string
	var synchronous int
	err := errors.Join(
		p.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal),
		p.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous))
	if err == nil && (journal != "wal" || synchronous != 2) { // 2 is FULL
		err = fmt.Errorf("journal_mode is %s and synchronous %d: its commits are not on disk", journal, synchronous)
	}
	return err
}

// Left counts.
func (p pool) Left(ctx context.Context) (n int, err error) {
	err = p.QueryRowContext(ctx, p.left).Scan(&n)
	return n, err
}

// emptyPoll is how often a queue whose handlers are done is asked whether it
// has written that down. It is short beside a drain, which takes seconds.
const emptyPoll = 2 * time.Millisecond

// empty waits until no job is left.
func (p pool) empty(ctx context.Context) error {
	for {
		left, err := p.Left(ctx)
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-time.After(emptyPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tally is a handler that does nothing but count.
type tally struct {
	n, want atomic.Int64
	full    chan struct{}
	once    sync.Once
}

func newTally() *tally { return &tally{full: make(chan struct{})} }

func (t *tally) add() {
	if t.n.Add(1) >= t.want.Load() {
		t.once.Do(func() { close(t.full) })
	}
}

// wait waits until it was called as often as it has to be.
func (t *tally) wait(ctx context.Context) error {
	select {
	case <-t.full:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Count is the number of rows of a table of the database at path.
func Count(ctx context.Context, path, table string) (int, error) {
	p, err := openPool(path, `SELECT count(*) FROM `+table)
	if err != nil {
		return 0, err
	}
	n, err := p.Left(ctx)
	return n, errors.Join(err, p.Close())
}
