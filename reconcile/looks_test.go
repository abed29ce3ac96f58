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

// tell delivers one event about one user.
func (w *world) tell(uuid, eventType, id string) {
	w.Helper()
	w.deliver(oktatest.Event{UUID: uuid, Type: eventType, Published: w.now(), Targets: []oktatest.Target{{ID: id, Type: "User"}}})
}

// lookTimes are when a user is read in Okta within the hour, counted from now.
func (w *world) lookTimes(meanwhile func(after time.Duration)) (looks []time.Duration) {
	w.org.ResetCalls()
	start := w.now()
	for seen := 0; w.now().Sub(start) < time.Hour; w.pass(time.Second) {
		meanwhile(w.now().Sub(start))
		w.drain()
		if n := w.org.Count("GET /api/v1/users/{id}"); n > seen {
			looks, seen = append(looks, w.now().Sub(start)), n
		}
	}
	return looks
}

func TestE2_AFailureOfAnotherPromiseUsesUpNoLook(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.tell("early", store.UserDeactivate, u.ID)
	looks := w.lookTimes(func(after time.Duration) {
		if after == 5*time.Second {
			w.org.Fail(oktatest.Match{Route: "/api/v1/users/{id}"}, 1, oktatest.Fault{Status: 500})
			w.tell("profile", store.UserUpdateProfile, u.ID)
		}
	})
	assert.Equal(t, []time.Duration{0, 5 * time.Second, 6 * time.Second, 30 * time.Second, 150 * time.Second, 750 * time.Second}, looks,
		"E2: 30 s, 2 and 10 minutes, whatever fails between")
}

func TestE2_ALookThatFailsIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.tell("early", store.UserDeactivate, u.ID)
	looks := w.lookTimes(func(after time.Duration) {
		if after == 30*time.Second {
			w.org.Fail(oktatest.Match{Route: "/api/v1/users/{id}"}, 1, oktatest.Fault{Status: 500})
		}
	})
	assert.Equal(t, []time.Duration{0, 30 * time.Second, 31 * time.Second, 151 * time.Second, 751 * time.Second}, looks)
}

func TestE2_ALateLookOfAWalkReadsOktaNotTheDirectory(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.org.SetTransitioning(u.ID, "DEPROVISIONED")
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	require.True(t, w.account(u.ID).Active)
	w.org.SetStatus(u.ID, "DEPROVISIONED")
	w.org.SetTransitioning(u.ID, "")
	w.org.DropAll()
	w.pass(30 * time.Second)
	w.drain()
	assert.False(t, w.account(u.ID).Active, "E2: while transitioningToStatus is set, look again, in Okta")
}

func TestE2_ASkippedUserIsLookedAtAgainToo(t *testing.T) {
	w := newWorld(t)
	w.acct.AddUser(ada(true))
	twin := w.acct.AddUser(ada(true))
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	require.Equal(t, store.SkipAmbiguous, w.skip(u.ID).Code)
	w.tell("early", store.UserDeactivate, u.ID)
	w.drain()
	w.acct.Remove(twin.ID)
	w.org.SetStatus(u.ID, "DEPROVISIONED")
	w.org.DropAll()
	w.pass(30 * time.Second)
	w.drain()
	assert.False(t, w.account(u.ID).Active, "E2")
	assert.Empty(t, w.skip(u.ID).Code, "M3")
}

func TestE2_ALateLookThatIsHeldIsNotMadeAgain(t *testing.T) {
	w := newWorld(t)
	users := w.staff(20)
	w.w.Brake.Deactivations.Max = 0
	w.tell("early", store.UserDeactivate, users[0].ID)
	w.drain()
	w.org.SetStatus(users[0].ID, "DEPROVISIONED")
	w.org.DropAll()
	w.pass(30 * time.Second)
	w.drain()
	require.Len(t, w.holds(), 1)
	w.pass(time.Hour)
	w.drain()
	assert.True(t, w.account(users[0].ID).Active, "B2")
	assert.Len(t, w.holds(), 1)
	require.NoError(t, Ruling{Actor: "olga", Reason: "yes"}.Approve(t.Context(), w.db, w.holds()))
	w.drain()
	assert.False(t, w.account(users[0].ID).Active)
}

func TestE4_AForbiddenDeactivationIsNeverLostSilently(t *testing.T) {
	w := newWorld(t)
	w.w.MaxAttempts = 2
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Fail(zenqmstest.OnUpdate, zenqmstest.Always, zenqmstest.Fault{Status: 403, Message: "the owner stays"})
	w.org.SetStatus(u.ID, "DEPROVISIONED")
	w.hooks()
	for range 4 {
		w.drain()
		w.pass(15 * time.Minute)
	}
	dead := w.report("dead", store.ReportArgs{})
	require.Len(t, dead, 1, "M3, M6: a leaver is in no skip report, so his promise stays until it is dead")
	assert.Contains(t, dead[0]["error"], "the owner stays")
}

// probing is the harmless call that tells whose fault a 403 is.
var probing = zenqmstest.Match{Method: "POST", Path: "/v2/users/search", Body: `"page_size":1}`}

func TestE4_A403WhoseProbeIsRefusedWith401IsTheCredentials(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 403, Message: "no"})
	w.acct.Fail(probing, zenqmstest.Always, zenqmstest.Fault{Status: 401, Message: "no"})
	w.sync()
	assert.Empty(t, w.skip(u.ID).Code)
	assert.Positive(t, w.w.halt.left(w.now()), "E4: refused too: stop")
}
