package store

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// someLog writes n rows of the log.
func (f *fixture) someLog(n int) {
	f.Helper()
	for range n {
		f.do(func(tx *Tx) error {
			return tx.AppendLog(LogRow{Origin: "operator", Actor: "ada", Action: ActDeploy, Outcome: OutcomeOK})
		})
	}
}

// raw runs statements on a file as any program might.
func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	for _, statement := range statements {
		_, err := pool.Exec(statement)
		require.NoError(t, err, statement)
	}
}

func names(t *testing.T, folder string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestBackupIsTheStoreAndLeavesItAlone(t *testing.T) {
	for name, prepare := range map[string]func(*fixture){
		"in use":  func(*fixture) {},
		"at rest": func(f *fixture) { require.NoError(f, f.db.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.someLog(3)
			head := f.head()
			prepare(f)
			before := f.files()
			folder := t.TempDir()
			to := filepath.Join(folder, "copy.db")

			made, err := Backup(t.Context(), f.db.Path(), to, false, nil)
			require.NoError(t, err)
			assert.Equal(t, before, f.files(), "the store is as it was")
			info, err := os.Stat(to)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "people's names are in it")
			assert.Equal(t, Snapshot{Schema: made.Schema, Rows: 3, Head: head, Size: info.Size()}, made)
			assert.Equal(t, []string{"copy.db"}, names(t, folder), "nothing else is left")
			again, err := Inspect(t.Context(), to, nil)
			require.NoError(t, err)
			assert.Equal(t, made, again)
			assert.Equal(t, []string{"copy.db"}, names(t, folder), "to look at it leaves nothing either")
		})
	}
}

func TestBackupWhileTheStoreIsWritten(t *testing.T) {
	f := setup(t)
	f.someLog(1)
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			assert.NoError(t, f.db.Update(context.Background(), func(tx *Tx) error {
				return tx.AppendLog(LogRow{Origin: "operator", Actor: strconv.Itoa(n), Action: ActDeploy, Outcome: OutcomeOK})
			}))
		}
	})
	for n := range 5 {
		made, err := Backup(t.Context(), f.db.Path(), filepath.Join(t.TempDir(), "copy.db"), false, nil)
		require.NoError(t, err, "round %d", n)
		f.see(func(tx *Tx) error {
			_, err := tx.CheckLog(made.Head, nil)
			assert.NoError(t, err, "its end is a row of the store's log")
			return nil
		})
	}
	stop()
	writing.Wait()
}

func TestBackupReplacesNothingUnlessToldTo(t *testing.T) {
	f := setup(t)
	folder := t.TempDir()
	to := filepath.Join(folder, "copy.db")
	require.NoError(t, os.WriteFile(to, []byte("mine"), 0o600))
	_, err := Backup(t.Context(), f.db.Path(), to, false, nil)
	require.ErrorContains(t, err, "is there already and stays as it is")
	text, err := os.ReadFile(to)
	require.NoError(t, err)
	assert.Equal(t, "mine", string(text))
	require.ErrorContains(t, putNew(f.db.Path(), to), "file exists", "nor one that comes meanwhile")

	_, err = Backup(t.Context(), f.db.Path(), to, true, nil)
	require.NoError(t, err)
	for _, own := range []string{f.db.Path(), f.db.Path() + "-wal"} {
		_, err = Backup(t.Context(), f.db.Path(), own, true, nil)
		assert.ErrorContains(t, err, "belongs to the store itself", own)
	}
	_, err = Backup(t.Context(), f.db.Path(), folder, true, nil)
	assert.ErrorContains(t, err, "is no file")
}

func TestInspectRefusesWhatIsNoWholeStore(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(t *testing.T, path string)
		says string
	}{
		"no database": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, []byte("this is no database, however long one looks at it"), 0o600))
		}, "it is no zensync database"},
		"a folder": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Mkdir(path, 0o700))
		}, "it is no zensync database, and no regular file"},
		"an empty file": {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) }, "it is no zensync database"},
		"another program's": {func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			raw(t, path, `CREATE TABLE log (seq INTEGER)`)
		}, "it is no zensync database"},
		"a newer one's": {func(t *testing.T, path string) {
			raw(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
		}, "its schema has version 9999"},
		"one that is cut": {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 16*4096)) }, "it is "},
		"a row that refers to none": {func(t *testing.T, path string) {
			raw(t, path, `INSERT INTO named (run, okta_id) VALUES (77, '00u')`)
		}, "a row of the table named refers to one that is not there"},
		"a log that was changed": {func(t *testing.T, path string) {
			raw(t, path, `DROP TRIGGER log_no_update`, `UPDATE log SET actor = 'eve' WHERE seq = 2`)
		}, "row 2 is not as it was written"},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.someLog(3)
			to := filepath.Join(t.TempDir(), "copy.db")
			_, err := Backup(t.Context(), f.db.Path(), to, false, nil)
			require.NoError(t, err)
			c.harm(t, to)
			_, err = Inspect(t.Context(), to, nil)
			assert.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), "move it away", "what the store in use would need is nothing to do about a copy")
		})
	}
}

func TestBackupOfADamagedStoreIsNone(t *testing.T) {
	f := setup(t)
	f.someLog(3)
	require.NoError(t, f.db.Close())
	raw(t, f.db.Path(), `DROP TRIGGER log_no_update`, `UPDATE log SET actor = 'eve' WHERE seq = 2`)
	folder := t.TempDir()
	_, err := Backup(t.Context(), f.db.Path(), filepath.Join(folder, "copy.db"), false, nil)
	assert.ErrorContains(t, err, "is no backup: log: row 2 is not as it was written")
	assert.Empty(t, names(t, folder))
}

func TestBackupThatIsCutShortLeavesNothing(t *testing.T) {
	f := setup(t)
	folder := t.TempDir()
	dead := filepath.Join(folder, ".zensync-backup-1") // of a process that was killed
	require.NoError(t, os.Mkdir(dead, 0o700))
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Backup(stopped, f.db.Path(), filepath.Join(folder, "copy.db"), false, nil)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, names(t, folder))
}
