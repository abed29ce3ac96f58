package store

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contents are the files of a folder, with a hash of what is in them.
func contents(t *testing.T, folder string) map[string][32]byte {
	t.Helper()
	all := map[string][32]byte{}
	require.NoError(t, fs.WalkDir(os.DirFS(folder), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		all[name] = sha256.Sum256(text)
		return err
	}))
	return all
}

func TestReader_ReadsAndLeavesNoTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, db.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting(LifeState, "active") }))
	require.NoError(t, db.Close())
	before := contents(t, filepath.Dir(path))

	r, err := OpenReader(path)
	require.NoError(t, err)
	have, newest, err := r.Schema(t.Context())
	require.NoError(t, err)
	assert.Equal(t, newest, have)
	assert.NotZero(t, have)
	damage, err := r.Damage(t.Context())
	require.NoError(t, err)
	assert.Empty(t, damage)
	require.NoError(t, r.View(t.Context(), func(tx *Tx) error {
		state, err := tx.Setting(LifeState)
		assert.Equal(t, "active", state)
		assert.Error(t, tx.SetSetting(LifeState, "paused"), "it can change nothing")
		return err
	}))
	_, alive := r.Alive(WorkerPart)
	assert.False(t, alive)
	require.NoError(t, r.Close())
	assert.Equal(t, before, contents(t, filepath.Dir(path)))
}

func TestReader_BesideAProcessThatWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := Open(t.Context(), path)
	require.NoError(t, err)
	defer db.Close()
	lock, err := db.TryLock(RelayPart, "relay")
	require.NoError(t, err)
	require.NoError(t, db.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting(LifeState, "active") }))

	r, err := OpenReader(path)
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, r.View(t.Context(), func(tx *Tx) error {
		state, err := tx.Setting(LifeState)
		assert.Equal(t, "active", state, "what is in the write-ahead log is seen")
		return err
	}))
	wal, err := r.WAL()
	require.NoError(t, err)
	assert.NotZero(t, wal)
	holder, alive := r.Alive(RelayPart)
	assert.True(t, alive)
	assert.Equal(t, "relay", holder)
	require.NoError(t, lock.Release())
	_, alive = r.Alive(RelayPart)
	assert.False(t, alive)
	require.NoError(t, db.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting(LifeState, "paused") }))
}

func TestReader_OfWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenReader(filepath.Join(dir, "none.db"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	garbage := filepath.Join(dir, "garbage.db")
	require.NoError(t, os.WriteFile(garbage, []byte("this is no database, and longer than a header of one hundred bytes, which SQLite wants to see first"), 0o600))
	r, err := OpenReader(garbage)
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Damage(t.Context())
	require.ErrorContains(t, err, "not a database")

	empty := filepath.Join(dir, "empty.db")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	e, err := OpenReader(empty)
	require.NoError(t, err)
	defer e.Close()
	have, newest, err := e.Schema(context.Background())
	require.NoError(t, err)
	assert.Zero(t, have)
	assert.NotZero(t, newest)
}

func TestReader_FindsDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = 0xA5
	}
	_, err = file.WriteAt(noise, 8*4096)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	r, err := OpenReader(path)
	require.NoError(t, err)
	defer r.Close()
	damage, err := r.Damage(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, damage)
}

func TestReader_AfterAProcessWasKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := Open(t.Context(), path)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting(LifeState, "active") }))
	left := filepath.Join(t.TempDir(), "store.db")
	for _, name := range []string{"", "-wal"} {
		text, err := os.ReadFile(path + name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(left+name, text, 0o600))
	}
	before := contents(t, filepath.Dir(left))

	r, err := OpenReader(left)
	require.NoError(t, err)
	damage, err := r.Damage(t.Context())
	require.NoError(t, err)
	assert.Empty(t, damage)
	require.NoError(t, r.View(t.Context(), func(tx *Tx) error {
		state, err := tx.Setting(LifeState)
		assert.Equal(t, "active", state, "what only the write-ahead log has is seen")
		return err
	}))
	require.NoError(t, r.Close())
	after := contents(t, filepath.Dir(left))
	delete(after, "store.db-shm") // SQLite's index of the log, which belongs to nobody
	assert.Equal(t, before, after)
}
