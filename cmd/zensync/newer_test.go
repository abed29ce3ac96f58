//go:build crash

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newerProgram is a zensync of a later version: this one with a migration more,
// which is in no tree, as nobody knows what it will be.
var newerProgram = sync.OnceValues(func() (name string, err error) {
	schema, err := filepath.Abs("../../schema")
	if err != nil {
		return "", err
	}
	found, err := exec.LookPath("zensync")
	if err != nil {
		return "", err
	}
	folder := filepath.Dir(found) // testscript.Main removes it
	migration := filepath.Join(folder, "later.sql")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(schema, "9999_later.sql"): migration}})
	if err != nil {
		return "", err
	}
	for file, text := range map[string][]byte{
		migration:                             []byte("-- +goose Up\nCREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;\n"),
		filepath.Join(folder, "overlay.json"): overlay,
	} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return "", err
		}
	}
	name = filepath.Join(folder, "zensync-of-later")
	build := exec.Command("go", "build", "-buildvcs=false", "-overlay", filepath.Join(folder, "overlay.json"), "-o", name, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build a later zensync: %w\n%s", err, output)
	}
	return name, nil
})

// later runs the later zensync.
func (c *site) later(args ...string) *process {
	c.Helper()
	return c.laterUnder(nil, args...)
}

// laterUnder is later under another program, as in "strace -f".
func (c *site) laterUnder(under []string, args ...string) *process {
	c.Helper()
	name, err := newerProgram()
	require.NoError(c, err)
	return c.startWith(append(slices.Clone(under), "sh", "-c", `exec "`+name+`" "$@"`), nil, args...)
}

// laterTakesOver has services of the later zensync go on where the old ones
// were, and holds that nothing was lost.
func (d *deliveries) laterTakesOver() {
	d.Helper()
	relay, worker := d.later("relay"), d.later("worker")
	d.until("the later relay listens", func() bool { return strings.Contains(relay.stderr.String(), "relay listens") })
	require.Equal(d, http.StatusNoContent, d.send(d.names["dan"]))
	d.until("the later worker goes on", worker.works)
	d.until("what was accepted is done", func() bool { _, found := d.account.ByExternalID(d.names["dan"]); return found })
	worker.stop()
	relay.stop()
	events := d.later("report", "events", "--format", "csv")
	require.Equal(d, exitDone, events.wait(), "stderr: %s", &events.stderr)
	for _, uuid := range d.accepted {
		assert.Contains(d, events.stdout.String(), uuid+",", "E5: what was answered 204 is stored")
	}
	d.upgraded()
}

// upgraded makes of the store one that the later zensync has opened.
func (d *deliveries) upgraded() {
	d.Helper()
	p := d.later("verify")
	require.Equal(d, exitDone, p.wait(), "stderr: %s", &p.stderr)
}

const before = "zensync.db.before-9999"

// Somebody has installed an older package again. There are two ways out, the
// error names both, and neither asks for a hand at the files.
func TestDisks_E5_ADatabaseOfANewerVersionIs503UntilOneOfBothIsAsTheOther(t *testing.T) {
	for name, mend := range map[string]func(d *deliveries, relay, worker *process){
		"the newer program comes back": func(d *deliveries, relay, worker *process) {
			relay.stop() // as the package does
			worker.stop()
			d.laterTakesOver()
			p := d.start("report", "events")
			assert.Equal(d, exitFailed, p.wait())
			assert.Contains(d, p.stderr.String(), "install the newer zensync again")
		},
		"the store goes back": func(d *deliveries, relay, worker *process) {
			d.must(exitDone, "restore", before, "--reason", "back to the old version")
			d.recover(relay, worker) // those that waited
			d.kept()
			d.sound("active")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &deliveries{site: newSite(t)}
			d.deploy()
			d.withRelay(func() { require.Equal(t, http.StatusNoContent, d.send(d.names["ann"])) })
			d.upgraded()
			relay, worker := d.waiting("install the newer zensync again, or go back to how it was before the upgrade with `zensync restore ")
			p := d.start("sync", "$dan")
			assert.Equal(t, exitFailed, p.wait())
			assert.Contains(t, p.stderr.String(), before)
			mend(d, relay, worker)
		})
	}
}

// A new version may change the store while services of the old one still run:
// somebody types a command of it before they are restarted. They take nothing more
// and end, so that the service manager starts them anew.
func TestDisks_E5_WhenTheStoreIsUpgradedInUseTheOldServicesEnd(t *testing.T) {
	t.Parallel()
	d := &deliveries{site: newSite(t)}
	d.deploy()
	relay, worker := d.startRelay(), d.startWorker()
	require.Equal(t, http.StatusNoContent, d.send(d.names["ann"]))
	d.upgraded()
	d.until("the relay ends", func() bool {
		answer, err := d.try(d.names["ann"])
		assert.True(t, err != nil || answer == http.StatusServiceUnavailable, "E5: 503 when it must not store, not %d", answer)
		return err != nil
	})
	for _, p := range []*process{relay, worker} {
		assert.Equal(t, exitFailed, p.wait(), "the service manager starts it again")
		assert.Contains(t, p.stderr.String(), "a newer zensync has upgraded the store while it was in use")
		assert.Contains(t, p.stderr.String(), "restart the service, with the newer program")
	}
	d.laterTakesOver()
}

// The program of a new version is killed at each flush while it upgrades the store.
func TestDisks_AnUpgradeThatIsKilledIsDoneByTheNext(t *testing.T) {
	for n := 1; n <= 6; n++ {
		t.Run(fmt.Sprint("at flush ", n), func(t *testing.T) {
			t.Parallel()
			d := &deliveries{site: newSite(t)}
			d.deploy()
			d.withRelay(func() { require.Equal(t, http.StatusNoContent, d.send(d.names["ann"])) })
			p := d.laterUnder(injecting(t, fmt.Sprintf("fsync,fdatasync:signal=KILL:when=%d", n)), "verify")
			exit := p.wait()
			if n <= 4 {
				require.Equal(t, -1, exit, "this test must kill; stderr: %s", &p.stderr)
			}
			d.laterTakesOver()
			made, err := filepath.Glob(filepath.Join(d.folder, before+"*"))
			require.NoError(t, err)
			assert.Len(t, made, 1, "one copy of how it was before")
			p = d.later("backup", "new.db")
			require.Equal(t, exitDone, p.wait(), "stderr: %s", &p.stderr)
			left, err := filepath.Glob(filepath.Join(d.folder, ".zensync-*"))
			require.NoError(t, err)
			assert.Empty(t, left, "nothing half made is left once something is copied again")
			d.must(exitDone, "restore", before, "--reason", "back to the old version")
			d.must(exitDone, "verify")
			assert.Equal(t, 3, d.links())
		})
	}
}

// To change a large store takes minutes, in which Okta is answered.
func TestDisks_E5_WhileTheStoreIsBeingUpgradedIs503(t *testing.T) {
	t.Parallel()
	d := &deliveries{site: newSite(t)}
	d.deploy()
	upgrade, err := os.OpenFile(filepath.Join(d.folder, "zensync.db.migrate"), os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	defer upgrade.Close()
	require.NoError(t, syscall.Flock(int(upgrade.Fd()), syscall.LOCK_EX)) // as whoever upgrades it has
	relay, worker := d.waiting("the store takes its time to be opened")
	require.NoError(t, syscall.Flock(int(upgrade.Fd()), syscall.LOCK_UN))
	d.recover(relay, worker)
	d.kept()
	d.sound("active")
}

// Before a store is upgraded it is copied, for which there may be no room.
func TestDisks_E5_AnUpgradeThatHasNoRoomWaitsForIt(t *testing.T) {
	t.Parallel()
	d := &deliveries{site: newSite(t)}
	folder := d.onDisk()
	d.deploy()
	d.withRelay(func() { require.Equal(t, http.StatusNoContent, d.send(d.names["ann"])) })
	filler := filepath.Join(folder, "filler")
	require.ErrorIs(t, os.WriteFile(filler, make([]byte, 4<<20), 0o600), syscall.ENOSPC)
	relay, worker := d.later("relay"), d.later("worker")
	for _, p := range []*process{relay, worker} {
		d.until("the log says what to do", func() bool { return strings.Contains(p.stderr.String(), "make room") })
	}
	require.Equal(t, http.StatusServiceUnavailable, d.send(d.names["dan"]))
	require.NoError(t, os.Remove(filler))
	d.until("E5: it goes on by itself", func() bool { return d.send(d.names["dan"]) == http.StatusNoContent })
	d.until("the worker does, too", worker.works)
	worker.stop()
	relay.stop()
	d.laterTakesOver()
	assert.FileExists(t, filepath.Join(folder, before), "it was copied all the same")
}
