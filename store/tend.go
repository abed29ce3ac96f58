package store

import (
	"context"
	"errors"
	"fmt"
	"os"
)

const (
	// walLimit is to what SQLite cuts the write-ahead log, in bytes, once it has
	// been folded in and is begun anew: a quarter more than it usually has, so that
	// what somebody who read for long made of it does not stay, and the usual one is
	// not cut each time.
	walLimit = checkpointPages * 4096 * 5 / 4
	// tendPatience is for how long others may wait for the log to be cut, in
	// milliseconds: Okta gives the relay three seconds.
	tendPatience = 100
	// optimizeRows is how many rows of an index SQLite looks at for what it
	// wants to know of it: https://www.sqlite.org/lang_analyze.html recommends
	// 100 to 1000.
	optimizeRows = 400
	// fewRows is of how many rows a table may be without SQLite knowing: it takes
	// such a table for a large one. What it once was told of a small one it believes
	// until it is told anew, and reads it whole, however large it is by then: the log
	// has two rows when the first worker starts, and tens of thousands an hour later.
	fewRows = 500
)

// forgetFew takes back what SQLite has learnt of small tables. The first number is
// that of an index's rows.
var forgetFew = fmt.Sprintf(`DELETE FROM sqlite_stat1 WHERE tbl IN
	(SELECT tbl FROM sqlite_stat1 GROUP BY tbl HAVING max(CAST(stat AS INTEGER)) < %d)`, fewRows)

// Optimize has SQLite look at the large tables that have changed so much that it
// may go about questions differently. It is to be called now and then. It is one
// transaction, so that nobody sees what is taken back; and it looks at a table
// itself so that there is a place for what is learnt.
func (db *DB) Optimize(ctx context.Context) error {
	return db.tend(ctx, fmt.Sprintf(`PRAGMA analysis_limit = %d`, optimizeRows),
		`BEGIN IMMEDIATE`, `ANALYZE setting`, `PRAGMA optimize`, forgetFew, `COMMIT`)
}

// CutLog folds the write-ahead log into the database and makes it empty, if
// nobody is in the way: else it stays as it is, which is no error. Whoever
// writes meanwhile waits for a moment only, for all but the last of it is folded
// in before.
func (db *DB) CutLog(ctx context.Context) error {
	return db.tend(ctx, `PRAGMA wal_checkpoint(PASSIVE)`, fmt.Sprintf(`PRAGMA busy_timeout = %d`, tendPatience),
		`PRAGMA wal_checkpoint(TRUNCATE)`, fmt.Sprintf(`PRAGMA busy_timeout = %d`, busyTimeout.Milliseconds()))
}

// tend runs statements on a connection beside the writer's. A transaction that one
// of them begins is undone when another fails.
func (db *DB) tend(ctx context.Context, statements ...string) error {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("tend the store %s: %w", db.path, err)
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // there may be none to undo
			return fmt.Errorf("tend the store %s: %s: %w", db.path, statement, errors.Join(err, conn.Close()))
		}
	}
	return conn.Close()
}

// WAL is the size of the write-ahead log, in bytes; 0 when there is none.
func (db *DB) WAL() (int64, error) {
	info, err := os.Stat(db.path + "-wal")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("measure the write-ahead log: %w", err)
	}
	return info.Size(), nil
}
