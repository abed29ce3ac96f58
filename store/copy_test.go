package store

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// files are the names and bytes of what lies beside a store, less the memory
// that its readers share.
func (f *fixture) files() map[string]string {
	all := map[string]string{}
	folder := filepath.Dir(f.db.Path())
	entries, err := os.ReadDir(folder)
	require.NoError(f, err)
	for _, e := range entries {
		if e.Name() == filepath.Base(f.db.Path())+"-shm" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		require.NoError(f, err)
		info, err := e.Info()
		require.NoError(f, err)
		all[e.Name()] = info.ModTime().String() + string(text)
	}
	return all
}

func TestCopyIsAStoreOfItsOwn(t *testing.T) {
	for name, prepare := range map[string]func(*fixture){
		"of a store in use": func(*fixture) {},
		"of one at rest":    func(f *fixture) { require.NoError(f, f.db.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.do(func(tx *Tx) error { return tx.SetSetting("a", "as it was") })
			temporary := t.TempDir()
			t.Setenv("TMPDIR", temporary)
			prepare(f)
			before := f.files()

			c, err := OpenCopy(t.Context(), f.db.Path())
			require.NoError(t, err)
			require.NoError(t, c.Update(t.Context(), func(tx *Tx) error {
				text, err := tx.Setting("a")
				assert.Equal(t, "as it was", text)
				if err != nil {
					return err
				}
				return tx.SetSetting("a", "changed")
			}))
			info, err := os.Stat(c.Path())
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			require.NoError(t, c.Close())

			assert.Equal(t, before, f.files(), "the original is as it was")
			left, err := os.ReadDir(temporary)
			require.NoError(t, err)
			assert.Empty(t, left, "the copy is gone")
		})
	}
}

func TestCopyOfNoStoreIsEmptyAndMakesNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "zensync.db")
	c, err := OpenCopy(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, c.View(t.Context(), func(tx *Tx) error {
		head, err := tx.LogHead()
		assert.Zero(t, head)
		return err
	}))
	require.NoError(t, c.Close())
	assert.NoDirExists(t, filepath.Dir(path))
}

func TestCopyThatFailsLeavesNothing(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	garbage := filepath.Join(t.TempDir(), "zensync.db")
	require.NoError(t, os.WriteFile(garbage, []byte("this is no database, however long one looks at it"), 0o600))
	f := setup(t)
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	for name, open := range map[string]func() (*Copy, error){
		"no database": func() (*Copy, error) { return OpenCopy(t.Context(), garbage) },
		"interrupted": func() (*Copy, error) { return OpenCopy(stopped, f.db.Path()) },
	} {
		_, err := open()
		assert.ErrorContains(t, err, "copy the store ", name)
	}
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestDueNowEndsEveryWaiting(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error {
		_, err := tx.Enqueue(Promise{OktaID: "00u1", Origin: FromManual})
		return err
	})
	f.do(func(tx *Tx) error {
		claims, err := tx.Claim(1, 1)
		require.NoError(t, err)
		return tx.Retry(1, claims[0].Rows[0].ID, noon.AddDate(0, 0, 1), true, "later")
	})
	f.do(func(tx *Tx) error { return tx.DueNow() })
	f.see(func(tx *Tx) error {
		due, any, err := tx.NextDue()
		assert.True(t, any)
		assert.Equal(t, noon, due)
		return err
	})
}

func TestLogAfterGivesTheRowsAsTheyWereWritten(t *testing.T) {
	f := setup(t)
	first := LogRow{Origin: "manual", OktaID: "00u1", Action: ActNone, Outcome: OutcomeUnchanged}
	second := LogRow{Origin: "hook", Run: 7, Event: "e", Actor: "olga", OktaID: "00u1", ZenQMSID: "3", Action: ActUpdate, Outcome: OutcomeOK,
		Changes: map[string]Change{"title": {Old: nil, New: "Boss"}, "is_active": {Old: false, New: true}}, Error: "why"}
	f.do(func(tx *Tx) error { return tx.AppendLog(first, second) })
	f.see(func(tx *Tx) error {
		all, err := tx.LogAfter(0)
		assert.Equal(t, []LogRow{first, second}, all)
		if err != nil {
			return err
		}
		rest, err := tx.LogAfter(1)
		assert.Equal(t, []LogRow{second}, rest)
		return err
	})
}
