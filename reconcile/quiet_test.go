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

// quiet asserts that a reconcile calls nobody by id and leaves no trace.
func (w *world) quiet(why string) {
	w.Helper()
	w.org.ResetCalls()
	w.acct.ResetCalls()
	before := w.report("log", store.ReportArgs{})
	w.walk(store.ReconcileRun)
	assert.Zero(w, w.org.Count("GET /api/v1/users/{id}"), why)
	assert.Empty(w, w.acct.Calls(), why)
	assert.Len(w, w.report("log", store.ReportArgs{}), len(before), why)
}

func TestK4_ALeaverWhoseAccountCannotBeToldIsLeftInPeace(t *testing.T) {
	t.Run("a live user has his address", func(t *testing.T) {
		w := newWorld(t)
		w.acct.AddUser(ada(true))
		w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "DEPROVISIONED")
		w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Ada"}, "ACTIVE")
		w.by("initial")
		w.quiet("K4, L6: nothing to do for him")
	})
	t.Run("two accounts have it", func(t *testing.T) {
		w := newWorld(t)
		w.acct.AddUser(ada(true))
		w.acct.AddUser(ada(true))
		u := w.hire("Ada", "Byron", "DEPROVISIONED")
		w.hire("Bea", "Burns", "ACTIVE")
		w.by("initial")
		assert.Contains(t, w.report("log", store.ReportArgs{User: u.ID})[0]["error"], "2 ZenQMS users", "a deploy says so")
		w.quiet("K4: a reconcile has nothing to do for him")
	})
	t.Run("two accounts carry his id", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "DEPROVISIONED")
		w.hire("Bea", "Burns", "ACTIVE")
		a, b := ada(true), ada(true)
		a.ExternalID, b.ExternalID, b.Email = u.ID, u.ID, "b@example.com"
		w.acct.AddUser(a)
		w.acct.AddUser(b)
		w.by("initial")
		assert.Contains(t, w.report("log", store.ReportArgs{User: u.ID})[0]["error"], "2 ZenQMS users", "never guess")
		for _, z := range w.acct.Users() {
			assert.True(t, z.Active)
		}
		w.quiet("K4")
	})
	t.Run("his account is another's", func(t *testing.T) {
		w := newWorld(t)
		live := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "DEPROVISIONED")
		w.by("initial")
		w.quiet("K4")
		assert.True(t, w.account(live.ID).Active)
	})
	t.Run("a link by hand in ZenQMS to somebody unknown", func(t *testing.T) {
		w := newWorld(t)
		z := ada(true)
		z.ExternalID = "00uSomebodyElse000001"
		w.acct.AddUser(z)
		w.hire("Ada", "Byron", "DEPROVISIONED")
		w.hire("Bea", "Burns", "ACTIVE")
		w.by("initial")
		w.quiet("K4")
		assert.Equal(t, 2, w.activeCount())
	})
}

func TestK4_AHeldOrDiscardedLeaverIsLeftInPeace(t *testing.T) {
	for _, linked := range []bool{true, false} {
		w := newWorld(t)
		w.staff(20)
		w.w.Brake.Deactivations.Max = 0
		var u oktatest.User
		if linked {
			u = w.org.Users()[3]
			w.org.SetStatus(u.ID, "SUSPENDED")
			w.org.DropAll()
			w.walk(store.ReconcileRun)
		} else {
			w.acct.AddUser(ada(true))
			u = w.hire("Ada", "Byron", "SUSPENDED")
			w.by("initial")
		}
		require.Len(t, w.holds(), 1)
		w.walk(store.ReconcileRun)
		w.quiet("B2: what is held waits")
		require.NoError(t, Ruling{Actor: "olga", Reason: "no"}.Discard(t.Context(), w.db, w.holds()))
		w.walk(store.ReconcileRun)
		w.quiet("B2: a discard stands")
		w.w.Brake.Deactivations = Limit{10, 5}
		w.pass(time.Minute)
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "moved" })
		w.org.DropAll()
		w.walk(store.ReconcileRun)
		assert.Equal(t, 20-map[bool]int{true: 1}[linked], w.activeCount(), "B2: until the user moves again")
	}
}

func TestE4_AnApprovedDeactivationThatWasGivenUpIsRevivedByAWalk(t *testing.T) {
	w, users := held(t)
	w.w.MaxAttempts = 2
	w.acct.Fail(zenqmstest.OnUpdate, zenqmstest.Always, zenqmstest.Fault{Status: 422, Message: "not now"})
	require.NoError(t, Ruling{Actor: "olga", Reason: "yes"}.Approve(t.Context(), w.db, w.holds()[:1]))
	for range 3 {
		w.drain()
		w.pass(15 * time.Minute)
	}
	require.Len(t, w.report("dead", store.ReportArgs{}), 1)
	w.tell("membership", store.UserUpdateProfile, users[0].ID)
	w.drain()
	assert.NotEmpty(t, w.report("dead", store.ReportArgs{}), "E2: only success closes dead rows")
	w.acct.Heal()
	w.walk(store.ReconcileRun)
	assert.False(t, w.account(users[0].ID).Active, "E4: a walk that finds the user different revives him")
	assert.Empty(t, w.report("dead", store.ReportArgs{}))
}

func TestM2_AUserWhoReadsDeletedAndComesBackInAList(t *testing.T) {
	w := newWorld(t)
	users := w.staff(3)
	u := users[1]
	w.update(func(tx *store.Tx) error { return tx.MarkDeleted(u.ID) })
	w.acct.Edit(w.account(u.ID).ID, func(z *zenqmstest.User) { z.Active = false })
	w.update(func(tx *store.Tx) error {
		l, _, err := tx.Link(u.ID)
		require.NoError(t, err)
		l.Active, l.OktaStatus = false, store.Deleted
		return tx.PutLink(l)
	})
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.True(t, w.account(u.ID).Active, "M2: whom Okta lists is not deleted")
	assert.Equal(t, "ACTIVE", w.link(u.ID).OktaStatus)
	w.quiet("K4")
}

func TestM2_AnUnknownStatusKeepsSkipAndHoldAndIsNoRival(t *testing.T) {
	w := newWorld(t)
	w.staff(2)
	u := w.org.AddUser(oktatest.Profile{Email: "x@example.com", FirstName: "X"}, "ACTIVE")
	w.sync()
	require.Equal(t, store.SkipMissing, w.skip(u.ID).Code)
	w.org.SetStatus(u.ID, "ACTIVATING")
	w.sync()
	assert.Equal(t, store.SkipMissing, w.skip(u.ID).Code, "M2: leave alone")
	w.quiet("M2: a walk too leaves him alone")
}

func TestM3_TheSkipEndsWhateverMoves(t *testing.T) {
	for name, change := range map[string]func(*world, string){
		"lastUpdated": func(w *world, id string) { w.org.UpdateProfile(id, func(p *oktatest.Profile) { p.Title = "x" }) },
		"status":      func(w *world, id string) { w.org.SetStatus(id, "LOCKED_OUT") },
		"the config": func(w *world, id string) {
			w.update(func(tx *store.Tx) error {
				s, _, err := tx.Skip(id)
				require.NoError(w, err)
				s.Wish = "of another config"
				return tx.PutSkip(s)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.org.AddUser(oktatest.Profile{Email: "ada@example.com", FirstName: "Ada"}, "ACTIVE")
			w.sync()
			w.quiet("M3: the skip waits without calls")
			n := len(w.report("log", store.ReportArgs{User: u.ID}))
			change(w, u.ID)
			w.org.DropAll()
			w.walk(store.ReconcileRun)
			assert.Len(t, w.report("log", store.ReportArgs{User: u.ID}), n+1, "M3: until the user moves")
			w.quiet("M3: and then it waits again")
		})
	}
}
