//go:build crash

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What happens when files beside the database are removed.

// Somebody removes a file of SQLite's beside the database while it is in use.
func TestDisks_E5_WhenAFileBesideTheDatabaseIsRemovedIs503UntilTheRestart(t *testing.T) {
	for _, suffix := range []string{"-wal", "-shm"} {
		for name, restart := range map[string]func(d *deliveries, relay, worker *process){
			"both": func(_ *deliveries, relay, worker *process) {
				relay.end()
				worker.end()
			},
			"the worker before the relay": func(d *deliveries, relay, worker *process) {
				worker.end()
				worker = d.start("worker")
				d.until("the new worker says what it makes of it", func() bool { return worker.stderr.String() != "" })
				require.Equal(d, http.StatusServiceUnavailable, d.send(d.names["ann"]), "E5: 503 beside a worker that has other files")
				relay.end()
				worker.end()
			},
			"the relay before the worker": func(d *deliveries, relay, worker *process) {
				relay.end()
				relay = d.start("relay")
				d.tells("the relay", relay)
				d.until("the relay listens", func() bool { return strings.Contains(relay.stderr.String(), "relay listens") })
				for range 3 {
					require.Contains(d, []int{http.StatusNoContent, http.StatusServiceUnavailable}, d.send(d.names["ann"]))
				}
				worker.end()
				relay.end()
			},
		} {
			t.Run(suffix+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := &deliveries{site: newSite(t)}
				d.deploy()
				relay, worker := d.startRelay(), d.startWorker()
				for range 5 {
					require.Equal(t, http.StatusNoContent, d.send(d.names["ann"]))
				}
				require.NoError(t, os.Remove(filepath.Join(d.folder, "zensync.db"+suffix)))
				for range 3 {
					require.Equal(t, http.StatusServiceUnavailable, d.send(d.names["ann"]))
				}
				d.until("the log says what to do", func() bool {
					return strings.Contains(relay.stderr.String(), "restart every zensync that uses this store")
				})
				restart(d, relay, worker)
				relay, worker = d.startRelay(), d.startWorker()
				require.Equal(t, http.StatusNoContent, d.send(d.names["dan"]))
				d.danIsDone()
				relay.stop()
				worker.stop()
				d.kept()
				d.sound("active")
			})
		}
	}
}

// Somebody takes the lock file for one that a dead worker has left, removes it, and
// starts another worker: the first takes nothing more, and ends.
func TestDisks_C5_WhenTheLockFileIsRemovedTheLaterWorkerWorks(t *testing.T) {
	t.Parallel()
	d := &deliveries{site: newSite(t)}
	d.deploy()
	relay, one := d.startRelay(), d.startWorker()
	require.NoError(t, os.Remove(filepath.Join(d.folder, "zensync.db.worker")))
	text, err := os.ReadFile(d.vars["ZENSYNC_CONFIG"])
	require.NoError(t, err)
	text = regexp.MustCompile(`(?m)^  listen: `+regexp.QuoteMeta(d.vars["PAGE"])).ReplaceAll(text, []byte("  listen: off"))
	require.NoError(t, os.WriteFile(d.vars["ZENSYNC_CONFIG"], text, 0o600))
	other := d.startWorker()
	d.until("the first ends", func() bool {
		require.Equal(t, http.StatusNoContent, d.send(d.names["dan"]))
		select {
		case <-one.ended:
			return true
		default:
			return false
		}
	})
	assert.Equal(t, exitFailed, one.wait())
	assert.Contains(t, one.stderr.String(), "another worker has taken over")
	d.danIsDone()
	other.stop()
	relay.stop()
	d.kept()
	d.sound("active")
}
