package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsWrittenToAFileThatIsGoneIsNotStored(t *testing.T) {
	write := func(f *fixture) error {
		return f.db.Update(context.Background(), func(tx *Tx) error { return tx.SetSetting("written", rand.Text()) })
	}
	const restart, ends = "restart every zensync", "a service ends"
	for name, c := range map[string]struct {
		harm   func(t *testing.T, path string)
		remedy string
	}{
		"the database is removed": {func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }, restart},
		"it is moved away":        {func(t *testing.T, path string) { require.NoError(t, os.Rename(path, path+".old")) }, restart},
		"another takes its place": {func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path+".new", content, 0o600))
			require.NoError(t, os.Rename(path+".new", path))
		}, restart},
		"its log is removed":         {func(t *testing.T, path string) { require.NoError(t, os.Remove(path+"-wal")) }, ends},
		"its log's index is removed": {func(t *testing.T, path string) { require.NoError(t, os.Remove(path+"-shm")) }, ends},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			require.NoError(t, write(f))
			c.harm(t, f.db.Path())
			before, _ := os.ReadFile(f.db.Path() + "-wal") // where it is the one that was removed there is none, nor will be
			err := write(f)
			assert.ErrorContains(t, err, "removed or replaced while in use; "+c.remedy)
			assert.Equal(t, c.remedy == ends, errors.Is(err, ErrBereft))
			assert.Equal(t, c.remedy == ends, errors.Is(f.db.Intact(t.Context()), ErrBereft), "of a database that is gone what is still open is all there is")
			after, _ := os.ReadFile(f.db.Path() + "-wal")
			assert.True(t, bytes.Equal(before, after), "it writes nothing: another process may have begun anew with these files")
		})
	}
}

// SQLite would go on for as long as it needs no page that is gone.
func TestADatabaseThatWasCutOffTakesNothing(t *testing.T) {
	f := setup(t)
	f.someLog(50)
	require.NoError(t, f.db.CutLog(t.Context()))
	f.someLog(1)
	info, err := os.Stat(f.db.Path())
	require.NoError(t, err)
	require.NoError(t, os.Truncate(f.db.Path(), info.Size()-4096))
	write := func(tx *Tx) error { return tx.SetSetting("written", rand.Text()) }
	err = f.db.Update(t.Context(), write)
	assert.ErrorContains(t, err, "was cut off")
	assert.ErrorContains(t, err, "`zensync restore` the last backup")
	assert.False(t, MayPass(err))
	assert.Error(t, f.db.Update(t.Context(), write), "the next one finds it no longer than that")
}

func TestADatabaseThatWasPackedIsWhole(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error { return tx.SetSetting("large", strings.Repeat("x", 1<<20)) })
	require.NoError(t, f.db.CutLog(t.Context()))
	f.do(func(tx *Tx) error { return tx.SetSetting("large", "") })
	before, err := os.Stat(f.db.Path())
	require.NoError(t, err)
	require.NoError(t, f.db.tend(t.Context(), `VACUUM`))
	require.NoError(t, f.db.CutLog(t.Context()))
	after, err := os.Stat(f.db.Path())
	require.NoError(t, err)
	require.Less(t, after.Size(), before.Size(), "this test must see it packed")
	f.someLog(1)
}

// Whoever closes a store last folds the log into the database and removes it: a
// database that grows by that was not cut off.
func TestADatabaseThatGrowsIsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zensync.db")
	grown := make(chan error, 1)
	go func() {
		for n := range 40 {
			db, err := Open(context.Background(), path)
			if err == nil {
				err = db.Update(context.Background(), func(tx *Tx) error {
					return tx.SetSetting(fmt.Sprint("grows ", n), strings.Repeat("x", 40*4096))
				})
				err = errors.Join(err, db.Close())
			}
			if err != nil {
				grown <- err
				return
			}
		}
		close(grown)
	}()
	for {
		require.NoError(t, lostSome(path), "nobody has cut it off")
		select {
		case err := <-grown:
			require.NoError(t, err)
			return
		default:
		}
	}
}

// Once its log was removed, what was committed is in no file that anybody finds
// again: it is folded into the database before the last who has it open ends,
// also where nobody has anything to write.
func TestWhatARemovedLogHoldsIsFoldedIn(t *testing.T) {
	idle := func(f *fixture) error { return f.db.Intact(f.Context()) }
	remove := func(f *fixture, suffixes ...string) {
		for _, suffix := range suffixes {
			require.NoError(f, os.Remove(f.db.Path()+suffix))
		}
	}
	for name, c := range map[string]struct {
		harm   func(f *fixture)
		notice func(f *fixture) error
	}{
		"at the next write": {func(f *fixture) { remove(f, "-wal") }, func(f *fixture) error {
			return f.db.Update(f.Context(), func(*Tx) error { return nil })
		}},
		"without one":        {func(f *fixture) { remove(f, "-wal") }, idle},
		"its index was, too": {func(f *fixture) { remove(f, "-wal", "-shm") }, idle},
		"an empty one is there": {func(f *fixture) {
			remove(f, "-wal")
			require.NoError(f, os.WriteFile(f.db.Path()+"-wal", nil, 0o600))
		}, idle},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.do(func(tx *Tx) error { return tx.SetSetting("accepted", "yes") })
			require.NoError(t, f.db.Intact(t.Context()))
			c.harm(f)
			require.ErrorIs(t, c.notice(f), ErrBereft)
			assert.Equal(t, "yes", f.alone(), "E5: what was accepted is kept")
		})
	}
}

// A log that somebody else has written has frames of his where ours are in the index.
func TestOfALogThatOthersHaveBegunNothingIsFoldedIn(t *testing.T) {
	f := setup(t)
	require.NoError(t, f.db.CutLog(t.Context()))
	f.do(func(tx *Tx) error { return tx.SetSetting("accepted", "yes") })
	require.NoError(t, os.Remove(f.db.Path()+"-wal"))
	require.NoError(t, os.WriteFile(f.db.Path()+"-wal", []byte("somebody else's"), 0o600))
	before, err := os.ReadFile(f.db.Path())
	require.NoError(t, err)
	require.ErrorIs(t, f.db.Intact(t.Context()), ErrBereft)
	after, err := os.ReadFile(f.db.Path())
	require.NoError(t, err)
	assert.True(t, bytes.Equal(before, after))
}

// alone is what the database says of "accepted", without its log.
func (f *fixture) alone() (accepted string) {
	content, err := os.ReadFile(f.db.Path())
	require.NoError(f, err)
	alone := filepath.Join(f.TempDir(), "alone.db")
	require.NoError(f, os.WriteFile(alone, content, 0o600))
	db, err := Open(f.Context(), alone)
	require.NoError(f, err)
	defer db.Close()
	require.NoError(f, db.View(f.Context(), func(tx *Tx) error {
		accepted, err = tx.Setting("accepted")
		return err
	}))
	return accepted
}

// A log that was folded in and cut to nothing is whole.
func TestAStoreWhoseLogWasCutIsOpened(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error { return tx.SetSetting("accepted", "yes") })
	require.NoError(t, f.db.CutLog(t.Context()))
	log, err := os.Stat(f.db.Path() + "-wal")
	require.NoError(t, err)
	require.Zero(t, log.Size())
	require.NoError(t, f.open(f.db.Path()).Intact(t.Context()))
}

// Where others have the store open without its log or its index, whoever opens it
// would begin anew beside them: he waits until they have ended, but not for ever.
func TestAStoreThatOthersHaveOpenWithoutAFileIsNotOpened(t *testing.T) {
	for what, suffixes := range map[string][]string{"the log": {"-wal"}, "its index": {"-shm"}, "both": {"-wal", "-shm"},
		"an empty log is there": {"-wal"}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.do(func(tx *Tx) error { return tx.SetSetting("accepted", "yes") })
			for _, suffix := range suffixes {
				require.NoError(t, os.Remove(f.db.Path()+suffix))
			}
			empty := what == "an empty log is there"
			if empty {
				require.NoError(t, os.WriteFile(f.db.Path()+"-wal", nil, 0o600))
			}
			_, err := Open(t.Context(), f.db.Path())
			require.ErrorIs(t, err, ErrBereft)
			assert.ErrorContains(t, err, suffixes[0]+" is not the file that was opened")
			for _, suffix := range suffixes {
				_, err := os.Stat(f.db.Path() + suffix)
				assert.Equal(t, empty, err == nil, "nothing was made")
			}

			type opened struct {
				db  *DB
				err error
			}
			later := make(chan opened)
			go func() {
				db, err := Open(context.Background(), f.db.Path())
				later <- opened{db, err}
			}()
			require.ErrorIs(t, f.db.Intact(t.Context()), ErrBereft)
			require.NoError(t, f.db.Close())
			o := <-later
			require.NoError(t, o.err, "those who had it have ended")
			defer func() { assert.NoError(t, o.db.Close()) }()
			f.db = o.db
			f.see(func(tx *Tx) error {
				accepted, err := tx.Setting("accepted")
				assert.Equal(t, "yes", accepted, "E5: what was accepted is kept")
				return err
			})
			require.NoError(t, f.db.Intact(t.Context()))
		})
	}
}
