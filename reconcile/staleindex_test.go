package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// A walk has read ZenQMS, somebody edits an account, then its user moves, and
// only then is the walk's promise kept.
func TestW1_AnEditIsOverwrittenThoughTheIndexIsOlderThanIt(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.pass(time.Second)
	w.read(store.InitialRun)
	w.pass(time.Second)
	require.True(t, w.acct.Edit(w.account(u.ID).ID, func(z *zenqmstest.User) { z.Active = false }))
	w.pass(time.Second)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.True(t, w.account(u.ID).Active, "W1: he moved after the edit")
	assert.Equal(t, "Chief", w.account(u.ID).Title)
}

// An account that zensync itself made and a person removed is in no reading.
func TestL5_ADeployForgetsAnAccountThatIsGone(t *testing.T) {
	for _, first := range []store.RunKind{store.InitialRun, store.ReconcileRun} {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.by(string(first))
		was := w.account(u.ID).ID
		w.acct.Remove(was)
		w.by("initial")
		assert.NotEqual(t, was, w.account(u.ID).ID, "L5: matched anew, after a first %s", first)
	}
}

// What the index alone has at a leaver's address is looked at once.
func TestK4_AnAccountThatMovedOffALeaversAddressIsLookedAtOnce(t *testing.T) {
	for name, move := range map[string]func(w *world, id int64){
		"removed": func(w *world, id int64) { w.acct.Remove(id) },
		"renamed": func(w *world, id int64) {
			w.acct.Edit(id, func(z *zenqmstest.User) { z.Email = "elsewhere@example.com" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.hire("Bo", "Cole", "ACTIVE")
			id := w.acct.AddUser(ada(true)).ID
			w.by("initial")
			move(w, id)
			w.hire("Ada", "Byron", "DEPROVISIONED")
			w.sync()
			w.by("reconcile")
			w.acct.ResetCalls()
			w.by("reconcile")
			assert.Empty(t, w.acct.Calls(), "K4")
		})
	}
}
