package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/zensync/zensync/schema"
)

// Reader is a store opened to be looked at, also by who doubts that it is
// whole: nothing of it is written, no schema is brought up to date, no lock is
// taken for longer than a look, and processes that use it are not hindered.
type Reader struct {
	db *DB // with a path, a clock and readers alone
}

// OpenReader opens the store at path, which has to be there. It reads nothing
// yet: what is wrong with the file shows at the first question.
func OpenReader(path string) (*Reader, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("look for the store: %w", err)
	}
	return newReader(path, copyMode(path))
}

// newReader opens a file in one of SQLite's modes.
func newReader(path, mode string) (*Reader, error) {
	pool, err := sql.Open("sqlite", fmt.Sprintf("file:%s?mode=%s&_pragma=busy_timeout(%d)&_pragma=query_only(1)",
		(&url.URL{Path: path}).EscapedPath(), mode, busyTimeout.Milliseconds()))
	if err != nil {
		return nil, fmt.Errorf("open the store %s for reading: %w", path, err)
	}
	return &Reader{&DB{Now: time.Now, path: path, readers: newReaders(pool)}}, nil
}

// Reader is this store for those who only look at it, as long as it is open.
// It is not to be closed.
func (db *DB) Reader() *Reader { return &Reader{db} }

// Path returns the file the store lives in.
func (r *Reader) Path() string { return r.db.path }

// Close ends the look.
func (r *Reader) Close() error { return r.db.readers.close() }

// View is DB.View. Of a schema that is not the newest (see
// Schema) it can ask what that has.
func (r *Reader) View(ctx context.Context, fn func(*Tx) error) error { return r.db.View(ctx, fn) }

// Alive is DB.Alive, but makes no lock file where there is none.
func (r *Reader) Alive(part Part) (holder string, alive bool) {
	file := flock.New(r.db.lockPath(part), flock.SetFlag(os.O_RDONLY))
	got, err := file.TryRLock()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", false
	case err == nil && got:
		_ = file.Unlock() // it was only a look
		return "", false
	}
	return r.db.holder(part), true
}

// Damage asks SQLite whether the file is whole, which takes as long as reading
// all of it. It returns what is wrong, a few lines at most; none for a file that
// is whole. An error says that it could not be found out.
func (r *Reader) Damage(ctx context.Context) (damage []string, err error) {
	return r.damage(ctx, `PRAGMA quick_check(5)`)
}

func (r *Reader) damage(ctx context.Context, check string) (damage []string, err error) {
	err = r.View(ctx, func(tx *Tx) error {
		rows, err := tx.query(check)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			if line != "ok" {
				damage = append(damage, line)
			}
		}
		return rows.Err()
	})
	return damage, err
}

// Schema returns the version of the store's schema, and the newest that this
// program knows. 0 is a file without one.
func (r *Reader) Schema(ctx context.Context) (have, newest int64, err error) {
	err = r.View(ctx, func(tx *Tx) error {
		var tables int
		if err := tx.row(`SELECT count(*) FROM sqlite_master WHERE name = ?`, goose.DefaultTablename).Scan(&tables); err != nil || tables == 0 {
			return err
		}
		return tx.row(`SELECT coalesce(max(version_id), 0) FROM ` + goose.DefaultTablename + ` WHERE is_applied`).Scan(&have)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("read the schema version: %w", err)
	}
	migrations, err := goose.NewProvider(goose.DialectSQLite3, r.db.readers.pool, schema.Migrations(), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return 0, 0, fmt.Errorf("read the migrations: %w", err)
	}
	sources := migrations.ListSources()
	return have, sources[len(sources)-1].Version, nil
}

// WAL is DB.WAL.
func (r *Reader) WAL() (int64, error) { return r.db.WAL() }
