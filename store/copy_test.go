package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
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

// copyForEver opens a copy and keeps it until it is told to end.
func copyForEver(db *DB) error {
	c, err := OpenCopy(context.Background(), db.Path())
	if err != nil {
		return err
	}
	fmt.Println(c.folder)
	select {}
}

func TestCopyOfAKilledProcessIsRemovedByTheNext(t *testing.T) {
	f := setup(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	other := filepath.Join(temporary, "another-copy-1") // of another program
	require.NoError(t, os.Mkdir(other, 0o700))
	elsewhere := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "kept"), nil, 0o600))
	link := filepath.Join(temporary, "zensync-copy-2")
	require.NoError(t, os.Symlink(elsewhere, link))

	killed, out := f.second("copy")
	require.True(t, out.Scan(), "it has a copy")
	dead := out.Text()
	require.NoError(t, killed.Process.Kill())
	require.Error(t, killed.Wait())
	alive, out := f.second("copy")
	require.True(t, out.Scan(), "it has a copy")
	used := out.Text()
	assert.NoDirExists(t, dead)

	c, err := OpenCopy(t.Context(), f.db.Path())
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(used, "zensync.db"), "a process works on it")
	require.NoError(t, c.Close())
	require.NoError(t, alive.Process.Kill())
	require.Error(t, alive.Wait())

	c, err = OpenCopy(t.Context(), f.db.Path())
	require.NoError(t, err)
	require.NoError(t, c.Close())
	left, err := filepath.Glob(filepath.Join(temporary, "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{other, link}, left)
	assert.FileExists(t, filepath.Join(elsewhere, "kept"))
}

// TestCopiesAtOnceDoNotRemoveEachOther makes many: for a moment each has a
// folder that is not locked yet.
func TestCopiesAtOnceDoNotRemoveEachOther(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error { return tx.SetSetting("a", "as it was") })
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				c, err := OpenCopy(t.Context(), f.db.Path())
				if !assert.NoError(t, err) {
					return
				}
				assert.FileExists(t, c.Path())
				assert.NoError(t, c.Close())
			}
		})
	}
	wg.Wait()
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

func TestB3_CopyHasTheInboxSorted(t *testing.T) {
	f := setup(t)
	f.receive(Event{UUID: "e", Type: UserCreate, Users: []string{"00u1"}})
	c, err := OpenCopy(t.Context(), f.db.Path())
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	var open []OpenRow
	require.NoError(t, c.View(t.Context(), func(tx *Tx) (err error) {
		open, err = tx.OpenRows("00u1")
		return err
	}))
	assert.Len(t, open, 1, "what explain and plan work on")
	assert.Len(t, f.all("inbox"), 1, "B3: the original is not written")
	assert.Empty(t, f.all("outbox"))
}
