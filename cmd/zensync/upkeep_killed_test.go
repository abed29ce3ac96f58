package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// killAt starts a command and kills it as soon as a file of some name is there.
// It is false if the command was faster.
func (c *site) killAt(pattern string, args ...string) bool {
	c.Helper()
	p := c.start(args...)
	late := time.After(deadline)
	for {
		select {
		case <-p.ended:
			require.Zero(c, p.cmd.ProcessState.ExitCode(), "%v; stderr: %s", args, &p.stderr)
			return false
		case <-late:
			require.FailNow(c, "waited for: "+pattern)
		default:
		}
		if found, err := filepath.Glob(filepath.Join(c.folder, pattern)); err == nil && len(found) > 0 {
			_ = p.cmd.Process.Kill() // it may just have ended
			<-p.ended
			return p.cmd.ProcessState.ExitCode() != exitDone
		}
	}
}

// links counts those of the report.
func (c *site) links() int {
	c.Helper()
	var all []map[string]any
	c.read(&all, "report", "links")
	return len(all)
}

func TestARestoreThatIsKilledIsDoneOrNot(t *testing.T) {
	for name, pattern := range map[string]string{
		"as it begins":               ".zensync-restore-*",
		"as it copies":               ".zensync-restore-*/zensync.db",
		"as it opens the copy":       ".zensync-restore-*/zensync.db.queue",
		"as it puts it in its place": "zensync.db.before-restore-*",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newSite(t)
			c.deploy()
			c.must(exitDone, "backup", "copy.db")
			c.must(exitDone, "sync", "$dan")
			require.Equal(t, 4, c.links())

			c.killAt(pattern, "restore", "copy.db")
			c.must(exitDone, "verify")
			assert.Contains(t, []int{3, 4}, c.links(), "it is the one or the other")
			c.must(exitDone, "restore", "copy.db")
			assert.Equal(t, 3, c.links())
			left, err := filepath.Glob(filepath.Join(c.folder, ".zensync-*"))
			require.NoError(t, err)
			assert.Empty(t, left, "what the dead one had prepared is gone")
			c.sound("active")
			c.settle()
			c.settled()
			assert.Equal(t, settled, c.accounts(), "L1: dan is not created twice")
		})
	}
}

func TestAnArchiveThatIsKilledLosesNothing(t *testing.T) {
	for name, pattern := range map[string]string{
		"as it begins":            ".zensync-archive-*",
		"as it writes":            ".zensync-archive-*/segment",
		"as the file is there":    "old.jsonl",
		"as it looks for a place": "zensync.db.archive",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newSite(t)
			c.deploy()
			require.NoError(t, c.withStore(func(db *store.DB) error {
				return db.Update(t.Context(), func(tx *store.Tx) error {
					for range 5000 {
						if err := tx.AppendLog(store.LogRow{Origin: "operator", Actor: "ada", Action: store.ActDeploy, Outcome: store.OutcomeOK}); err != nil {
							return err
						}
					}
					return nil
				})
			}))
			args := []string{"archive", "--keep", "1ms", "--output", "old.jsonl"}
			killed := c.killAt(pattern, args...)
			c.must(exitDone, "verify")
			again := c.start(args...)
			if exit := again.wait(); killed {
				assert.Contains(t, []int{exitDone, exitFailed}, exit) // it may have come to its end all the same
			}
			c.must(exitDone, "export", "--output", "rest.jsonl")
			var proof struct {
				First int64
				Rows  int64
				Whole bool `json:"first_proved"`
				Head  string
			}
			c.read(&proof, "verify", "old.jsonl", "rest.jsonl")
			assert.EqualValues(t, 1, proof.First)
			assert.True(t, proof.Whole)
			assert.EqualValues(t, 5010, proof.Rows, "A1: all that was written, and one row of the archiving")
			var chain struct{ Rows int64 }
			c.read(&chain, "verify")
			assert.EqualValues(t, 1, chain.Rows, "nothing of what was archived is left")
			left, err := filepath.Glob(filepath.Join(c.folder, ".zensync-*"))
			require.NoError(t, err)
			assert.Empty(t, left)
			c.sound("active")
		})
	}
}
