package reconcile

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// overAnHour has a deploy read both sides, lets so much time pass that the
// worker must not act on that alone, and something happen.
func (w *world) overAnHour(happens func()) {
	w.Helper()
	w.org.DropAll()
	w.pass(time.Second)
	w.read(store.InitialRun)
	w.pass(directoryAge + time.Minute)
	if happens != nil {
		happens()
	}
	w.org.DropAll()
	w.org.ResetCalls()
	w.acct.ResetCalls()
	w.drain()
}

// An initial sync that takes longer than an hour must not cost more of ZenQMS
// from then on than before: at ten calls a second a million users take a day.
func TestK1_AfterAnHourANewUserStillCostsOneCall(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.overAnHour(nil)
	assert.Len(t, w.acct.Calls(), 1, "one call for a new user")
	assert.Len(t, w.org.Calls(), 1, "K1: and one of Okta, for the walk's reading is old")
	assert.Equal(t, u.ID, w.account(u.ID).ExternalID)
}

func TestK1_AfterAnHourAnAccountIsReadBeforeItIsLinked(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	had := w.acct.AddUser(zenqmstest.User{Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron", Title: "Analyst", Active: true})
	w.overAnHour(nil)
	assert.Len(t, w.acct.Calls(), 2, "the account is read, and linked")
	assert.Len(t, w.org.Calls(), 1)
	assert.Equal(t, had.ID, w.account(u.ID).ID)
}

// What the walk found hours ago is no longer there, or is there by now.
func TestL1_AfterAnHourNothingRestsOnTheIndexAlone(t *testing.T) {
	const address = "ada.byron@example.com"
	had := zenqmstest.User{Email: address, FirstName: "Ada", LastName: "Byron", Active: true}
	for name, tc := range map[string]struct {
		before  bool
		happens func(w *world, id int64)
		linked  bool // the account that was there
	}{
		"the account has another address by now":  {true, func(w *world, id int64) { w.acct.Edit(id, func(u *zenqmstest.User) { u.Email = "else@example.com" }) }, false},
		"the account is another user's by now":    {true, func(w *world, id int64) { w.acct.Edit(id, func(u *zenqmstest.User) { u.ExternalID = "00uother" }) }, false},
		"the account is gone":                     {true, func(w *world, id int64) { w.acct.Remove(id) }, false},
		"there is an account at the address now":  {false, func(w *world, _ int64) { w.acct.AddUser(had) }, true},
		"his title was changed by hand meanwhile": {true, func(w *world, id int64) { w.acct.Edit(id, func(u *zenqmstest.User) { u.Title = "By hand" }) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			id := int64(1)
			if tc.before {
				id = w.acct.AddUser(had).ID
			}
			w.overAnHour(func() { tc.happens(w, id) })
			account, found := w.acct.ByExternalID(u.ID)
			switch {
			case name == "the account is another user's by now":
				assert.False(t, found, "L3: another user's account is not taken over")
				assert.Equal(t, store.SkipConflict, w.skip(u.ID).Code)
			case assert.True(t, found, "L1: he has an account in the end"):
				assert.Equal(t, tc.linked, account.ID == id, "L1: the index finds, it never concludes")
				assert.Equal(t, "Analyst", account.Title, "W1: deploy pushes regardless")
			}
		})
	}
}

// Who has moved since the walk is not whom it has searched for.
func TestK1_AfterAnHourWhoHasMovedIsSearchedFor(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.overAnHour(func() {
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email = "countess@example.com" })
		w.acct.AddUser(zenqmstest.User{Email: "countess@example.com", FirstName: "Ada", LastName: "Byron", Active: true})
	})
	assert.Equal(t, "countess@example.com", w.account(u.ID).Email)
	assert.Equal(t, 1, w.acct.Len())
	assert.Equal(t, http.MethodPatch, w.writes()[0].Method, "he was searched for, not made")
}
