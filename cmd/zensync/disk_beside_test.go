//go:build crash

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What happens when files beside the database are removed.

// Somebody removes what SQLite keeps beside the database while it is in use: the
// services notice it by themselves and begin anew, and nobody opens the store amid
// that, who would spoil what the services have.
func TestDisks_E5_WhenAFileBesideTheDatabaseIsRemovedTheServicesBeginAnew(t *testing.T) {
	for _, suffixes := range [][]string{{"-wal"}, {"-shm"}, {"-wal", "-shm"}} {
		for name, meanwhile := range map[string]func(d *deliveries) (paused bool){
			"idle": func(*deliveries) bool { return false },
			"deliveries": func(d *deliveries) bool {
				for range 20 {
					answer, err := d.try(d.names["ann"])
					require.True(d, err != nil || answer == http.StatusServiceUnavailable || answer == http.StatusNoContent)
				}
				return false
			},
			"a command that reads":  func(d *deliveries) bool { d.opens("report", "events"); return false },
			"a command that writes": func(d *deliveries) bool { return d.opens("pause", "--reason", "to see") },
			"a delivery, and a command that writes": func(d *deliveries) bool {
				_, _ = d.try(d.names["ann"])
				return d.opens("pause", "--reason", "to see")
			},
		} {
			t.Run(strings.Join(suffixes, "")+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := &deliveries{site: newSite(t)}
				d.deploy()
				relay, worker := d.startRelay(), d.startWorker()
				d.tells("the relay", relay)
				d.tells("the worker", worker)
				for range 5 {
					require.Equal(t, http.StatusNoContent, d.send(d.names["ann"]))
				}
				for _, suffix := range suffixes {
					require.NoError(t, os.Remove(filepath.Join(d.folder, "zensync.db"+suffix)))
				}
				paused := meanwhile(d)
				for _, p := range []*process{relay, worker} {
					require.Equal(t, exitFailed, p.wait(), "the service manager starts what failed")
					require.Contains(t, p.stderr.String(), "removed or replaced while in use")
				}
				relay, worker = d.startRelay(), d.startWorker()
				require.Equal(t, http.StatusNoContent, d.send(d.names["dan"]))
				if paused {
					require.Contains(t, d.must(exitDone, "status"), "paused", "what a command has done stays done")
					d.must(exitDone, "resume")
				}
				d.danIsDone()
				relay.stop()
				worker.stop()
				d.kept()
				d.sound("active")
			})
		}
	}
}

// opens runs a command that waits until the services have ended, or says what to do,
// and tells which.
func (d *deliveries) opens(args ...string) (done bool) {
	d.Helper()
	p := d.start(args...)
	if p.wait() == exitDone {
		return true
	}
	require.Equal(d, exitFailed, p.wait(), "stderr: %s", &p.stderr)
	require.Contains(d, p.stderr.String(), "a command has to be run again")
	return false
}

// The service manager starts one service again before the other has ended: that
// waits for it.
func TestDisks_E5_AServiceThatBeginsAnewWaitsForTheOther(t *testing.T) {
	for _, suffix := range []string{"-wal", "-shm"} {
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			d := &deliveries{site: newSite(t)}
			d.deploy()
			relay, worker := d.startRelay(), d.startWorker()
			for range 5 {
				require.Equal(t, http.StatusNoContent, d.send(d.names["ann"]))
			}
			require.NoError(t, worker.cmd.Process.Signal(syscall.SIGSTOP)) // it is slow to end
			require.NoError(t, os.Remove(filepath.Join(d.folder, "zensync.db"+suffix)))
			require.Equal(t, exitFailed, relay.wait())
			relay = d.startRelay()
			d.tells("the relay", relay)
			d.until("the log says what it waits for", func() bool {
				return strings.Contains(relay.stderr.String(), "removed or replaced while in use")
			})
			require.Equal(t, http.StatusServiceUnavailable, d.send(d.names["dan"]), "E5: 503 beside a worker that has other files")
			require.NoError(t, worker.cmd.Process.Signal(syscall.SIGCONT))
			require.Equal(t, exitFailed, worker.wait())
			worker = d.startWorker()
			d.until("E5: the relay goes on by itself", func() bool { return d.send(d.names["dan"]) == http.StatusNoContent })
			d.danIsDone()
			relay.stop()
			worker.stop()
			d.kept()
			d.sound("active")
		})
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

// Somebody removes the database itself. What is open is then all there is of it, so
// that a person is waited for; what is begun in its place knows nobody, sends
// nothing, says so, and finds everybody again.
func TestDisks_C3_WhenTheDatabaseIsRemovedADeployFindsEverybodyAgain(t *testing.T) {
	for name, end := range map[string]func(p *process){
		"stopped": (*process).end,
		"killed":  func(p *process) { require.NoError(t, p.cmd.Process.Kill()); p.wait() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &deliveries{site: newSite(t)}
			d.deploy()
			relay, worker := d.startRelay(), d.startWorker()
			require.Equal(t, http.StatusNoContent, d.send(d.names["dan"]))
			d.danIsDone()
			require.NoError(t, os.Remove(filepath.Join(d.folder, "zensync.db")))
			require.Equal(t, http.StatusServiceUnavailable, d.send(d.names["ann"]), "E5: 503 when what is stored would be in no file")
			d.until("the log says so", func() bool { return strings.Contains(relay.stderr.String(), "removed or replaced while in use") })
			end(relay)
			end(worker)
			d.accepted = nil // it is lost with the database

			relay, worker = d.startRelay(), d.startWorker()
			d.tells("the relay", relay)
			d.tells("the worker", worker)
			d.until("the worker's log says that nothing is sent", func() bool {
				return strings.Contains(worker.stderr.String(), `nothing is sent to ZenQMS" until="zensync deploy"`)
			})
			d.account.ResetCalls()
			require.Equal(t, http.StatusNoContent, d.send(d.names["ann"]), "E5: hooks are stored")
			require.Contains(t, d.must(exitDone, "status"), "new")
			require.Empty(t, d.account.Calls(), "C1: nothing is sent before a deploy")
			d.must(exitHeld, "deploy", "--yes")
			d.until("all is done", func() bool { return d.left() == 0 })
			for _, call := range d.account.Writes() {
				if call.Path == "/v2/users" {
					require.Equal(t, "cyd@example.com", call.Body["email"], "C3: nobody is created twice; cyd was refused before")
				}
			}
			relay.stop()
			worker.stop()
			d.kept()
			d.sound("active")
		})
	}
}
