package store

import (
	"context"
	"errors"
	"fmt"
	"os"
)

const (
	// walLimit is to what SQLite cuts the write-ahead log, in bytes, once it has
	// been folded in and is begun anew: as much again as it usually has.
	walLimit = 2 * checkpointPages * 4096
	// tendPatience is for how long others may wait for the log to be cut, in
	// milliseconds: Okta gives the relay three seconds.
	tendPatience = 100
	// optimizeRows is how many rows of an index SQLite looks at for what it
	// wants to know of it: https://www.sqlite.org/lang_analyze.html recommends
	// 100 to 1000.
	optimizeRows = 400
)

// Optimize has SQLite look at the tables that have changed so much that it may
// go about questions differently. It is to be called now and then.
func (db *DB) Optimize(ctx context.Context) error {
	return db.tend(ctx, fmt.Sprintf(`PRAGMA analysis_limit = %d`, optimizeRows), `PRAGMA optimize`)
}

// CutLog folds the write-ahead log into the database and makes it empty, if
// nobody is in the way: else it stays as it is, which is no error. Whoever
// writes meanwhile waits for a moment only, for all but the last of it is folded
// in before.
func (db *DB) CutLog(ctx context.Context) error {
	return db.tend(ctx, `PRAGMA wal_checkpoint(PASSIVE)`, fmt.Sprintf(`PRAGMA busy_timeout = %d`, tendPatience),
		`PRAGMA wal_checkpoint(TRUNCATE)`, fmt.Sprintf(`PRAGMA busy_timeout = %d`, busyTimeout.Milliseconds()))
}

// tend runs statements, outside of any transaction, on a connection beside the
// writer's.
func (db *DB) tend(ctx context.Context, statements ...string) error {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("tend the store %s: %w", db.path, err)
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
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
