// Package store keeps what zensync must not forget: the inbox of the relay, the
// outbox and the events that filled it, the directory of Okta's users, links,
// skips, runs and the log. It is the only package that runs SQL.
//
// Callers choose the transaction with DB.Update or DB.View; every method that
// touches rows hangs on *Tx, so what must happen together is visibly in one
// closure. No network call may stand inside one.
//
// Two processes (relay and worker) share one file. A commit is durable:
// synchronous=FULL in WAL mode.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the database/sql driver
)

// busyTimeout is how long a transaction waits for the other process. Okta
// gives a hook three seconds, and the relay has to answer within 2.5 s.
const busyTimeout = 2 * time.Second

// checkpointPages is how long the write-ahead log may grow, in pages of 4 KiB:
// 16 MiB instead of SQLite's 4. A page that is written again and again, as
// those of indexes are, is then copied into the database a quarter as often.
const checkpointPages = 4000

// ErrClosed is what Update and View return once Close was called.
var ErrClosed = errors.New("the store is closed")

// DB is the store, open. It is safe for concurrent use.
type DB struct {
	// Now is the clock of every transaction. Tests may replace it before use.
	Now func() time.Time

	path    string
	pool    *sql.DB  // of the writer
	writer  *session // one connection: SQLite has one writer at a time
	turns   *turns
	place   place
	schema  schemaWatch
	readers *readers
	use     *flock.Flock // shared: the file must not be replaced meanwhile
	wake    waker
	jobs    chan *job
	quit    chan struct{}
	stopped chan struct{}
	closing sync.Once
}

// Open opens the store at path, making the file and bringing its schema up to
// date if need be. What it holds then is copied first, into a file beside it
// (see keepBefore). Several processes may do so at once. A file that a newer
// zensync wrote is refused, and one that others have open without all its files.
// While the store is being restored, Open waits.
func Open(ctx context.Context, path string) (*DB, error) { return openStore(ctx, path, keepBefore) }

// openStore is Open; before, if given, is called ahead of a change of the schema.
func openStore(ctx context.Context, path string, before beforeMigration) (*DB, error) {
	if err := prepareFile(path); err != nil {
		return nil, remedied(err)
	}
	db := &DB{Now: time.Now, path: path, use: usage(path),
		jobs: make(chan *job, maxBatch), quit: make(chan struct{}), stopped: make(chan struct{})}
	if err := db.join(ctx); err != nil {
		return nil, remedied(fmt.Errorf("open the store %s: %w", path, err))
	}
	if err := db.open(ctx, before); err != nil {
		return nil, errors.Join(remedied(fmt.Errorf("open the store %s: %w", path, err)), db.use.Close())
	}
	go db.write()
	return db, nil
}

func (db *DB) open(ctx context.Context, before beforeMigration) (err error) {
	if db.pool, err = sql.Open("sqlite", dsn(db.path, "_txlock=immediate")); err != nil {
		return err
	}
	if db.schema.known, err = migrate(ctx, db.path, db.pool, before); err != nil {
		return errors.Join(err, db.pool.Close())
	}
	if db.writer, err = newSession(ctx, db.pool); err != nil {
		return errors.Join(err, db.pool.Close())
	}
	if err := (&Tx{ctx: ctx, session: db.writer}).CheckDurable(); err != nil {
		return errors.Join(err, db.writer.close(), db.pool.Close())
	}
	if db.place, err = newPlace(db.path); err != nil {
		return errors.Join(err, db.writer.close(), db.pool.Close())
	}
	if db.turns, err = openTurns(db.path); err != nil {
		return errors.Join(err, db.writer.close(), db.pool.Close(), db.place.close())
	}
	readers, err := sql.Open("sqlite", dsn(db.path, "_pragma=query_only(1)"))
	if err != nil {
		return errors.Join(err, db.turns.close(), db.writer.close(), db.pool.Close(), db.place.close())
	}
	db.readers = newReaders(readers)
	return nil
}

// prepareFile makes the database file, readable by its owner only: it holds
// people's names and addresses. Only the file's own folder may be missing.
func prepareFile(path string) error {
	if err := lostSome(path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make the folder of the store: %w", err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the store: %w (store.path must be a file this user may read and write)", err)
	}
	return file.Close()
}

// dsn puts the pragmas where every pooled connection gets them.
func dsn(path, extra string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + extra +
		fmt.Sprintf("&_pragma=busy_timeout(%d)", busyTimeout.Milliseconds()) +
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)" +
		fmt.Sprintf("&_pragma=wal_autocheckpoint(%d)&_pragma=journal_size_limit(%d)", checkpointPages, walLimit)
}

// Path returns the file the store lives in.
func (db *DB) Path() string { return db.path }

// Close waits for transactions under way and closes the file. To close it
// again does nothing.
func (db *DB) Close() (err error) {
	db.closing.Do(func() {
		close(db.quit)
		<-db.stopped
		db.wake.mu.Lock()
		db.wake.close()
		db.wake.mu.Unlock()
		err = errors.Join(db.readers.close(), db.writer.close(), db.turns.close(), db.pool.Close(), db.place.close(), db.use.Close())
	})
	return err
}

// View runs fn on one consistent state of the store, which it cannot change.
// Readers do not wait for writers. fn must not call View itself.
func (db *DB) View(ctx context.Context, fn func(*Tx) error) error {
	s, err := db.readers.take(ctx)
	if err != nil {
		return remedied(fmt.Errorf("read the store: %w", err))
	}
	if err := s.do("BEGIN"); err != nil {
		db.readers.give(s, false)
		return remedied(fmt.Errorf("read the store: %w", err))
	}
	defer func() { db.readers.give(s, s.do("ROLLBACK") == nil) }()
	return remedied(fn(&Tx{Now: db.now(), ctx: ctx, session: s}))
}

// now is the time as the store keeps it: UTC, whole milliseconds.
func (db *DB) now() time.Time { return db.Now().UTC().Truncate(time.Millisecond) }
