package reconcile

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// claim takes what is due into a worker's hands.
func (w *world) claim() (claims []store.Claim) {
	w.Helper()
	w.update(func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(w.w.epoch, 10)
		return err
	})
	return claims
}

func TestW1_DeployPushesWhateverIsOpen(t *testing.T) {
	fail := zenqmstest.Match{Method: http.MethodPatch}
	for name, open := range map[string]func(w *world, id string) (keep func()){
		"a hook's row that is due": func(w *world, id string) func() {
			w.hooks()
			return func() {}
		},
		"a hook's row in a worker's hands, which has read ZenQMS already": func(w *world, id string) func() {
			w.hooks()
			claims := w.claim()
			require.Len(w, claims, 1)
			a := w.w.try(t.Context(), claims[0], nil)
			require.NoError(w, a.err)
			return func() { w.update(func(tx *store.Tx) error { return w.w.record(tx, a) }) }
		},
		"a reconcile's row that waits for its next attempt": func(w *world, id string) func() {
			w.acct.Edit(w.account(id).ID, func(u *zenqmstest.User) { u.Title = "" })
			w.org.DropAll()
			w.acct.Fail(fail, -1, zenqmstest.Fault{Status: http.StatusServiceUnavailable})
			w.walk(store.ReconcileRun)
			w.acct.Heal()
			return func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.sync()
			w.pass(time.Minute)
			w.org.SetStatus(u.ID, "LOCKED_OUT") // nothing of it differs in ZenQMS but what a hand will do
			keep := open(w, u.ID)
			w.acct.Edit(w.account(u.ID).ID, func(z *zenqmstest.User) { z.Title = "By hand" })
			w.pass(time.Second)
			w.read(store.InitialRun)
			keep()
			w.drain()
			assert.Equal(t, "Analyst", w.account(u.ID).Title, "W1: deploy pushes regardless")
		})
	}
}

// What is open and pushes already, and is still to be begun, serves a deploy.
func TestK1_ASecondDeployAddsNothingToTheFirst(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	done := w.states(u.ID)
	w.read(store.InitialRun)
	w.pass(time.Second)
	w.read(store.InitialRun)
	assert.Equal(t, append(done, string(store.StateOpen)), w.states(u.ID), "K1: a user with an open row gets no second one")
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.read(store.ReconcileRun)
	assert.Equal(t, append(done, string(store.StateOpen)), w.states(u.ID), "K1: nor from a reconcile")
}

// One sync serves the row that was open and the deploy's.
func TestE2_ADeploysRowIsServedWithTheOneThatWasOpen(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.hooks()
	w.read(store.InitialRun)
	w.acct.ResetCalls()
	claims := w.claim()
	require.Len(t, claims, 1)
	assert.Len(t, claims[0].Rows, 2)
	require.NoError(t, w.w.sync(t.Context(), claims[0], nil))
	assert.Len(t, w.writes(), 1, "E2: one sync serves all")
	assert.Equal(t, "Chief", w.account(u.ID).Title)
}

// What one walk has counted and let through is not held by the next one, which
// would be right to hold it had the first not been: it is on its way.
func TestB2_NoWalkHoldsWhatAnotherHasLetThrough(t *testing.T) {
	for name, run := range map[string]func(w *world, users []oktatest.User){
		"a deploy": func(w *world, _ []oktatest.User) { w.read(store.InitialRun) },
		"a large sync": func(w *world, users []oktatest.User) {
			asked := Naming{Brake: w.w.Brake, Actor: "olga"}
			for _, u := range users {
				asked.Users = append(asked.Users, u.ID)
			}
			w.update(func(tx *store.Tx) error {
				_, run, err := asked.Ask(tx)
				require.NotZero(w, run)
				return err
			})
			run, started, err := w.w.startRun(t.Context())
			require.NoError(w, err)
			require.True(w, started)
			require.NoError(w, w.w.walk(t.Context(), run))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			users := w.staff(40)
			w.layoff(users[:10])
			w.read(store.ReconcileRun) // ten are few enough, and nobody has begun with them
			w.layoff(users[10:12])
			run(w, users[:12])
			w.drain()
			assert.Empty(t, w.holds(), "B2: the first ten are on their way, and two are few enough")
			assert.Equal(t, 28, w.activeCount())
		})
	}
}
