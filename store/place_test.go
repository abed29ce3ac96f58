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
	for name, harm := range map[string]func(t *testing.T, path string){
		"the database is removed": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"it is moved away":        func(t *testing.T, path string) { require.NoError(t, os.Rename(path, path+".old")) },
		"another takes its place": func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path+".new", content, 0o600))
			require.NoError(t, os.Rename(path+".new", path))
		},
		"its log is removed":         func(t *testing.T, path string) { require.NoError(t, os.Remove(path+"-wal")) },
		"its log's index is removed": func(t *testing.T, path string) { require.NoError(t, os.Remove(path+"-shm")) },
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			require.NoError(t, write(f))
			harm(t, f.db.Path())
			before, _ := os.ReadFile(f.db.Path() + "-wal") // where it is the one that was removed there is none, nor will be
			assert.ErrorContains(t, write(f), "removed or replaced while in use; restart every zensync")
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
// again: it is folded into the database before the last who has it open ends.
func TestWhatARemovedLogHoldsIsFoldedIn(t *testing.T) {
	f := setup(t)
	path := f.db.Path()
	f.do(func(tx *Tx) error { return tx.SetSetting("accepted", "yes") })
	require.NoError(t, os.Remove(path+"-wal"))
	require.ErrorContains(t, f.db.Update(t.Context(), func(*Tx) error { return nil }), "restart every zensync")

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	alone := filepath.Join(t.TempDir(), "alone.db")
	require.NoError(t, os.WriteFile(alone, content, 0o600))
	db, err := Open(t.Context(), alone)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(t.Context(), func(tx *Tx) error {
		accepted, err := tx.Setting("accepted")
		assert.Equal(t, "yes", accepted, "E5: what was accepted is kept")
		return err
	}))
}
