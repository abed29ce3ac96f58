package store

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fixture is a store of its own, with a clock that stands still.
type fixture struct {
	*testing.T
	db  *DB
	now time.Time
}

// noon is when the clock of a fixture stands at first.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, now: noon}
	f.db = f.open(filepath.Join(t.TempDir(), "zensync.db"))
	return f
}

// open opens the store at path with the fixture's clock, until the test ends.
func (f *fixture) open(path string) *DB {
	f.Helper()
	db, err := Open(f.Context(), path)
	require.NoError(f, err)
	db.Now = func() time.Time { return f.now }
	f.Cleanup(func() { assert.NoError(f, db.Close()) })
	return db
}

// reopen closes the store and opens its file again.
func (f *fixture) reopen() {
	f.Helper()
	require.NoError(f, f.db.Close())
	f.db = f.open(f.db.Path())
}

// do runs fn in a transaction that has to succeed.
func (f *fixture) do(fn func(tx *Tx) error) {
	f.Helper()
	require.NoError(f, f.db.Update(f.Context(), fn))
}

// see runs fn on the store as it is.
func (f *fixture) see(fn func(tx *Tx) error) {
	f.Helper()
	require.NoError(f, f.db.View(f.Context(), fn))
}

// number is the one number a query returns.
func (f *fixture) number(query string, args ...any) (n int64) {
	f.Helper()
	f.see(func(tx *Tx) error { return tx.row(query, args...).Scan(&n) })
	return n
}

// texts are the texts a query returns, one a row.
func (f *fixture) texts(query string, args ...any) (all []string) {
	f.Helper()
	f.see(func(tx *Tx) (err error) {
		all, err = collect(tx, func(s scanner) (text string, err error) {
			err = s.Scan(textOf{&text})
			return text, err
		}, query, args...)
		return err
	})
	return all
}

// person puts a user with an address of his own into the directory.
func (f *fixture) person(oktaID string) Person {
	f.Helper()
	p := Person{OktaID: oktaID, Created: noon, Updated: noon, Status: "ACTIVE", Login: oktaID + "@example.com",
		Email: oktaID + "@example.com", FirstName: "Ann", LastName: "Lee"}
	f.do(func(tx *Tx) (err error) {
		p.N, err = tx.PutPerson(p)
		return err
	})
	return p
}

func TestPragmasHoldOnEveryConnection(t *testing.T) {
	f := setup(t)
	hold := func(tx *Tx, queryOnly string) error {
		for pragma, want := range map[string]string{
			"journal_mode": "wal",
			"synchronous":  "2", // FULL: a commit is on disk
			"foreign_keys": "1",
			"busy_timeout": "2000",
			"query_only":   queryOnly,
		} {
			var got string
			if err := tx.row("PRAGMA " + pragma).Scan(&got); err != nil {
				return err
			}
			assert.Equal(t, want, got, pragma)
		}
		return nil
	}
	f.do(func(tx *Tx) error { return hold(tx, "0") })

	const readers = 4
	var inside, done sync.WaitGroup
	inside.Add(readers)
	for range readers {
		done.Go(func() {
			assert.NoError(t, f.db.View(t.Context(), func(tx *Tx) error {
				inside.Done()
				inside.Wait() // all of them read at once, so each has a connection of its own
				return hold(tx, "1")
			}))
		})
	}
	done.Wait()
}

func TestViewCannotWrite(t *testing.T) {
	f := setup(t)
	err := f.db.View(t.Context(), func(tx *Tx) error { return tx.SetSetting("k", "v") })
	assert.ErrorContains(t, err, "readonly")
	assert.Zero(t, f.number(`SELECT count(*) FROM setting`))
}

func TestViewSeesOneState(t *testing.T) {
	f := setup(t)
	f.see(func(tx *Tx) error {
		before, err := tx.Setting("k")
		require.NoError(t, err)
		f.do(func(tx *Tx) error { return tx.SetSetting("k", "v") }) // a reader does not hold up the writer
		after, err := tx.Setting("k")
		assert.Equal(t, before, after)
		return err
	})
	assert.Equal(t, []string{"v"}, f.texts(`SELECT value FROM setting WHERE key = 'k'`))
}

func TestManyMayViewAtOnce(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error { return tx.SetSetting("k", "v") })
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 10 {
				assert.NoError(t, f.db.View(t.Context(), func(tx *Tx) error {
					value, err := tx.Setting("k")
					assert.Equal(t, "v", value)
					return err
				}))
			}
		})
	}
	wg.Wait()
}

func TestViewThatFailsHarmsNoOther(t *testing.T) {
	f := setup(t)
	for range 20 { // more than there are connections
		ctx, cancel := context.WithCancel(t.Context())
		assert.ErrorIs(t, f.db.View(ctx, func(tx *Tx) error {
			cancel()
			_, err := tx.Setting("k")
			return err
		}), context.Canceled)
		assert.Panics(t, func() { _ = f.db.View(t.Context(), func(*Tx) error { panic("sad") }) })
	}
	assert.Zero(t, f.number(`SELECT count(*) FROM setting`))
}

func TestManyMayOpenANewFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "zensync.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			db, err := Open(t.Context(), path)
			if assert.NoError(t, err) {
				assert.NoError(t, db.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting("k", "v") }))
				assert.NoError(t, db.Close())
			}
		})
	}
	wg.Wait()
}

func TestFileIsItsOwnersAlone(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error { return tx.SetSetting("k", "v") })
	files, err := os.ReadDir(filepath.Dir(f.db.Path()))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := file.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s has mode %v", file.Name(), info.Mode())
	}
}

func TestPathMayHoldAnything(t *testing.T) {
	f := setup(t)
	path := filepath.Join(t.TempDir(), "a b?mode=ro#c%41&d'é.db")
	db := f.open(path)
	require.NoError(t, db.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting("k", "v") }))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.NotZero(t, info.Size(), "it is that very file")
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error { return tx.SetSetting("k", "v") })
	f.do(func(tx *Tx) error {
		return tx.run(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	})
	require.NoError(t, f.db.Close())
	_, err := Open(t.Context(), f.db.Path())
	require.ErrorContains(t, err, "version 9999")
	assert.ErrorContains(t, err, f.db.Path())
	assert.ErrorContains(t, err, "install the newer zensync again", "it says what to do")
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte("this is a text of some length, and no database at all"), 0o600))
	for name, path := range map[string]string{"a folder": dir, "no database": text, "below a file": filepath.Join(text, "zensync.db")} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), path)
			assert.ErrorContains(t, err, text[:len(dir)])
		})
	}
}

func TestCloseMayBeRepeated(t *testing.T) {
	f := setup(t)
	require.NoError(t, f.db.Close())
	require.NoError(t, f.db.Close())
	assert.ErrorIs(t, f.db.Update(context.Background(), func(*Tx) error { return nil }), ErrClosed)
	assert.ErrorIs(t, f.db.View(context.Background(), func(*Tx) error { return nil }), ErrClosed)
}

func TestTimesAreKeptAsUTCMilliseconds(t *testing.T) {
	f := setup(t)
	zone := time.FixedZone("east", 2*60*60)
	f.now = time.Date(2026, 3, 1, 14, 0, 0, 123456789, zone)
	f.do(func(tx *Tx) error {
		assert.Equal(t, time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC), tx.Now)
		return tx.SetSetting("k", "v")
	})
	assert.Equal(t, []string{"2026-03-01T12:00:00.123Z"}, f.texts(`SELECT changed FROM setting WHERE key = 'k'`))
}
