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

// The directory may be old: whom it alone calls a claimant is read by id.
func TestL3_AClaimantOfAStaleDirectoryIsReadInOkta(t *testing.T) {
	cases := map[string]struct {
		change func(*world, string)
		rival  bool
	}{
		"still a claimant": {func(*world, string) {}, true},
		"left":             {func(w *world, id string) { w.org.SetStatus(id, "DEPROVISIONED") }, false},
		"deleted":          {func(w *world, id string) { w.org.Delete(id) }, false},
		"has another address": {func(w *world, id string) {
			w.org.UpdateProfile(id, func(p *oktatest.Profile) { p.Email = "other@example.com" })
		}, false},
		"lost a name": {func(w *world, id string) { w.org.UpdateProfile(id, func(p *oktatest.Profile) { p.LastName = "" }) }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Bea", LastName: "Byron"}, "ACTIVE")
			w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 400, Message: "not today"})
			w.sync()
			require.Equal(t, store.SkipRefused, w.skip(first.ID).Code, "the directory knows him, and he has no link")
			c.change(w, first.ID)
			w.org.DropAll()
			w.pass(time.Minute)
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.sync()
			if c.rival {
				assert.Equal(t, store.SkipConflict, w.skip(u.ID).Code, "L3: created first in Okta")
				assert.Contains(t, w.skip(u.ID).Reason, first.ID)
				return
			}
			assert.Equal(t, u.ID, w.account(u.ID).ExternalID)
			assert.Empty(t, w.skip(u.ID).Code)
		})
	}
}

func TestL3_AClaimantTheDirectoryDoesNotKnowIsAskedOfOkta(t *testing.T) {
	w := newWorld(t)
	first := w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Bea", LastName: "Byron"}, "ACTIVE")
	w.pass(time.Minute)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.tell("late", store.UserCreate, u.ID)
	w.drain()
	require.Equal(t, store.SkipConflict, w.skip(u.ID).Code)
	w.view(func(tx *store.Tx) error {
		p, found, err := tx.Person(first.ID)
		assert.True(t, found, "what Okta told of the other is kept")
		assert.Equal(t, "Bea", p.FirstName)
		return err
	})
}

func TestL3_ALinkedUserOfTheAddressIsNoClaimant(t *testing.T) {
	w := newWorld(t)
	first := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Edit(w.account(first.ID).ID, func(z *zenqmstest.User) { z.Email = "moved@example.com" })
	w.pass(time.Minute)
	u := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "King"}, "ACTIVE")
	w.sync()
	assert.Equal(t, "King", w.account(u.ID).LastName, "L3: claimants have no link")
}

// The link in the store counts where ZenQMS has lost external_id.
func TestL3_AnAccountWhoseExternalIdWasClearedIsStillItsOwners(t *testing.T) {
	cleared := func(t *testing.T) (*world, oktatest.User, zenqmstest.User) {
		w := newWorld(t)
		owner := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		z := w.account(owner.ID)
		w.acct.Edit(z.ID, func(z *zenqmstest.User) { z.ExternalID = "" })
		w.pass(time.Minute)
		return w, owner, z
	}
	t.Run("a newcomer", func(t *testing.T) {
		w, owner, _ := cleared(t)
		u := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "ACTIVE")
		w.sync()
		assert.Equal(t, store.SkipConflict, w.skip(u.ID).Code)
		assert.Contains(t, w.skip(u.ID).Reason, "linked to Okta user "+owner.ID)
	})
	t.Run("a rehire", func(t *testing.T) {
		w, owner, z := cleared(t)
		w.org.SetStatus(owner.ID, "DEPROVISIONED")
		w.sync()
		u := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "ACTIVE")
		w.sync()
		assert.Equal(t, z.ID, w.account(u.ID).ID)
		assert.Equal(t, "relink ok", w.lastLog(u.ID, 1)[0])
		assert.Empty(t, w.link(owner.ID).OktaID, "L1: one to one")
	})
	t.Run("a leaver", func(t *testing.T) {
		w, owner, z := cleared(t)
		w.org.UpdateProfile(owner.ID, func(p *oktatest.Profile) { p.Email = "new@example.com" })
		w.org.DropAll()
		w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "DEPROVISIONED")
		w.sync()
		got, _ := w.acct.User(z.ID)
		assert.True(t, got.Active, "L6: matched only if the account is unlinked")
	})
}

func TestL1_AnAccountFoundByAddressThatCarriesHisIdIsHis(t *testing.T) {
	// The filter is ignored and the index is older than the account.
	w := newWorld(t, func(o *worldOptions) { o.zenqms.IgnoreExternalIDFilter = true })
	w.hire("Bea", "Burns", "ACTIVE")
	w.sync() // reads the index
	u := w.hire("Ada", "Byron", "ACTIVE")
	z := ada(true)
	z.ExternalID = u.ID
	mine := w.acct.AddUser(z)
	w.acct.ResetCalls()
	w.sync()
	assert.Equal(t, idText(mine.ID), w.link(u.ID).ZenQMSID)
	assert.Empty(t, w.writes(), "M5")
}

func TestL1_TheIndexFindsAndDoesNotConclude(t *testing.T) {
	for name, change := range map[string]func(*world, int64, string){
		"the account is gone": func(w *world, z int64, _ string) { w.acct.Remove(z) },
		"it carries another id by now": func(w *world, z int64, _ string) {
			w.acct.Edit(z, func(u *zenqmstest.User) { u.ExternalID = "00uOther0000000000001" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.org.DropAll()
			z := w.acct.AddUser(zenqmstest.User{Email: "old@example.com", FirstName: "Ada", LastName: "Byron", Active: true, ExternalID: u.ID})
			w.hire("Some", "Body", "ACTIVE")
			w.walkReading(store.InitialRun) // reads the index
			change(w, z.ID, u.ID)
			w.tell("hook", store.UserCreate, u.ID)
			w.drain()
			assert.NotEqual(t, idText(z.ID), w.link(u.ID).ZenQMSID, "L1: a verdict rests on what ZenQMS says now")
			assert.Equal(t, "ada.byron@example.com", w.account(u.ID).Email)
		})
	}
}

func TestL1_AConflictThatIsAnInactiveAccountsIsAMatch(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.walkReading(store.InitialRun)
	z := w.acct.AddUser(ada(false)) // after the index was read
	w.drain()
	assert.Equal(t, idText(z.ID), w.link(u.ID).ZenQMSID)
	assert.True(t, w.account(u.ID).Active)
	assert.EqualValues(t, 1, w.spent(store.ActActivate), "B1: and it is braked as the activation it is")
}

func TestL1_AConflictThatIsAnothersAccountIsAConflict(t *testing.T) {
	w := newWorld(t)
	owner := w.hire("Bea", "Burns", "ACTIVE")
	w.sync()
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.walkReading(store.InitialRun)
	w.acct.Edit(w.account(owner.ID).ID, func(z *zenqmstest.User) { z.Email = "ada.byron@example.com" })
	w.drain()
	require.Equal(t, store.SkipConflict, w.skip(u.ID).Code, "L1: 409 leads to a live search before any verdict")
	assert.Contains(t, w.skip(u.ID).Reason, owner.ID)
	assert.Equal(t, 1, w.acct.Len())
	w.manual(owner.ID) // gives the owner's account his own address again
	assert.NotEqual(t, w.account(u.ID).ID, w.account(owner.ID).ID)
}

func TestL6_AHookOfALeaverAsksWhoElseHasHisAddress(t *testing.T) {
	w := newWorld(t)
	z := w.acct.AddUser(ada(true))
	gone := w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "ACTIVE")
	live := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Ada"}, "ACTIVE")
	w.org.SetStatus(gone.ID, "DEPROVISIONED")
	w.org.DropAll() // the store knows neither
	w.tell("hook", store.UserDeactivate, gone.ID)
	w.drain()
	got, _ := w.acct.User(z.ID)
	assert.True(t, got.Active, "L6: in scope or not, complete or not")
	assert.Contains(t, w.report("log", store.ReportArgs{User: gone.ID})[0]["error"], "a live user's")
	w.org.SetStatus(live.ID, "DEPROVISIONED")
	w.tell("again", store.UserDeactivate, gone.ID)
	w.drain()
	assert.False(t, w.account(gone.ID).Active)
}

func TestL4_AddressesThatComeFreeWakeThoseWhoWaitAndNobodyElse(t *testing.T) {
	w := newWorld(t)
	a, b := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
	incomplete := w.org.AddUser(oktatest.Profile{Login: "x", Email: "bea.burns@example.com", FirstName: "X"}, "ACTIVE")
	w.sync()
	require.Equal(t, store.SkipMissing, w.skip(incomplete.ID).Code)
	w.pass(time.Minute)
	w.org.UpdateProfile(a.ID, func(p *oktatest.Profile) { p.Email = "bea.burns@example.com" })
	w.sync()
	require.Equal(t, store.SkipConflict, w.skip(a.ID).Code)
	assert.Contains(t, w.skip(a.ID).Reason, "Okta user "+b.ID)
	assert.Contains(t, w.skip(a.ID).Reason, "goes through when that one has another")
	waiting := w.states(incomplete.ID)

	w.org.UpdateProfile(b.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.sync()
	assert.Equal(t, store.SkipConflict, w.skip(a.ID).Code, "nothing came free")
	rows := len(w.states(a.ID))
	w.org.UpdateProfile(b.ID, func(p *oktatest.Profile) { p.Email = "BEA.Burns@example.com" })
	w.sync()
	assert.Len(t, w.states(a.ID), rows, "M5: another case is no other address")
	w.org.UpdateProfile(b.ID, func(p *oktatest.Profile) { p.Email = "bea.king@example.com" })
	w.sync()
	assert.Equal(t, "bea.burns@example.com", w.account(a.ID).Email)
	assert.Empty(t, w.skip(a.ID).Code)
	assert.Equal(t, waiting, w.states(incomplete.ID), "M3: who lacks a field waits until he moves")
}

func TestL4_AnAccountInTheWayThatIsNobodys(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	z := w.acct.AddUser(zenqmstest.User{Email: "king@example.com", FirstName: "Some", LastName: "Body"})
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email = "king@example.com" })
	w.sync()
	assert.Contains(t, w.skip(u.ID).Reason, "ZenQMS user "+idText(z.ID)+", who is linked to nobody")
	w.acct.Edit(z.ID, func(z *zenqmstest.User) { z.ExternalID = "EMP-1" })
	w.walk(store.ReconcileRun)
	assert.Contains(t, w.skip(u.ID).Reason, "Okta user EMP-1")
}

func TestL4_ThreeWhoPassTheirAddressesRound(t *testing.T) {
	w := newWorld(t)
	users := []oktatest.User{w.hire("A", "One", "ACTIVE"), w.hire("B", "Two", "ACTIVE"), w.hire("C", "Three", "ACTIVE")}
	w.sync()
	w.pass(time.Minute)
	for i, email := range []string{"b.two@example.com", "c.three@example.com", "a.one@example.com"} {
		w.org.UpdateProfile(users[i].ID, func(p *oktatest.Profile) { p.Email = email })
	}
	w.sync()
	for _, u := range users {
		for _, other := range users {
			assert.Contains(t, w.skip(u.ID).Reason, other.ID, "L4: the reason names the cycle")
		}
	}
}

func TestA1_WhatACreateSetIsInTheLog(t *testing.T) {
	w := newWorld(t)
	u := w.org.AddUser(oktatest.Profile{Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}, "ACTIVE")
	w.sync()
	row := w.report("log", store.ReportArgs{User: u.ID})[0]
	assert.JSONEq(t, `{"email":{"old":null,"new":"ada@example.com"},"first_name":{"old":null,"new":"Ada"},"last_name":{"old":null,"new":"Byron"},
		"is_active":{"old":null,"new":true},"external_id":{"old":null,"new":"`+u.ID+`"}}`, row["changes"].(string))
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) {
		p.Email, p.FirstName, p.LastName, p.Title = "king@example.com", "Augusta", "King", "Chief"
	})
	w.sync()
	row = w.report("log", store.ReportArgs{User: u.ID})[0]
	assert.JSONEq(t, `{"email":{"old":"ada@example.com","new":"king@example.com"},"first_name":{"old":"Ada","new":"Augusta"},
		"last_name":{"old":"Byron","new":"King"},"title":{"old":null,"new":"Chief"}}`, row["changes"].(string))
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.sync()
	row = w.report("log", store.ReportArgs{User: u.ID})[0]
	assert.JSONEq(t, `{"is_active":{"old":true,"new":false}}`, row["changes"].(string))
}
