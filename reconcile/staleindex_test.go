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

// Okta's filter answers with what was true a while ago.
func TestL3_AFilterThatLagsDoesNotUndoWhatIsKnown(t *testing.T) {
	lagging := func(o *worldOptions) { o.okta.SearchLag = 30 * time.Second }
	t.Run("a rival's status", func(t *testing.T) {
		w := newWorld(t, lagging)
		u := w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}, "SUSPENDED")
		w.pass(time.Minute)
		w.org.SetStatus(u.ID, "ACTIVE")
		w.org.DropAll()
		w.pass(time.Second)
		w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada@example.com", FirstName: "Bo", LastName: "Cole"}, "ACTIVE")
		w.hooks()
		w.walk(store.ReconcileRun)
		assert.Equal(t, u.ID, w.account(u.ID).ExternalID, "L3: the one created first gets the account")
		assert.Len(t, w.report("skipped", store.ReportArgs{}), 1)
	})
	t.Run("a rival's address", func(t *testing.T) {
		w := newWorld(t, lagging)
		first := w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada@example.com", FirstName: "Ada"}, "ACTIVE")
		w.pass(time.Minute)
		w.org.UpdateProfile(first.ID, func(p *oktatest.Profile) { p.Email, p.LastName = "byron@example.com", "Byron" })
		w.org.DropAll()
		w.pass(time.Second)
		u := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada@example.com", FirstName: "Bo", LastName: "Cole"}, "ACTIVE")
		w.hooks()
		w.walk(store.ReconcileRun)
		w.view(func(tx *store.Tx) error {
			p, _, err := tx.Person(first.ID)
			assert.Equal(t, "byron@example.com", p.Email, "the directory keeps the newer word")
			return err
		})
		assert.Equal(t, u.ID, w.account(u.ID).ExternalID)
		assert.Equal(t, "byron@example.com", w.account(first.ID).Email)
	})
	t.Run("a rival who is deleted", func(t *testing.T) {
		w := newWorld(t, lagging)
		first := w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}, "STAGED")
		w.pass(time.Minute)
		w.read(store.ReconcileRun)
		w.org.Delete(first.ID)
		w.sync()
		w.pass(time.Second)
		u := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada@example.com", FirstName: "Bo", LastName: "Cole"}, "ACTIVE")
		w.sync()
		assert.Equal(t, u.ID, w.account(u.ID).ExternalID, "who reads 404 is no rival")
	})
	t.Run("a stranger who is deleted, and a leaver", func(t *testing.T) {
		w := newWorld(t, lagging)
		w.acct.AddUser(zenqmstest.User{Email: "ada@example.com", FirstName: "Ada", LastName: "Byron", Active: true})
		other := w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada@example.com", FirstName: "Bo", LastName: "Cole"}, "STAGED")
		u := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}, "SUSPENDED")
		w.org.DropAll()
		w.pass(time.Minute)
		w.org.Delete(other.ID)
		w.org.DropAll()
		w.pass(time.Second)
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Analyst" })
		w.sync()
		assert.False(t, w.account(u.ID).Active, "L6: nobody live has his address, whatever the filter still says")
	})
}
