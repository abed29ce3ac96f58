package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// site is a world in which one command meets one setting.
type site struct {
	*testing.T
	*world
	names map[string]string // ids by what the table calls them, as in $ann
}

// newSite makes the world: ann and cyd are new to ZenQMS; bob is suspended, and
// has an account that is active; old has left, and has an account that new
// claims under another name. Every deactivation needs a person.
func newSite(t *testing.T) *site {
	w, err := newWorld(t.TempDir(), t.Cleanup)
	require.NoError(t, err)
	c := &site{T: t, world: w, names: map[string]string{}}
	t.Cleanup(func() { require.NoError(t, w.checkSecrecy()) })
	require.NoError(t, os.Mkdir(c.temporary(), 0o700))
	text, err := os.ReadFile(w.vars["ZENSYNC_CONFIG"])
	require.NoError(t, err)
	told := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // takes what alerts say
	t.Cleanup(told.Close)
	text = fmt.Appendf(text, "safety: {max_deactivations: 0}\nnotify: {urls: [%q]}\n", "generic+"+told.URL)
	require.NoError(t, os.WriteFile(w.vars["ZENSYNC_CONFIG"], text, 0o600))

	c.seed("ann", "Lee", "ann@example.com", oktatest.Active)
	c.seed("bob", "Roy", "bob@example.com", oktatest.Suspended)
	w.account.AddUser(zenqmstest.User{Email: "bob@example.com", FirstName: "bob", LastName: "Roy", Active: true})
	c.seed("cyd", "Fox", "cyd@example.com", oktatest.Active)
	c.seed("old", "Byron", "ada@example.com", oktatest.Deprovisioned)
	w.account.AddUser(zenqmstest.User{Email: "ada@example.com", FirstName: "old", LastName: "Byron", ExternalID: c.names["old"]})
	c.seed("new", "King", "ada@example.com", oktatest.Active)
	return c
}

// deploy makes of it an installation in which every command has something to
// do: ann, bob and old are linked, bob's deactivation is held, and cyd is given up.
// Since then ann has another title and dan has come, and no hook told of either.
func (c *site) deploy() {
	c.Helper()
	refusesCyd := zenqmstest.OnCreate
	refusesCyd.Body = "cyd@"
	c.account.Fail(refusesCyd, zenqmstest.Always, zenqmstest.Fault{Status: http.StatusMethodNotAllowed})
	c.withRelay(func() { c.must(exitHeld, "deploy", "--yes") })
	c.account.Heal()

	c.org.UpdateProfile(c.names["ann"], func(p *oktatest.Profile) { p.Title = "Boss" })
	c.org.DropAll()
	c.seed("dan", "Poe", "dan@example.com", oktatest.Active)
}

func (c *site) seed(name, last, email, status string) {
	p := oktatest.Profile{Login: name + "@example.com", Email: email, FirstName: name, LastName: last}
	c.names[name] = c.org.Seed(p, status).ID
}

// temporary is the folder for temporary files of all that runs at the site.
func (c *site) temporary() string { return filepath.Join(c.folder, "tmp") }

// withRelay does work while a relay is up.
func (c *site) withRelay(work func()) {
	c.Helper()
	relay := c.startRelay()
	work()
	relay.stop()
}

func (c *site) startRelay() *process {
	c.Helper()
	relay := c.start("relay")
	c.until("the relay is up", func() bool {
		up, err := c.up("relay")
		require.NoError(c, err)
		return up
	})
	return relay
}

// killWorker leaves what a worker leaves that is killed while ZenQMS has just
// created dan and not answered yet, and with walk also while it reads Okta.
func (c *site) killWorker(walk bool) {
	c.Helper()
	creating := c.toZenQMS.set(creates)
	reading := c.toOkta.set(func(r *http.Request) bool {
		return walk && r.URL.Path == "/api/v1/users" && r.URL.Query().Get("filter") == ""
	})
	c.must(exitDone, "sync", "--wait=false", "$dan")
	worker := c.startWorker()
	c.caught(creating)
	if walk {
		asked := c.start("reconcile")
		c.caught(reading)
		asked.kill()
	}
	worker.kill()
	c.died()
}

// killDeploy leaves what a first deploy leaves that does the worker's job and is
// killed in the middle of it.
func (c *site) killDeploy() {
	c.Helper()
	creating := c.toZenQMS.set(creates)
	c.withRelay(func() {
		deploy := c.start("deploy", "--yes")
		c.caught(creating)
		deploy.kill()
	})
	c.died()
}

// died takes the snares away, and looks whether it left what it should.
func (c *site) died() {
	c.Helper()
	c.toZenQMS.spring()
	c.toOkta.spring()
	require.FileExists(c, filepath.Join(c.folder, "zensync.db.worker"))
	require.FileExists(c, filepath.Join(c.folder, "zensync.db.wake"))
	require.NotZero(c, c.left(), "it was in the middle of a sync")
}

func creates(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == "/v2/users" }

func (c *site) caught(call <-chan struct{}) {
	c.Helper()
	select {
	case <-call:
	case <-time.After(deadline):
		require.FailNow(c, "the call that was to hang was not made")
	}
}

func (c *site) startWorker() *process {
	c.Helper()
	worker := c.start("worker")
	c.until("the worker is up", worker.works)
	return worker
}

// works tells whether it has got the worker's lock.
func (p *process) works() bool { return strings.Contains(p.stderr.String(), "worker started") }

// until waits until something holds.
func (c *site) until(what string, holds func() bool) {
	c.Helper()
	late := time.After(deadline)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			require.FailNow(c, "waited for: "+what)
		}
	}
}
