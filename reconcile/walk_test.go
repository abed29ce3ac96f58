package reconcile

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// staff hires n people and brings them in step.
func (w *world) staff(n int) []oktatest.User {
	w.Helper()
	users := make([]oktatest.User, n)
	for i := range n {
		users[i] = w.hire(fmt.Sprintf("P%03d", i), "Person", "ACTIVE")
	}
	w.sync()
	require.Equal(w, n, w.acct.Len())
	return users
}

func TestK1_ReadsInPagesOfAHundredAndSettlesAfterTheLast(t *testing.T) {
	w := newWorld(t)
	for i := range 250 {
		w.hire(fmt.Sprintf("P%03d", i), "Person", "ACTIVE")
	}
	w.org.DropAll()
	run := w.walkReading(store.ReconcileRun)
	assert.Equal(t, 3, w.org.Count("GET /api/v1/users"), "K1: 250 users are three pages")
	assert.EqualValues(t, 250, run.Users)
	assert.Empty(t, w.acct.Calls(), "K1: a walk writes nothing to ZenQMS")
	w.drain()
	assert.Equal(t, 250, w.acct.Len())
	assert.Equal(t, 0, w.org.Count("GET /api/v1/users/{id}"), "K1: the worker uses the young directory")
}

// Between the page that shows somebody quiet and the last page anything may
// happen: what somebody was worked on for meanwhile is looked at as it is then.
func TestK1_WhoWasWorkedOnSinceHisPageWasReadIsLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	users := w.staff(120)
	u := users[0]
	wk := &walk{Worker: w.w, run: store.Run{Kind: store.ReconcileRun}}
	require.NoError(t, wk.readList(t.Context(), ""))
	n := w.placeOf(u.ID)
	require.True(t, wk.quiet.has(n), "K4: nobody has changed")
	w.view(func(tx *store.Tx) error {
		head, err := tx.LogHead()
		wk.begun = head.Seq
		return err
	})
	require.NoError(t, wk.lookAgain(t.Context()))
	require.True(t, wk.quiet.has(n), "nobody was worked on")
	w.update(func(tx *store.Tx) error {
		return tx.AppendLog(store.LogRow{Origin: string(store.FromHook), OktaID: u.ID, Action: store.ActNone, Outcome: store.OutcomeFailed})
	})
	require.NoError(t, wk.lookAgain(t.Context()))
	assert.False(t, wk.quiet.has(n), "K1: what was found out meanwhile counts")
	assert.True(t, wk.quiet.has(w.placeOf(users[1].ID)))
}

func (w *world) placeOf(id string) (n int64) {
	w.Helper()
	w.view(func(tx *store.Tx) error {
		p, _, err := tx.Person(id)
		n = p.N
		return err
	})
	return n
}

func TestGapsAreAllPlacesThatAreNotInTheSet(t *testing.T) {
	var b bitset
	for n := int64(1); n <= 400; n++ {
		b.add(n)
	}
	out := []int64{1, 63, 64, 127, 128, 300}
	for _, n := range out {
		b.remove(n)
	}
	b.remove(100_000)
	assert.EqualValues(t, 394, b.count())
	var got []int64
	var sizes []int
	for places := range b.gaps(402, 3) {
		got, sizes = append(got, places...), append(sizes, len(places))
	}
	assert.Equal(t, append(out, 401, 402), got)
	assert.Equal(t, []int{3, 3, 2}, sizes)
	for range b.gaps(402, 3) {
		break // whoever has seen enough stops
	}
}

func TestK1_ABrokenWalkSettlesNothing(t *testing.T) {
	w := newWorld(t)
	users := w.staff(120)
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.org.DropAll()
	w.org.Fail(oktatest.Match{Route: "/api/v1/users", Query: "after="}, -1, oktatest.Fault{Status: 400})
	w.acct.ResetCalls()
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, store.RunFailed, run.State)
	assert.Contains(t, run.Error, "page 2")
	assert.Empty(t, w.acct.Calls(), "K1: a walk that broke off settles nothing")
	w.org.ClearFaults()
	w.walk(store.ReconcileRun)
	assert.Equal(t, "Chief", w.account(users[0].ID).Title)
}

func TestK1_APageIsTriedForAMinuteAndA429DoesNotCount(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w.org.Fail(oktatest.Match{Route: "/api/v1/users"}, -1, oktatest.Fault{Status: 503})
		_, err := patiently(t.Context(), func(ctx context.Context) (struct{}, error) {
			_, err := w.w.Okta.ListUsers(ctx, listing)
			return struct{}{}, err
		})
		require.Error(t, err)
		tried := time.Since(start)
		assert.GreaterOrEqual(t, tried, 45*time.Second, "K1: tried for 60 s")
		assert.LessOrEqual(t, tried, 75*time.Second)

		w.org.ClearFaults()
		start = time.Now()
		w.org.Fail(oktatest.Match{Route: "/api/v1/users"}, 3, oktatest.Fault{Status: 429, ResetAfter: 50 * time.Second})
		_, err = patiently(t.Context(), func(ctx context.Context) (struct{}, error) {
			_, err := w.w.Okta.ListUsers(ctx, listing)
			return struct{}{}, err
		})
		require.NoError(t, err, "K1: waits that a 429 asks for do not count")
		assert.GreaterOrEqual(t, time.Since(start), 150*time.Second)
	})
}

func TestK1_ARunCutOffByACrashStartsAnew(t *testing.T) {
	w := newWorld(t)
	w.staff(3)
	w.update(func(tx *store.Tx) error {
		id, err := tx.WantRun(store.ReconcileRun, "", tx.Now)
		require.NoError(t, err)
		_, started, err := tx.StartRun()
		require.True(t, started)
		require.NoError(t, err)
		require.NoError(t, tx.CountRun(id, 2, 0, 0)) // and then the worker died
		if _, err := tx.StartEpoch(); err != nil {
			return err
		}
		return tx.RequeueRuns()
	})
	run := w.read(store.ReconcileRun)
	assert.EqualValues(t, 1, run.ID, "K1: the same run, anew")
	assert.EqualValues(t, 3, run.Users, "counted from the start")
}

func TestK1_ARunCutOffByAStopIsWantedAgain(t *testing.T) {
	w := newWorld(t)
	w.realTime()
	w.staff(3)
	var id int64
	w.update(func(tx *store.Tx) (err error) {
		id, err = tx.WantRun(store.ReconcileRun, "", tx.Now)
		return err
	})
	phase := func() (phase store.RunPhase) {
		w.view(func(tx *store.Tx) error {
			run, err := tx.Run(id)
			phase = run.State
			return err
		})
		return phase
	}
	w.org.Fail(oktatest.Match{Route: "/api/v1/users"}, -1, oktatest.Fault{Latency: time.Minute})
	stop := w.running()
	w.eventually("the walk is under way", func() bool { return phase() == store.RunRunning })
	stop()
	assert.Equal(t, store.RunWanted, phase(), "K1: nothing runs where no worker is up")
}

func TestK1_AUserWithAnOpenRowGetsNoSecondOne(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.hooks()
	w.walkReading(store.ReconcileRun)
	assert.Equal(t, []string{"open", "open"}, w.states(u.ID), "K1: the two of the hooks, none of the walk")
}

func TestK1_ADirectoryRowOlderThanWhatWasAppliedIsNotUsed(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Older" })
	w.org.DropAll()
	w.walkReading(store.ReconcileRun) // wants him, with the title "Older" in the directory
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Newer" })
	w.hooks()
	var claims []store.Claim
	w.update(func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(w.w.epoch, 1)
		return err
	})
	require.Len(t, claims[0].Rows, 2)
	require.NoError(t, w.w.sync(context.Background(), claims[0], nil))
	assert.Equal(t, "Newer", w.account(u.ID).Title, "K1: a hook beside the walk's row means a fresh reading")
}

func TestK1_ARowOfAnHourAgoIsReadAnew(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.walkReading(store.ReconcileRun)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.org.DropAll()
	w.pass(time.Hour + time.Second)
	w.drain()
	assert.Equal(t, "Chief", w.account(u.ID).Title)
}

func TestK2_AbsenceIsNeverProof(t *testing.T) {
	t.Run("a leaver's status is", func(t *testing.T) {
		w := newWorld(t)
		users := w.staff(12)
		w.org.SetStatus(users[3].ID, "DEPROVISIONED")
		w.org.DropAll()
		run := w.walk(store.ReconcileRun)
		assert.Equal(t, store.RunDone, run.State)
		assert.False(t, w.account(users[3].ID).Active, "K2: absent from the list, read by id, inactive")
	})
	t.Run("a live user whom the list lost stays", func(t *testing.T) {
		w := newWorld(t)
		users := w.staff(3)
		w.acct.ResetCalls()
		hidden := w.hideFromLists(users[1].ID)
		defer hidden()
		run := w.walk(store.ReconcileRun)
		assert.Equal(t, store.RunDone, run.State)
		assert.True(t, w.account(users[1].ID).Active)
		assert.Empty(t, w.writes())
	})
	t.Run("a 404 is, when the walk saw most", func(t *testing.T) {
		w := newWorld(t)
		users := w.staff(12)
		w.org.Delete(users[3].ID)
		w.org.DropAll()
		w.walk(store.ReconcileRun)
		assert.False(t, w.account(users[3].ID).Active)
	})
	t.Run("a 404 is not, when the walk saw less than half", func(t *testing.T) {
		w := newWorld(t)
		users := w.staff(12)
		for _, u := range users[:7] {
			w.org.Delete(u.ID)
		}
		w.org.SetStatus(users[8].ID, "DEPROVISIONED")
		w.org.DropAll()
		run := w.walk(store.ReconcileRun)
		assert.Equal(t, store.RunFailed, run.State, "K2: seeing fewer makes the run failed")
		assert.Contains(t, run.Error, "4 of 12")
		for _, u := range users[:7] {
			assert.True(t, w.account(u.ID).Active, "K2: nobody is taken for deleted")
		}
		assert.False(t, w.account(users[8].ID).Active, "K2: a status is proof in itself")
	})
	t.Run("an empty list concludes nothing", func(t *testing.T) {
		w := newWorld(t)
		users := w.staff(3)
		for _, u := range users {
			w.org.Delete(u.ID)
		}
		w.org.DropAll()
		run := w.walk(store.ReconcileRun)
		assert.Equal(t, store.RunFailed, run.State)
		assert.True(t, w.account(users[0].ID).Active)
	})
	t.Run("skips not seen are read the same way", func(t *testing.T) {
		w := newWorld(t)
		w.staff(1)
		u := w.org.AddUser(oktatest.Profile{Email: "x@example.com", FirstName: "X"}, "ACTIVE")
		w.sync()
		require.NotEmpty(t, w.skip(u.ID).Code)
		w.org.Delete(u.ID)
		w.org.DropAll()
		w.walk(store.ReconcileRun)
		assert.Empty(t, w.skip(u.ID).Code)
	})
}

func TestK4_AQuietReconcileWritesNothingAndReadsNobody(t *testing.T) {
	w := newWorld(t)
	users := w.staff(120)
	w.org.SetStatus(users[0].ID, "DEPROVISIONED")
	w.org.SetStatus(users[1].ID, "SUSPENDED")
	w.sync()
	w.hire("Gone", "Before", "DEPROVISIONED")
	w.hire("Gone", "Too", "SUSPENDED")
	w.sync()
	w.walk(store.ReconcileRun)
	w.org.ResetCalls()
	w.acct.ResetCalls()
	before := w.report("log", store.ReportArgs{})
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, 2, len(w.org.Calls()), "K4: the pages and nothing else")
	assert.Empty(t, w.acct.Calls(), "K4: no per-user call")
	assert.Len(t, w.report("log", store.ReportArgs{}), len(before), "and no noise in the log")
	assert.EqualValues(t, 120, run.Unchanged, "118 live, one suspended link, one suspended stranger")
}

func TestK4_ConflictAmbiguousAndRefusedAreTriedAgainAtEveryWalk(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.acct.AddUser(ada(true))
	twin := w.acct.AddUser(ada(true))
	w.sync()
	require.Equal(t, store.SkipAmbiguous, w.skip(u.ID).Code)
	w.acct.Remove(twin.ID)
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.skip(u.ID).Code)
	assert.NotEmpty(t, w.link(u.ID).ZenQMSID)
}

func TestK5_DeployLinksAndDeactivatesALeaverWhoStillHasAnAccount(t *testing.T) {
	w := newWorld(t)
	w.acct.AddUser(ada(true))
	gone := w.hire("Ada", "Byron", "DEPROVISIONED")
	w.hire("Bea", "Burns", "ACTIVE")
	for i := range 30 {
		w.hire(fmt.Sprintf("Former%d", i), "Person", "DEPROVISIONED")
	}
	w.org.DropAll()
	w.walk(store.InitialRun)
	assert.False(t, w.account(gone.ID).Active, "K5: linked and deactivated")
	assert.Equal(t, "deactivate ok", w.lastLog(gone.ID, 1)[0])
	assert.Equal(t, 1, w.org.Count("GET /api/v1/users/{id}"), "leavers without an account cost no call")

	w.view(func(tx *store.Tx) error {
		at, wanted, err := tx.NextRun()
		assert.True(t, wanted, "K5: one more reconcile a few minutes later")
		assert.Equal(t, w.now().Add(secondLook), at)
		return err
	})
}

func TestK5_InitialSyncCostsOneCallAUser(t *testing.T) {
	w := newWorld(t)
	users := w.staff(30)
	for i := range 20 {
		w.hire(fmt.Sprintf("New%d", i), "Person", "ACTIVE")
	}
	z := ada(true)
	w.acct.AddUser(z)
	linkOnly := w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.acct.ResetCalls()
	w.walk(store.InitialRun)
	searches := len(w.acct.Calls()) - len(w.writes())
	assert.Equal(t, 1, searches, "one page of the index: matching costs no call per user")
	assert.Len(t, w.writes(), 21, "one call per new user, one for the link, none for those in step")
	assert.Equal(t, linkOnly.ID, w.account(linkOnly.ID).ExternalID)
	assert.Equal(t, "none unchanged", w.lastLog(users[0].ID, 1)[0], "A1: every attempt writes a row")
}

func TestC6_ALostDatabaseIsRebuiltFromExternalIdAndEmail(t *testing.T) {
	w := newWorld(t)
	users := w.staff(5)
	w.acct.Edit(w.account(users[0].ID).ID, func(z *zenqmstest.User) { z.Email = "edited@example.com" })
	w.acct.Edit(w.account(users[1].ID).ID, func(z *zenqmstest.User) { z.ExternalID = "" })
	fresh := newWorld(t)
	fresh.org, fresh.acct = w.org, w.acct
	fresh.set(w.now())
	fresh.w.Okta, fresh.w.ZenQMS = w.w.Okta, w.w.ZenQMS
	fresh.walk(store.InitialRun)
	assert.Equal(t, 5, fresh.acct.Len(), "C6: nobody twice")
	for _, u := range users {
		assert.Equal(t, idText(fresh.account(u.ID).ID), fresh.link(u.ID).ZenQMSID)
	}
}
