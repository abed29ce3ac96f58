package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
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
