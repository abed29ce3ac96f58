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

func TestL4_AnEmailChangeFollowsTheLink(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	z := w.account(u.ID)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email, p.Login = "king@example.com", "king@example.com" })
	w.sync()
	assert.Equal(t, z.ID, w.account(u.ID).ID)
	assert.Equal(t, "king@example.com", w.account(u.ID).Email)
	assert.Equal(t, 1, w.acct.Len())
}

func TestL4_ATakenAddressHoldsBackItselfAlone(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	z := w.acct.AddUser(zenqmstest.User{Email: "king@example.com", FirstName: "Some", LastName: "Body", Active: true})
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email, p.Title = "king@example.com", "Countess" })
	w.org.SetStatus(u.ID, "ACTIVE")
	w.sync()
	got := w.account(u.ID)
	assert.True(t, got.Active, "L4: activation above all is applied")
	assert.Equal(t, "Countess", got.Title)
	assert.Equal(t, "ada.byron@example.com", got.Email)
	s := w.skip(u.ID)
	assert.Equal(t, store.SkipConflict, s.Code)
	assert.Equal(t, []string{"email"}, s.Fields)
	assert.Contains(t, s.Reason, "ZenQMS user "+idText(z.ID), "L4: the reason names the account in the way")

	w.acct.Edit(w.account(u.ID).ID, func(z *zenqmstest.User) { z.Title = "Edited" })
	w.walk(store.ReconcileRun)
	assert.Equal(t, store.SkipConflict, w.skip(u.ID).Code, "L4: he stays in the report until it goes through")
	w.acct.Edit(z.ID, func(z *zenqmstest.User) { z.Email = "other@example.com" })
	w.walk(store.ReconcileRun)
	assert.Equal(t, "king@example.com", w.account(u.ID).Email, "K4: tried again at every walk")
	assert.Empty(t, w.skip(u.ID).Code)
	assert.Equal(t, "Edited", w.account(u.ID).Title, "W1: the retry of what was held back touches nothing else")
}

func TestL4_ARefusedFieldHoldsBackItselfAlone(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email, p.FirstName = "ädä@example.com", "Augusta" })
	w.sync()
	assert.Equal(t, "Augusta", w.account(u.ID).FirstName)
	s := w.skip(u.ID)
	assert.Equal(t, store.SkipRefused, s.Code)
	assert.Equal(t, []string{"email"}, s.Fields)
	assert.Contains(t, s.Reason, "ASCII", "L4: with ZenQMS's words")
	assert.Equal(t, []string{"skip skipped", "update ok"}, w.lastLog(u.ID, 2))
}

func TestL4_ARefusalThatNamesNoFieldHoldsBackAllTexts(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.FirstName, p.LastName, p.Title = "Augusta", "King", "Countess" })
	w.org.SetStatus(u.ID, "ACTIVE")
	w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 400, Message: "bad request"})
	w.acct.ResetCalls()
	w.sync()
	writes := w.writes()
	require.Len(t, writes, 2)
	assert.Equal(t, map[string]any{"is_active": true}, writes[1].Body, "L4: activation is sent alone")
	assert.ElementsMatch(t, []string{"first_name", "last_name", "title"}, w.skip(u.ID).Fields)
	assert.Contains(t, w.skip(u.ID).Reason, "bad request")
	w.walk(store.ReconcileRun)
	assert.Equal(t, "King", w.account(u.ID).LastName)
	assert.Empty(t, w.skip(u.ID).Code)
}

func TestL4_ARefusedCreateIsRefusedWhole(t *testing.T) {
	w := newWorld(t)
	u := w.org.AddUser(oktatest.Profile{Email: "ädä@example.com", FirstName: "Ada", LastName: "Byron"}, "ACTIVE")
	w.sync()
	s := w.skip(u.ID)
	assert.Equal(t, store.SkipRefused, s.Code)
	assert.Empty(t, s.Fields)
	assert.Contains(t, s.Reason, "ASCII")
	assert.Equal(t, 0, w.acct.Len())
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email = "ada@example.com" })
	w.sync()
	assert.Empty(t, w.skip(u.ID).Code)
	assert.Equal(t, 1, w.acct.Len())
}

func TestL4_AnAddressTakenElsewhereInZenQMSIsRefused(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	// Addresses are unique over all accounts of ZenQMS: the holder is not ours to see.
	w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 409, Message: "email is in use in another account"})
	w.sync()
	assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
	assert.Contains(t, w.skip(u.ID).Reason, "in use in another account")
}

func TestL4_TwoWhoSwapAddressesAreBothInConflictAndNoTemporaryAddressIsMade(t *testing.T) {
	w := newWorld(t)
	a, b := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(a.ID, func(p *oktatest.Profile) { p.Email, p.Title = "bea.burns@example.com", "A" })
	w.org.UpdateProfile(b.ID, func(p *oktatest.Profile) { p.Email, p.Title = "ada.byron@example.com", "B" })
	w.acct.ResetCalls()
	w.sync()
	for id, other := range map[string]string{a.ID: b.ID, b.ID: a.ID} {
		s := w.skip(id)
		assert.Equal(t, store.SkipConflict, s.Code)
		assert.Contains(t, s.Reason, "each other's address", "L4: the reason names the cycle")
		assert.Contains(t, s.Reason, other)
		assert.Contains(t, s.Reason, "by hand", "L4: and the remedy")
	}
	assert.Equal(t, "A", w.account(a.ID).Title, "L4: the rest is applied")
	for _, c := range w.writes() {
		if email, sent := c.Body["email"]; sent {
			assert.Contains(t, []string{"ada.byron@example.com", "bea.burns@example.com"}, email, "L4: no temporary addresses")
		}
	}
	// The remedy works: one is moved aside by hand.
	w.acct.Edit(w.account(b.ID).ID, func(z *zenqmstest.User) { z.Email = "spare@example.com" })
	w.walk(store.ReconcileRun)
	w.walk(store.ReconcileRun)
	assert.Equal(t, "bea.burns@example.com", w.account(a.ID).Email)
	assert.Equal(t, "ada.byron@example.com", w.account(b.ID).Email)
	assert.Empty(t, w.skip(a.ID).Code)
	assert.Empty(t, w.skip(b.ID).Code)
}

// A leaver's account keeps its address (rule M6), so that a spare one for the
// other would help nobody.
func TestL4_OfTwoWhoSwapAddressesAndOneLeavesHeIsInTheWay(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile", "initial"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			a, b := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
			w.sync()
			w.pass(time.Minute)
			w.org.UpdateProfile(a.ID, func(p *oktatest.Profile) { p.Email = "Bea.Burns@example.com" })
			w.org.UpdateProfile(b.ID, func(p *oktatest.Profile) { p.Email = "Ada.Byron@example.com" })
			w.by(how)
			require.Contains(t, w.skip(b.ID).Reason, "each other's address")
			w.pass(time.Minute)
			w.org.SetStatus(a.ID, "DEPROVISIONED")
			w.by(how)
			w.walk(store.ReconcileRun)
			assert.False(t, w.account(a.ID).Active)
			assert.Empty(t, w.skip(a.ID).Code, "M3: a gone user is never in the skip report")
			s := w.skip(b.ID)
			assert.Equal(t, store.SkipConflict, s.Code)
			assert.NotContains(t, s.Reason, "each other's address", "L4: who has left wants none")
			assert.Contains(t, s.Reason, "ZenQMS user "+idText(w.account(a.ID).ID), "L4: the account in the way")
			assert.Contains(t, s.Reason, "give that account another one", "L4: and the remedy")
			// The remedy works.
			w.acct.Edit(w.account(a.ID).ID, func(z *zenqmstest.User) { z.Email = "left@example.com" })
			w.walk(store.ReconcileRun)
			assert.Equal(t, "Ada.Byron@example.com", w.account(b.ID).Email)
			assert.Empty(t, w.skip(b.ID).Code)
		})
	}
}

func TestL4_AnAddressThatComesFreeIsTakenAtOnce(t *testing.T) {
	w := newWorld(t)
	a, b := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(a.ID, func(p *oktatest.Profile) { p.Email = "bea.burns@example.com" })
	w.org.UpdateProfile(b.ID, func(p *oktatest.Profile) { p.Email = "bea.king@example.com" })
	w.sync() // a comes first, and must wait for b
	assert.Equal(t, "bea.burns@example.com", w.account(a.ID).Email)
	assert.Equal(t, "bea.king@example.com", w.account(b.ID).Email)
	assert.Empty(t, w.skip(a.ID).Code)
}
