package reconcile

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func edited(z *zenqmstest.User) {
	z.Title, z.FirstName, z.Email = "Edited by hand", "Edith", "edith@example.com"
}

func TestW1_AHandEditStaysUntilTheUserMoves(t *testing.T) {
	cases := map[string]struct {
		trigger func(*world, oktatest.User)
		stays   bool
	}{
		"a reconcile": {func(w *world, _ oktatest.User) { w.walk(store.ReconcileRun) }, true},
		"a repeated event": {func(w *world, u oktatest.User) {
			w.deliver(oktatest.Event{UUID: "again", Type: store.UserUpdateProfile, Published: w.now(), Targets: []oktatest.Target{{ID: u.ID, Type: "User"}}})
			w.drain()
		}, true},
		"a membership event": {func(w *world, u oktatest.User) {
			w.org.AddMember(w.org.AddGroup("QA"), u.ID)
			w.sync()
		}, true},
		"a hook after the user moved": {func(w *world, u oktatest.User) {
			w.pass(time.Minute)
			w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName = "King" })
			w.sync()
		}, false},
		"a walk after the user moved": {func(w *world, u oktatest.User) {
			w.pass(time.Minute)
			w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName = "King" })
			w.org.DropAll()
			w.walk(store.ReconcileRun)
		}, false},
		"deploy":    {func(w *world, _ oktatest.User) { w.walk(store.InitialRun) }, false},
		"sync USER": {func(w *world, u oktatest.User) { w.manual(u.ID) }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.sync()
			w.acct.Edit(w.account(u.ID).ID, edited)
			w.acct.ResetCalls()
			c.trigger(w, u)
			got := w.account(u.ID)
			if c.stays {
				assert.Equal(t, "Edited by hand", got.Title, "W1: %s does not touch the fields of a user who has not moved", name)
				assert.Empty(t, w.acct.Calls(), "and costs ZenQMS no call")
				return
			}
			assert.Equal(t, "Analyst", got.Title, "W1: then the mapped fields are overwritten")
			assert.Equal(t, "Ada", got.FirstName)
			assert.Equal(t, "ada.byron@example.com", got.Email)
		})
	}
}

func TestW1_AChangeOfStatusOrConfigCountsAsMoved(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Edit(w.account(u.ID).ID, edited)
	w.w.Policy.DefaultTitle = "Employee"
	w.walk(store.ReconcileRun)
	assert.Equal(t, "Edited by hand", w.account(u.ID).Title, "default_title concerns creates only")
	w.org.SetStatus(u.ID, "LOCKED_OUT")
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Equal(t, "Analyst", w.account(u.ID).Title, "a status past what was last applied")

	w.acct.Edit(w.account(u.ID).ID, edited)
	w.w.Policy.Statuses = map[string]Meaning{"LOCKED_OUT": Gone}
	w.walk(store.ReconcileRun)
	assert.False(t, w.account(u.ID).Active, "the wish differs from the one last applied")
}

func TestW2_ThereIsNoCallThatDeletesAUser(t *testing.T) {
	client := reflect.TypeFor[*zenqms.Client]()
	for i := range client.NumMethod() {
		name := strings.ToLower(client.Method(i).Name)
		assert.NotContains(t, name, "delete", "W2: no user is ever deleted")
	}
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.Delete(u.ID)
	w.sync()
	for _, c := range w.acct.Calls() {
		assert.NotEqual(t, http.MethodDelete, c.Method, "W2")
	}
	assert.Equal(t, 1, w.acct.Len())
}

func TestE1_MembershipEventsOfUnmappedGroupsAreIgnoredWithoutACall(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.ResetCalls()
	w.acct.ResetCalls()
	group := w.org.AddGroup("Any")
	w.org.AddMember(group, u.ID)
	w.org.RemoveMember(group, u.ID)
	w.sync()
	assert.Empty(t, w.org.Calls(), "E1: no call to Okta")
	assert.Empty(t, w.acct.Calls(), "E1: nor to ZenQMS")
	states := w.states(u.ID)
	assert.Equal(t, []string{"ignored", "ignored"}, states[len(states)-2:])
}

func TestE1_WhatIsSubscribedTo(t *testing.T) {
	base := []string{"user.lifecycle.create", "user.lifecycle.activate", "user.lifecycle.deactivate", "user.lifecycle.suspend",
		"user.lifecycle.unsuspend", "user.lifecycle.reactivate", "user.lifecycle.delete.initiated", "user.account.update_profile"}
	assert.ElementsMatch(t, base, Deployment{}.Events())
	locked := Deployment{Policy: Policy{Statuses: map[string]Meaning{"LOCKED_OUT": Gone}}}
	assert.ElementsMatch(t, append(base, "user.account.lock", "user.account.unlock"), locked.Events(),
		"E1: lock and unlock if LOCKED_OUT has a meaning of its own")
}

func TestE2_AnEventIsOnlyATrigger(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.org.SetStatus(u.ID, "ACTIVE")
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	events := w.org.Pending()
	w.org.DropAll()
	w.acct.ResetCalls()
	// doubled, backwards, and the first once more much later
	w.deliver(events[2], events[2], events[1], events[0])
	w.drain()
	w.pass(time.Hour)
	w.deliver(events[0])
	w.drain()
	assert.Equal(t, "Chief", w.account(u.ID).Title)
	assert.True(t, w.account(u.ID).Active, "E2: the present state is written, whatever the events say")
	assert.Len(t, w.writes(), 1, "E2: one sync serves all open rows")
}

func TestE2_CoalescedButNeverLosingAChangeThatCameAfterTheReading(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "One" })
	w.hooks()
	var claims []store.Claim
	w.update(func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(w.w.epoch, 10)
		return err
	})
	require.Len(t, claims, 1)
	a := w.w.try(t.Context(), claims[0], nil)
	// Okta was read; now it changes again and the hook arrives before the outcome is recorded.
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Two" })
	w.hooks()
	w.update(func(tx *store.Tx) error { return w.w.record(tx, a) })
	states := w.states(u.ID)
	assert.Equal(t, []string{"done", "open"}, states[len(states)-2:], "E2: later ones stay")
	w.drain()
	assert.Equal(t, "Two", w.account(u.ID).Title)
}

func TestE2_LateLooksAfterADeactivationThatStillReadsLive(t *testing.T) {
	for _, event := range []string{store.UserDeactivate, store.UserSuspend, store.UserDeleteInitiated} {
		t.Run(event, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.sync()
			w.org.ResetCalls()
			w.deliver(oktatest.Event{UUID: "early", Type: event, Published: w.now(), Targets: []oktatest.Target{{ID: u.ID, Type: "User"}}})
			var looks []time.Duration
			start := w.now()
			for seen := 0; w.now().Sub(start) < time.Hour; w.pass(time.Second) {
				w.drain()
				if n := w.org.Count("GET /api/v1/users/{id}"); n > seen {
					looks, seen = append(looks, w.now().Sub(start)), n
				}
			}
			assert.Equal(t, []time.Duration{0, 30 * time.Second, 150 * time.Second, 750 * time.Second}, looks,
				"E2: again after 30 s, 2 and 10 minutes, each from the look before")
			assert.Equal(t, "done", w.states(u.ID)[len(w.states(u.ID))-1])
		})
	}
	t.Run("the leaver is found by a late look", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.deliver(oktatest.Event{UUID: "early", Type: store.UserDeactivate, Published: w.now(), Targets: []oktatest.Target{{ID: u.ID, Type: "User"}}})
		w.drain()
		w.org.SetStatus(u.ID, "DEPROVISIONED")
		w.org.DropAll()
		w.pass(30 * time.Second)
		w.drain()
		assert.False(t, w.account(u.ID).Active)
	})
	t.Run("transitioningToStatus", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.org.SetTransitioning(u.ID, "DEPROVISIONED")
		w.deliver(oktatest.Event{UUID: "p", Type: store.UserUpdateProfile, Published: w.now(), Targets: []oktatest.Target{{ID: u.ID, Type: "User"}}})
		w.drain()
		assert.Equal(t, "open", w.states(u.ID)[len(w.states(u.ID))-1], "E2: while it is set, look again")
	})
	t.Run("another event does not use up a look", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.deliver(oktatest.Event{UUID: "early", Type: store.UserDeactivate, Published: w.now(), Targets: []oktatest.Target{{ID: u.ID, Type: "User"}}})
		w.drain()
		for i := range 5 {
			w.pass(time.Second)
			w.deliver(oktatest.Event{UUID: "p" + idText(int64(i)), Type: store.UserUpdateProfile, Published: w.now(), Targets: []oktatest.Target{{ID: u.ID, Type: "User"}}})
			w.drain()
		}
		w.org.SetStatus(u.ID, "DEPROVISIONED")
		w.org.DropAll()
		w.pass(25 * time.Second)
		w.drain()
		assert.False(t, w.account(u.ID).Active, "E2: 30 s after the event he is looked at, whatever came between")
	})
}

func TestE2_OnlyIdsAreRead(t *testing.T) {
	w := newWorld(t)
	w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.org.ResetCalls()
	for _, id := range []string{"me", "ada.byron@example.com", "../groups", "a?b", "00u/1"} {
		w.update(func(tx *store.Tx) error {
			_, err := tx.Enqueue(store.Promise{OktaID: id, Origin: store.FromHook, Priority: store.HookPriority})
			return err
		})
	}
	w.drain()
	assert.Empty(t, w.org.Calls(), "E2: never `me` or a login from an event")
	assert.Len(t, w.report("dead", store.ReportArgs{}), 5, "and what was asked for stays visible")
	assert.Equal(t, 0, w.acct.Len())
}
