package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// backedUp is a store that has gone on since a copy of it was made: the copy
// knows as "a" what "was", the store what "is".
func backedUp(t *testing.T) (f *fixture, copied string, at Head) {
	f = setup(t)
	f.someLog(3)
	f.do(func(tx *Tx) error { return tx.SetSetting("a", "was") })
	copied = filepath.Join(t.TempDir(), "copy.db")
	made, err := Backup(t.Context(), f.db.Path(), copied, false, nil)
	require.NoError(t, err)
	f.someLog(2)
	f.do(func(tx *Tx) error { return tx.SetSetting("a", "is") })
	return f, copied, made.Head
}

// logRestore is the least there is to be settled.
func logRestore(tx *Tx, with *Restoration) error {
	return tx.AppendLog(LogRow{Origin: "operator", Actor: "ada", Action: ActRestore, Outcome: OutcomeOK, Changes: RestoreChanges(*with, "copy.db")})
}

// knows is what the store at path knows as "a".
func knows(t *testing.T, path string) (text string) {
	t.Helper()
	db, err := Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, db.View(t.Context(), func(tx *Tx) error {
		if _, err := tx.CheckLog(Head{}, nil); err != nil {
			return err
		}
		text, err = tx.Setting("a")
		return err
	}))
	require.NoError(t, db.Close())
	return text
}

func TestRestorePutsACopyInPlaceAndKeepsWhatWasThere(t *testing.T) {
	f, copied, at := backedUp(t)
	path, head := f.db.Path(), f.head()
	require.NoError(t, f.db.Close())
	r, err := Restore(t.Context(), path, copied, nil, func(tx *Tx, with *Restoration) error {
		require.NotNil(t, with.Replaced)
		require.NoError(t, with.Replaced.View(t.Context(), func(old *Tx) error {
			text, err := old.Setting("a")
			assert.Equal(t, "is", text, "what is replaced can be asked")
			return err
		}))
		return logRestore(tx, with)
	})
	require.NoError(t, err)
	assert.Equal(t, at, r.Copy.Head)
	assert.Equal(t, head, r.Head)
	assert.Equal(t, "was", knows(t, path))
	assert.Equal(t, "is", knows(t, r.Kept), "what was there is kept")
	assert.True(t, strings.HasPrefix(r.Kept, path+".before-restore-"), r.Kept)
	for _, name := range []string{path, r.Kept} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	for _, name := range names(t, filepath.Dir(path)) {
		assert.False(t, strings.HasPrefix(name, ".zensync-restore-"), name)
	}
	assert.Equal(t, "was", knows(t, copied), "the copy stays as it is")

	again, err := Restore(t.Context(), path, copied, nil, logRestore)
	require.NoError(t, err)
	assert.NotEqual(t, r.Kept, again.Kept, "nothing that was kept is overwritten")
}

func TestRestoreWhereThereIsNoStore(t *testing.T) {
	_, copied, _ := backedUp(t)
	path := filepath.Join(t.TempDir(), "new", "zensync.db")
	r, err := Restore(t.Context(), path, copied, nil, logRestore)
	require.NoError(t, err)
	assert.Empty(t, r.Kept)
	assert.Zero(t, r.Head)
	assert.Equal(t, "was", knows(t, path))
}

func TestRestoreBringsAnOldCopyUpToDate(t *testing.T) {
	f, _, _ := backedUp(t)
	require.NoError(t, f.db.Close())
	_, err := Restore(t.Context(), f.db.Path(), oldStore(t), nil, logRestore)
	require.NoError(t, err)
	assert.Empty(t, knows(t, f.db.Path()))
}

// What an operator restores over is often what is broken.
func TestRestoreOverWhatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		harm   func(t *testing.T, path string)
		keeps  []string // beside the file itself
		unread bool
	}{
		"garbage": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("garbage ", 4096)), 0o600))
		}, nil, true},
		"garbage with a log": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("garbage ", 4096)), 0o600))
			require.NoError(t, os.WriteFile(path+"-wal", []byte("garbage, too"), 0o600))
		}, []string{"-wal"}, true},
		"an empty file": {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) }, nil, true},
		"a newer one": {func(t *testing.T, path string) {
			raw(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
		}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, copied, _ := backedUp(t)
			path := f.db.Path()
			require.NoError(t, f.db.Close())
			c.harm(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			r, err := Restore(t.Context(), path, copied, nil, func(tx *Tx, with *Restoration) error {
				assert.Equal(t, c.unread, with.Unread != nil, "%v", with.Unread)
				assert.Equal(t, c.unread, with.Replaced == nil)
				return logRestore(tx, with)
			})
			require.NoError(t, err)
			assert.Equal(t, "was", knows(t, path))
			kept, err := os.ReadFile(r.Kept)
			require.NoError(t, err)
			assert.Equal(t, before, kept, "it is kept as it was")
			for _, suffix := range c.keeps {
				assert.FileExists(t, r.Kept+suffix)
			}
		})
	}
}

func TestRestoreThatFailsChangesNothing(t *testing.T) {
	f, copied, _ := backedUp(t)
	path := f.db.Path()
	require.NoError(t, f.db.Close())
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	require.NoError(t, os.WriteFile(garbage, []byte("this is no database, however long one looks at it"), 0o600))
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for name, restore := range map[string]func() (*Restoration, error){
		"no store":    func() (*Restoration, error) { return Restore(t.Context(), path, garbage, nil, logRestore) },
		"not there":   func() (*Restoration, error) { return Restore(t.Context(), path, garbage+"x", nil, logRestore) },
		"interrupted": func() (*Restoration, error) { return Restore(stopped, path, copied, nil, logRestore) },
		"not settled": func() (*Restoration, error) {
			return Restore(t.Context(), path, copied, nil, func(*Tx, *Restoration) error { return errors.New("no") })
		},
	} {
		_, err := restore()
		require.Error(t, err, name)
		assert.Equal(t, "is", knows(t, path), name)
		for _, left := range names(t, filepath.Dir(path)) {
			assert.NotContains(t, left, "restore", name)
		}
	}
}

func TestRestoreNeedsTheStoreAlone(t *testing.T) {
	f, copied, _ := backedUp(t)
	path := f.db.Path()
	for _, part := range []Part{WorkerPart, RelayPart, HookPart} {
		lock, err := f.db.TryLock(part, "somebody")
		require.NoError(t, err)
		_, err = Restore(t.Context(), path, copied, nil, logRestore)
		var locked *ErrLocked
		require.ErrorAs(t, err, &locked, part)
		assert.Equal(t, ErrLocked{part, "somebody"}, *locked)
		require.NoError(t, lock.Release())
	}
	_, err := Restore(t.Context(), path, copied, nil, func(tx *Tx, with *Restoration) error {
		t.Error("who has it open would go on with what was replaced")
		return nil
	})
	require.ErrorContains(t, err, "another zensync command has the store "+path+" open")

	require.NoError(t, f.db.Close())
	opened := make(chan error)
	_, err = Restore(t.Context(), path, copied, nil, func(tx *Tx, with *Restoration) error {
		go func() {
			opened <- func() error { db, err := Open(t.Context(), path); return errors.Join(err, db.Close()) }()
		}()
		select {
		case <-opened:
			t.Error("who comes meanwhile has to wait")
		default:
		}
		return logRestore(tx, with)
	})
	require.NoError(t, err)
	require.NoError(t, <-opened)
	assert.Equal(t, "was", knows(t, path))
}

// restoreForEver is in the middle of a restore until it is told to end.
func restoreForEver(db *DB) error {
	path := db.Path()
	if err := db.Close(); err != nil {
		return err
	}
	_, err := Restore(context.Background(), path, os.Getenv("ZENSYNC_TEST_COPY"), nil, func(tx *Tx, with *Restoration) error {
		fmt.Println("in the middle")
		select {}
	})
	return err
}

func TestARestoreThatIsKilledChangesNothing(t *testing.T) {
	f, copied, _ := backedUp(t)
	path := f.db.Path()
	require.NoError(t, f.db.Close())
	t.Setenv("ZENSYNC_TEST_COPY", copied)
	cmd, out := f.second("restore")
	require.True(t, out.Scan())
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.Equal(t, "is", knows(t, path))

	_, err := Restore(t.Context(), path, copied, nil, logRestore)
	require.NoError(t, err, "it can be made anew")
	assert.Equal(t, "was", knows(t, path))
	for _, left := range names(t, filepath.Dir(path)) {
		assert.NotContains(t, left, ".zensync-restore-", "what the dead one had made is gone")
	}
}

func TestVerifySaysWhatARestoreCutOff(t *testing.T) {
	f, copied, at := backedUp(t)
	path, noted := f.db.Path(), f.head()
	require.NoError(t, f.db.Close())
	r, err := Restore(t.Context(), path, copied, nil, logRestore)
	require.NoError(t, err)
	f.db = f.open(path)
	says := fmt.Sprintf("Row 4 says why: at %s ada restored copy.db, whose log ended at row 3, over one that ended at row 5, which is kept in %s",
		f.texts(`SELECT time FROM log WHERE seq = 4`)[0], r.Kept)
	check := func(earlier Head) error {
		return f.db.View(t.Context(), func(tx *Tx) error {
			_, err := tx.CheckLog(earlier, nil)
			return err
		})
	}
	assert.NoError(t, check(at), "an end from before the copy is there")
	assert.EqualError(t, check(noted), "log: it ends at row 4, and row 5 was noted: its tail was cut. "+says)
	f.someLog(5)
	assert.EqualError(t, check(noted), "log: row 5 is not the one that was noted: the log was written anew. "+says)
	assert.ErrorContains(t, check(Head{Seq: 4, Hash: "abc"}), says, "the restore's own row is in the place of one that was cut off")
	assert.NotContains(t, check(Head{Seq: 2, Hash: "abc"}).Error(), "says why", "it has cut off nothing that early")
	assert.NotContains(t, check(Head{Seq: 99, Hash: "abc"}).Error(), "says why", "nor what came later than the log it replaced")

	exported := filepath.Join(t.TempDir(), "log.jsonl")
	file, err := os.Create(exported)
	require.NoError(t, err)
	f.see(func(tx *Tx) error {
		_, err := tx.ExportLog(file, 0, nil)
		return err
	})
	_, err = file.Seek(0, 0)
	require.NoError(t, err)
	_, err = CheckExport(file, noted, nil)
	assert.ErrorContains(t, err, says, "the same of a file")
	require.NoError(t, file.Close())
}
