//go:build crash

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

// deliveries are what a test sends to the relay of a site.
type deliveries struct {
	*site
	accepted []string // uuids
	n        int
}

// send tells the relay that somebody has changed, and returns the answer. An
// answer has to come in time.
func (d *deliveries) send(id string) int {
	d.Helper()
	answer, err := d.try(id)
	require.NoError(d, err)
	return answer
}

// try is send to a relay that may be gone.
func (d *deliveries) try(id string) (answer int, err error) {
	d.Helper()
	d.n++
	event := oktatest.Event{UUID: fmt.Sprintf("event-%d", d.n), Published: time.Now(), Type: "user.account.update_profile",
		Targets: []oktatest.Target{{ID: id, Type: "User"}}}
	req, err := http.NewRequest(http.MethodPost, "http://"+d.relay, bytes.NewReader(d.org.Envelope(event)))
	require.NoError(d, err)
	req.Header.Set("Authorization", d.secrets["hook.secret"])
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	require.NoError(d, resp.Body.Close())
	assert.Less(d, time.Since(began), 2500*time.Millisecond, "E5: it answers before Okta gives up")
	if resp.StatusCode == http.StatusNoContent {
		d.accepted = append(d.accepted, event.UUID)
	}
	return resp.StatusCode, nil
}

// kept holds that all that was accepted is in the store, and the store is whole.
func (d *deliveries) kept() {
	d.Helper()
	var rows []struct{ ID string }
	d.read(&rows, "report", "events")
	var stored []string
	for _, row := range rows {
		stored = append(stored, row.ID)
	}
	for _, uuid := range d.accepted {
		assert.Contains(d, stored, uuid, "E5: what was answered 204 is stored")
	}
	d.must(exitDone, "verify")
	d.must(exitDone, "backup", "$fresh") // SQLite finds it whole
}

// danIsDone waits until what was accepted about dan, who is new, is done, and all else.
func (d *deliveries) danIsDone() {
	d.Helper()
	d.until("what was accepted is done", func() bool { _, found := d.account.ByExternalID(d.names["dan"]); return found && d.left() == 0 })
}

// tells shows what a process has said, once the test has failed.
func (d *deliveries) tells(who string, p *process) {
	d.Cleanup(func() {
		if d.Failed() {
			d.Logf("%s: %s", who, &p.stderr)
		}
	})
}

// waiting starts both services, which cannot open the store: they say what to do
// about it, and Okta is told to send again.
func (d *deliveries) waiting(remedy string) (relay, worker *process) {
	d.Helper()
	relay, worker = d.startRelay(), d.start("worker")
	d.tells("the relay", relay)
	d.tells("the worker", worker)
	for _, p := range []*process{relay, worker} {
		d.until("the log says what to do", func() bool { return strings.Contains(p.stderr.String(), remedy) })
	}
	require.Equal(d, http.StatusServiceUnavailable, d.send(d.names["dan"]), "E5: 503 when it cannot store")
	return relay, worker
}

// recover holds services that waited for the store to going on by themselves once
// it can be opened.
func (d *deliveries) recover(relay, worker *process) {
	d.Helper()
	d.until("E5: the relay goes on by itself", func() bool { return d.send(d.names["dan"]) == http.StatusNoContent })
	d.until("the worker does, too", worker.works)
	d.danIsDone()
	worker.stop()
	relay.stop()
}
