package reconcile

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func TestB1_TheLimit(t *testing.T) {
	cases := []struct {
		limit  Limit
		active int64
		want   int64
	}{
		{Limit{10, 5}, 0, 10}, {Limit{10, 5}, 3, 10}, // at most three: no half
		{Limit{10, 5}, 4, 2}, {Limit{10, 5}, 19, 9}, {Limit{10, 5}, 20, 10}, // never more than half
		{Limit{10, 5}, 199, 10}, {Limit{10, 5}, 200, 10}, {Limit{10, 5}, 1000, 50},
		{Limit{10, 100}, 1000, 500}, {Limit{10, 0}, 1000, 10},
		{Limit{0, 5}, 1000, 0}, {Limit{0, 100}, 2, 0}, // 0 holds all, whatever the percentage
	}
	for _, c := range cases {
		assert.Equal(t, c.want, c.limit.Of(c.active), "B1: %+v of %d", c.limit, c.active)
	}
}

// layoff deactivates users in Okta and loses the hooks.
func (w *world) layoff(users []oktatest.User) {
	for _, u := range users {
		w.org.SetStatus(u.ID, "DEPROVISIONED")
	}
	w.org.DropAll()
}

// activeCount is how many ZenQMS users are active.
func (w *world) activeCount() (n int) {
	for _, u := range w.acct.Users() {
		if u.Active {
			n++
		}
	}
	return n
}

func (w *world) holds() (ids []int64) {
	w.view(func(tx *store.Tx) error {
		holds, err := tx.Holds(0)
		for _, h := range holds {
			ids = append(ids, h.ID)
		}
		return err
	})
	return ids
}

func TestB1_AWalkThatWantsTooManyHoldsThemAllAndTheRestGoesOn(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:11])
	w.org.UpdateProfile(users[20].ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.org.DropAll()
	w.hire("New", "Hand", "ACTIVE")
	w.org.DropAll()
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, 41, w.activeCount(), "B1: 11 are more than 10, so ALL are held")
	assert.Equal(t, "Chief", w.account(users[20].ID).Title, "B1: everything else goes on")
	held := w.report("held", store.ReportArgs{Run: run.ID})
	require.Len(t, held, 11)
	assert.Equal(t, "deactivate", held[0]["action"])
	assert.Contains(t, held[0]["reason"], "11 users, the limit is 10")
	assert.EqualValues(t, 11, w.report("runs", store.ReportArgs{Run: run.ID})[0]["held"])
	assert.Equal(t, "deactivate held", w.lastLog(users[0].ID, 1)[0])
}

func TestB1_FewEnoughGoThrough(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:10])
	w.walk(store.ReconcileRun)
	assert.Equal(t, 30, w.activeCount())
	assert.Empty(t, w.holds())
}

func TestB1_ActivationsOfExistingAccountsAreBrakedToo(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:8])
	w.walk(store.ReconcileRun)
	w.w.Brake.Activations.Max = 3
	for _, u := range users[:8] {
		w.org.SetStatus(u.ID, "ACTIVE")
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Back" })
	}
	w.org.DropAll()
	for i := range 20 {
		w.hire(fmt.Sprintf("New%d", i), "Hand", "ACTIVE") // new accounts are not counted
	}
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Len(t, w.holds(), 8)
	assert.False(t, w.account(users[0].ID).Active)
	assert.Equal(t, "Back", w.account(users[0].ID).Title, "B1: everything else of his goes on")
	assert.Equal(t, 60, w.acct.Len())
}

func TestB1_DeployIsUnderTheBrake(t *testing.T) {
	w := newWorld(t)
	for i := range 12 {
		email := fmt.Sprintf("former%d.person@example.com", i)
		w.acct.AddUser(zenqmstest.User{Email: email, FirstName: "F", LastName: "P", Active: true})
		w.hire(fmt.Sprintf("Former%d", i), "Person", "DEPROVISIONED")
	}
	w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.walk(store.InitialRun)
	assert.Equal(t, 13, w.activeCount(), "K5, B1: twelve leavers who still have an account are held")
	require.Len(t, w.holds(), 12)
	require.NoError(t, Ruling{Actor: "olga", Reason: "checked with HR"}.Approve(t.Context(), w.db, w.holds()))
	w.drain()
	assert.Equal(t, 1, w.activeCount(), "B2: approve carries it out, link and all")
	assert.Empty(t, w.holds())
}

func TestB1_HooksAreLimitedPerSlidingHour(t *testing.T) {
	w := newWorld(t)
	users := w.staff(60)
	for i, u := range users[:15] {
		w.pass(time.Minute)
		w.org.SetStatus(u.ID, "DEPROVISIONED")
		w.sync()
		want := 60 - min(i+1, 10)
		assert.Equal(t, want, w.activeCount(), "B1: after %d hooks", i+1)
	}
	assert.Len(t, w.holds(), 5, "B1: beyond the limit they are held")

	w.pass(time.Hour)
	w.org.SetStatus(users[30].ID, "DEPROVISIONED")
	w.sync()
	assert.Equal(t, 49, w.activeCount(), "B1: the hour slides on")
	assert.Len(t, w.holds(), 5, "B2: and what is held does not turn into action by itself")
}

func TestB1_DistinctUsersAreCountedAndAFailedActionIsGivenBack(t *testing.T) {
	w := newWorld(t)
	users := w.staff(60)
	w.w.Brake.Deactivations.Max, w.w.Brake.Deactivations.Percent = 2, 0
	for range 5 { // in and out: one user
		w.pass(time.Second)
		w.org.SetStatus(users[0].ID, "SUSPENDED")
		w.sync()
		w.org.SetStatus(users[0].ID, "ACTIVE")
		w.sync()
	}
	assert.Empty(t, w.holds())
	w.acct.Fail(zenqmstest.OnUpdate, 3, zenqmstest.Fault{Status: 500})
	for _, u := range users[1:4] { // three failures spend nothing for good
		w.org.SetStatus(u.ID, "SUSPENDED")
		w.hooks()
		w.drain()
		w.org.SetStatus(u.ID, "ACTIVE")
		w.org.DropAll()
	}
	w.pass(time.Hour)
	w.drain()
	w.org.SetStatus(users[5].ID, "SUSPENDED")
	w.sync()
	w.org.SetStatus(users[6].ID, "SUSPENDED")
	w.sync()
	assert.Empty(t, w.holds())
	assert.Equal(t, 58, w.activeCount())
}

func TestB1_AMaximumOfZeroHoldsAll(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.w.Brake.Deactivations = Limit{Max: 0, Percent: 100}
	w.org.SetStatus(users[0].ID, "DEPROVISIONED")
	w.sync()
	w.layoff(users[1:2])
	w.walk(store.ReconcileRun)
	assert.Equal(t, 40, w.activeCount())
	assert.Len(t, w.holds(), 2)
}

// held brings 11 of 40 users' deactivations into the report of what is held.
func held(t *testing.T) (*world, []oktatest.User) {
	w := newWorld(t)
	users := w.staff(40)
	w.layoff(users[:11])
	w.walk(store.ReconcileRun)
	require.Len(t, w.holds(), 11)
	return w, users
}

func TestB2_HeldRowsDoNotDrip(t *testing.T) {
	w, users := held(t)
	for range 4 {
		w.pass(2 * time.Hour)
		w.walk(store.ReconcileRun)
		w.deliver(oktatest.Event{UUID: fmt.Sprint(w.now().Unix()), Type: store.UserDeactivate, Published: w.now(), Targets: []oktatest.Target{{ID: users[0].ID, Type: "User"}}})
		w.drain()
		w.org.UpdateProfile(users[1].ID, func(p *oktatest.Profile) { p.Title += "." })
		w.sync()
	}
	w.walk(store.InitialRun)
	assert.Equal(t, 40, w.activeCount(), "B2: no origin but approve carries it out")
	assert.Len(t, w.holds(), 11, "B2: and walks add no second one")
	w.view(func(tx *store.Tx) error {
		users, _, err := tx.Spent(store.ActDeactivate, w.now().Add(-24*time.Hour), "")
		assert.Zero(t, users, "B2: nor spends budget on it")
		return err
	})
}

func TestB2_ApproveReReadsEachUser(t *testing.T) {
	w, users := held(t)
	w.org.SetStatus(users[3].ID, "ACTIVE") // back meanwhile, and nobody told us
	w.org.DropAll()
	require.NoError(t, Ruling{Actor: "olga", Reason: "the plant closes"}.Approve(t.Context(), w.db, w.holds()))
	w.drain()
	assert.Equal(t, 30, w.activeCount(), "B2: ten go, the one who is back stays")
	assert.True(t, w.account(users[3].ID).Active)
	rows := w.report("log", store.ReportArgs{User: users[0].ID, Limit: 2})
	assert.Equal(t, "deactivate", rows[0]["action"])
	assert.Equal(t, "olga", rows[0]["actor"], "who")
	assert.Equal(t, "approve", rows[1]["action"])
	assert.Contains(t, rows[1]["changes"], "the plant closes", "and why")
}

func TestB2_SyncOfANamedUserCarriesItOut(t *testing.T) {
	w, users := held(t)
	w.manual(users[0].ID)
	assert.False(t, w.account(users[0].ID).Active)
	assert.Len(t, w.holds(), 10, "and his hold is closed")
}

func TestB2_WhatIsNoLongerWantedIsDropped(t *testing.T) {
	w, users := held(t)
	w.org.SetStatus(users[0].ID, "ACTIVE")
	w.sync()
	assert.Len(t, w.holds(), 10)
	assert.Contains(t, w.lastLog(users[0].ID, 2), "deactivate dropped")
	w.acct.Edit(w.account(users[1].ID).ID, func(z *zenqmstest.User) { z.Active = false })
	w.org.UpdateProfile(users[1].ID, func(p *oktatest.Profile) { p.Title = "x" })
	w.sync()
	assert.Len(t, w.holds(), 9, "done by hand in ZenQMS")
}

func TestB2_DiscardStandsUntilTheUserMovesAgain(t *testing.T) {
	w, users := held(t)
	require.NoError(t, Ruling{Actor: "olga", Reason: "a mistake in HR"}.Discard(t.Context(), w.db, w.holds()))
	assert.Empty(t, w.holds())
	for range 3 {
		w.pass(2 * time.Hour)
		w.walk(store.ReconcileRun)
	}
	w.deliver(oktatest.Event{UUID: "again", Type: store.UserDeactivate, Published: w.now(), Targets: []oktatest.Target{{ID: users[0].ID, Type: "User"}}})
	w.drain()
	assert.Equal(t, 40, w.activeCount(), "B2: discard stands")
	assert.Empty(t, w.holds())

	w.pass(time.Hour)
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "moved" })
	w.sync()
	assert.False(t, w.account(users[0].ID).Active, "B2: until the user moves again")
	assert.ErrorContains(t, Ruling{Actor: "olga"}.Discard(t.Context(), w.db, []int64{1}), "not held")
}

func TestB2_AHeldRowBlocksItsOwnActionAlone(t *testing.T) {
	w := newWorld(t)
	users := w.staff(40)
	w.w.Brake.Activations.Max = 0
	w.org.SetStatus(users[0].ID, "SUSPENDED")
	w.sync()
	w.org.SetStatus(users[0].ID, "ACTIVE")
	w.sync()
	require.Len(t, w.holds(), 1)
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.sync()
	assert.Equal(t, "Chief", w.account(users[0].ID).Title, "K1")
	assert.False(t, w.account(users[0].ID).Active)
	assert.Len(t, w.holds(), 1)
}

// A walk that finds the user different revives what was given up, also where
// the approval has used up the hold that remembered it.
func TestE4_AWalkRevivesWhatWasApprovedAndGivenUp(t *testing.T) {
	for action, from := range map[store.Action]string{store.ActActivate: "SUSPENDED", store.ActDeactivate: "ACTIVE"} {
		w := newWorld(t)
		w.staff(10)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.org.SetStatus(u.ID, from)
		w.sync()
		w.w.Brake = Brake{}
		to := map[string]string{"SUSPENDED": "ACTIVE", "ACTIVE": "SUSPENDED"}[from]
		w.org.SetStatus(u.ID, to)
		w.sync()
		require.Len(t, w.holds(), 1, action)
		w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 405})
		require.NoError(t, Ruling{Actor: "olga", Reason: "yes"}.Approve(t.Context(), w.db, w.holds()))
		w.drain()
		require.Len(t, w.report("dead", store.ReportArgs{}), 1, action)

		w.w.Brake.Activations.Max, w.w.Brake.Deactivations.Max = 10, 10
		w.walk(store.ReconcileRun)
		assert.Equal(t, action == store.ActActivate, w.account(u.ID).Active, "E4: %s is done by the next walk", action)
		assert.Empty(t, w.report("dead", store.ReportArgs{}), "E4: success closes older dead rows too")
	}
}

// Those switched off within the hour were active before: half of six are three.
func TestB1_HooksAreCountedAgainstTheLinksThatWereActiveBefore(t *testing.T) {
	w := newWorld(t)
	users := w.staff(6)
	for _, u := range users[:4] {
		w.org.SetStatus(u.ID, "SUSPENDED")
		w.sync()
	}
	assert.Equal(t, 3, w.activeCount(), "B1: never more than half of the active links")
	assert.Len(t, w.holds(), 1)
}
