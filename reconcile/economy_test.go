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

func TestL1_ALinkedUserCostsOneReadingAndOneWrite(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.hooks()
	w.org.ResetCalls()
	w.acct.ResetCalls()
	w.drain()
	assert.Len(t, w.org.Calls(), 1)
	assert.Len(t, w.acct.Calls(), 2)
}

func TestL6_ALeaverWithoutAnAddressIsLookedForByIdAlone(t *testing.T) {
	w := newWorld(t)
	u := w.org.AddUser(oktatest.Profile{Login: "x", FirstName: "X", LastName: "Y"}, "DEPROVISIONED")
	w.hooks()
	w.org.ResetCalls()
	w.drain()
	assert.Len(t, w.org.Calls(), 1, "nobody is asked for who has no address")
	assert.Len(t, w.acct.Calls(), 1)
	assert.Equal(t, []string{"none unchanged"}, w.lastLog(u.ID, 9))
}

func TestL5_AnAccountTheIndexNoLongerHasIsMatchedAnew(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Remove(w.account(u.ID).ID)
	w.acct.ResetCalls()
	w.walk(store.InitialRun)
	require.Len(t, w.writes(), 1, "L5: created, and nothing sent to whom is gone")
	assert.Equal(t, "POST", w.writes()[0].Method)
	assert.Equal(t, idText(w.account(u.ID).ID), w.link(u.ID).ZenQMSID)
}

func TestL1_WhatCarriesHisIdIsHisThoughOthersClaimTheAddress(t *testing.T) {
	w := newWorld(t, func(o *worldOptions) { o.zenqms.IgnoreExternalIDFilter = true })
	w.hire("Bea", "Burns", "ACTIVE")
	w.sync() // reads the index
	rival := w.hire("Ada", "Byron", "ACTIVE")
	u := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "Countess", LastName: "Lovelace"}, "ACTIVE")
	mine := w.acct.AddUser(zenqmstest.User{Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron", Active: true, ExternalID: u.ID})
	w.sync()
	assert.Equal(t, idText(mine.ID), w.link(u.ID).ZenQMSID, "L1: by external_id, else by email")
	assert.Equal(t, store.SkipConflict, w.skip(rival.ID).Code)
}

func TestL1_WhatASearchTellsIsKeptInTheIndex(t *testing.T) {
	w := newWorld(t)
	a, b := w.acct.AddUser(ada(true)), w.acct.AddUser(ada(true))
	w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.view(func(tx *store.Tx) error {
		for _, z := range []zenqmstest.User{a, b} {
			_, found, err := tx.AccountByID(idText(z.ID))
			require.NoError(t, err)
			assert.True(t, found)
		}
		return nil
	})
}

func TestL1_WhatASyncMadeOrChangedIsKeptInTheIndex(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	index := func() (a store.Account) {
		w.view(func(tx *store.Tx) (err error) {
			a, _, err = tx.AccountByID(idText(w.account(u.ID).ID))
			return err
		})
		return a
	}
	assert.Equal(t, u.ID, index().ExternalID)
	assert.True(t, index().Active)
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.sync()
	assert.False(t, index().Active)
}

func TestM2_WhoReads404IsDeletedInTheDirectoryIfItKnowsHim(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.Delete(u.ID)
	w.sync()
	w.tell("x", store.UserDeactivate, "00uNeverSeen000000001")
	w.drain()
	w.view(func(tx *store.Tx) error {
		p, _, err := tx.Person(u.ID)
		assert.Equal(t, store.Deleted, p.Status)
		_, known, err2 := tx.Person("00uNeverSeen000000001")
		assert.False(t, known, "L3: a 404 proves nothing about an id never seen")
		require.NoError(t, err2)
		return err
	})
	assert.Equal(t, store.Deleted, w.link(u.ID).OktaStatus)
}

func TestW3_TheLinkKeepsTheRolesZenQMSAnswered(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	assert.Empty(t, w.link(u.ID).Roles)
	assert.Equal(t, "ada.byron@example.com", w.link(u.ID).Email)
}

func TestL5_TheLinkOfWhoWaitsAsAWholeIsGone(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Remove(w.account(u.ID).ID)
	w.acct.AddUser(ada(true))
	w.acct.AddUser(ada(true))
	w.manual(u.ID)
	assert.Equal(t, store.SkipAmbiguous, w.skip(u.ID).Code)
	assert.Empty(t, w.link(u.ID).OktaID, "L5")
}

func TestL3_AnOperatorsRelinkThatZenQMSRefusesStands(t *testing.T) {
	w := newWorld(t)
	old := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	z := w.account(old.ID)
	w.org.SetStatus(old.ID, "DEPROVISIONED")
	w.sync()
	w.pass(time.Hour)
	married := w.org.AddUser(oktatest.Profile{Login: "ada2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "King"}, "ACTIVE")
	w.sync()
	_, err := w.w.Relink(t.Context(), Relink{New: married.ID, Old: old.ID, Actor: "olga", Reason: "married"})
	require.NoError(t, err)
	w.acct.Fail(zenqmstest.Match{Method: "PATCH", Body: "external_id"}, 1, refusing("external_id"))
	w.drain()
	assert.Equal(t, old.ID, w.link(married.ID).TakenFrom, "L5: the account still carries the old id, and is his all the same")
	assert.Equal(t, []string{"external_id"}, w.skip(married.ID).Fields)
	w.tell("late", store.UserDeactivate, old.ID)
	w.drain()
	got, _ := w.acct.User(z.ID)
	assert.True(t, got.Active, "the old user does not take it back")
	w.walk(store.ReconcileRun)
	assert.Equal(t, z.ID, w.account(married.ID).ID)
	assert.Empty(t, w.link(married.ID).TakenFrom)
	assert.Empty(t, w.skip(married.ID).Code)
}
