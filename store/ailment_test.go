package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

// damage makes a store of some size, closes it, and has its file harmed.
func damage(t *testing.T, harm func(path string)) (path string) {
	f := setup(t)
	f.do(func(tx *Tx) error {
		for i := range 500 {
			if err := tx.SetSetting(fmt.Sprintf("key %d", i), "a value of some length, so that there are pages"); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, f.db.Close())
	harm(f.db.Path())
	return f.db.Path()
}

func TestAFileThatIsNotWholeSaysWhatToDo(t *testing.T) {
	for name, harm := range map[string]func(path string){
		"its head is overwritten": func(path string) {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteAt(make([]byte, 4096), 0)
			require.NoError(t, errors.Join(err, file.Close()))
		},
		"it is cut in the middle of its first page": func(path string) { require.NoError(t, os.Truncate(path, 1000)) },
		"it is cut after some pages":                func(path string) { require.NoError(t, os.Truncate(path, 5*4096)) },
		"nothing is left of it": func(path string) {
			require.NoError(t, os.Truncate(path, 0))
			require.NoError(t, os.WriteFile(path+"."+string(RelayPart), []byte("relay\n"), 0o600)) // as whoever has worked with it leaves it
		},
		"it is a text": func(path string) {
			require.NoError(t, os.WriteFile(path, []byte("this is a text of some length, and no database at all"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := damage(t, harm)
			db, err := Open(t.Context(), path)
			if err == nil { // SQLite sees it where it reads
				err = db.View(t.Context(), func(tx *Tx) error {
					_, err := tx.exec(`SELECT count(*) FROM setting, outbox, log`)
					return err
				})
				assert.NoError(t, db.Close())
			}
			require.Error(t, err)
			assert.ErrorContains(t, err, "`zensync restore` the last backup")
			assert.False(t, MayPass(err), "to wait does not mend it")
			switch { // the ailments that are seen ahead of SQLite
			case strings.HasPrefix(name, "it is cut"):
				assert.ErrorContains(t, err, "was cut off: it has ")
			case name == "nothing is left of it":
				assert.ErrorContains(t, err, "is empty, and was in use before")
			default:
				var cause *sqlite.Error
				assert.ErrorAs(t, err, &cause, "its cause is still to be found")
			}
			assert.NoError(t, errors.Unwrap(err), "it is the root of what is logged")
		})
	}
}

func TestALockedFileSaysWhatToDo(t *testing.T) {
	f := setup(t)
	f.do(set("before"))
	foreign, err := sql.Open("sqlite", f.db.Path())
	require.NoError(t, err)
	defer foreign.Close()
	foreign.SetMaxOpenConns(1)
	_, err = foreign.Exec("BEGIN IMMEDIATE")
	require.NoError(t, err)
	err = f.db.Update(context.Background(), set("while it is locked"))
	require.ErrorContains(t, err, "database is locked")
	assert.ErrorContains(t, err, "another program has the database open and keeps it locked")
	assert.True(t, MayPass(err))
	_, err = foreign.Exec("ROLLBACK")
	require.NoError(t, err)
	f.do(set("after"))
	assert.Equal(t, []string{"after", "before"}, f.texts(`SELECT key FROM setting ORDER BY key`))
}

func TestRemedies(t *testing.T) {
	assert.NoError(t, remedied(nil))
	plain := errors.New("plain")
	assert.Equal(t, plain, remedied(plain))
	assert.False(t, MayPass(plain))
	readOnly := &os.PathError{Op: "open", Path: filepath.Join("a", "b"), Err: syscall.EROFS}
	once := remedied(fmt.Errorf("open the store: %w", readOnly))
	assert.ErrorContains(t, once, "mount it anew")
	assert.ErrorIs(t, once, syscall.EROFS)
	assert.True(t, MayPass(fmt.Errorf("further up: %w", once)))
	assert.Equal(t, once, remedied(once), "a remedy is said once")
	full := remedied(&os.PathError{Op: "open", Path: "a", Err: syscall.ENOSPC})
	assert.ErrorContains(t, full, "make room")
	assert.True(t, MayPass(full))
}
