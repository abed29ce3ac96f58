package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// killAt starts a command and kills it as soon as a file of some name is there,
// or lets it end if it is faster.
func (c *site) killAt(pattern string, args ...string) {
	c.Helper()
	p := c.start(args...)
	late := time.After(deadline)
	for {
		select {
		case <-p.ended:
			require.Zero(c, p.cmd.ProcessState.ExitCode(), "%v; stderr: %s", args, &p.stderr)
			return
		case <-late:
			require.FailNow(c, "waited for: "+pattern)
		default:
		}
		if found, err := filepath.Glob(filepath.Join(c.folder, pattern)); err == nil && len(found) > 0 {
			_ = p.cmd.Process.Kill() // it may just have ended
			<-p.ended
			return
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
