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

// refusing makes ZenQMS refuse a field by name.
func refusing(field string) zenqmstest.Fault {
	return zenqmstest.Fault{Status: 422, Message: "invalid", Fields: []zenqmstest.FieldError{{Field: field, Message: "not this one"}}}
}

// What a push could not send is tried again at every walk, although the user
// does not move.
func TestL4_ARefusedLinkOfALinkedUserIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	z := w.account(u.ID)
	w.acct.Edit(z.ID, func(z *zenqmstest.User) { z.ExternalID, z.Title, z.Active = "", "By hand", false })
	w.acct.Fail(zenqmstest.Match{Method: "PATCH", Body: "external_id"}, zenqmstest.Always, refusing("external_id"))
	w.manual(u.ID)
	got, _ := w.acct.User(z.ID)
	assert.Equal(t, "Analyst", got.Title, "L4: the rest is applied")
	assert.True(t, got.Active)
	require.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
	assert.Equal(t, []string{"external_id"}, w.skip(u.ID).Fields)
	assert.True(t, w.link(u.ID).Active, "the link is as ZenQMS answered")
	assert.Equal(t, []string{"skip skipped", "activate ok"}, w.lastLog(u.ID, 2))

	w.walk(store.ReconcileRun)
	assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code, "L4: he stays in the report until it goes through")
	w.acct.Heal()
	w.walk(store.ReconcileRun)
	assert.Equal(t, z.ID, w.account(u.ID).ID, "K4: tried again at every walk")
	assert.Empty(t, w.skip(u.ID).Code)
	assert.Equal(t, "link ok", w.lastLog(u.ID, 1)[0])
}

func TestL4_ARefusedPushOfALinkedUserIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Edit(w.account(u.ID).ID, func(z *zenqmstest.User) { z.Title = "By hand" })
	w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 403, Message: "locked by an audit"})
	w.manual(u.ID)
	require.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
	assert.Contains(t, w.skip(u.ID).Reason, "locked by an audit")
	w.walk(store.ReconcileRun)
	assert.Equal(t, "Analyst", w.account(u.ID).Title, "K4: tried again at every walk")
	assert.Empty(t, w.skip(u.ID).Code)
}

func TestL4_ARefusedLinkLeavesAnUnlinkedUserWaitingAsAWhole(t *testing.T) {
	w := newWorld(t)
	z := w.acct.AddUser(zenqmstest.User{Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron", Title: "Old", Active: false})
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.acct.Fail(zenqmstest.Match{Method: "PATCH", Body: "external_id"}, 1, refusing("external_id"))
	w.sync()
	assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
	assert.Empty(t, w.skip(u.ID).Fields)
	assert.Empty(t, w.link(u.ID).OktaID, "without the link in ZenQMS there is none")
	w.walk(store.ReconcileRun)
	assert.Equal(t, z.ID, w.account(u.ID).ID)
	assert.Empty(t, w.skip(u.ID).Code)
}

func TestL4_ARefusedActivationHoldsBackItselfAloneAndIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.org.SetStatus(u.ID, "ACTIVE")
	w.acct.Fail(zenqmstest.Match{Method: "PATCH", Body: "is_active"}, 1, refusing("is_active"))
	w.sync()
	assert.Equal(t, "Chief", w.account(u.ID).Title)
	assert.False(t, w.account(u.ID).Active)
	assert.Equal(t, []string{"is_active"}, w.skip(u.ID).Fields)
	assert.Contains(t, w.skip(u.ID).Reason, "not this one")
	assert.Equal(t, []string{"skip skipped", "update ok"}, w.lastLog(u.ID, 2))
	w.acct.Edit(w.account(u.ID).ID, func(z *zenqmstest.User) { z.Title = "By hand" })
	w.walk(store.ReconcileRun)
	assert.True(t, w.account(u.ID).Active)
	assert.Equal(t, "By hand", w.account(u.ID).Title, "W1")
	assert.Empty(t, w.skip(u.ID).Code)
}

func TestL4_ARehireWhoseLinkIsRefusedIsNotLoggedAsOne(t *testing.T) {
	w := newWorld(t)
	old := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(old.ID, "DEPROVISIONED")
	w.sync()
	w.pass(time.Hour)
	rehire := w.org.AddUser(oktatest.Profile{Login: "ada2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron", Title: "Chief"}, "ACTIVE")
	w.acct.Fail(zenqmstest.Match{Method: "PATCH", Body: "external_id"}, 1, refusing("external_id"))
	w.sync()
	assert.NotContains(t, w.lastLog(rehire.ID, 9), "relink ok", "A1: the link did not pass on")
	assert.Equal(t, old.ID, w.link(old.ID).OktaID)
	w.walk(store.ReconcileRun)
	assert.Contains(t, w.lastLog(rehire.ID, 1), "relink ok")
	assert.Equal(t, "Chief", w.account(rehire.ID).Title)
}

// A user who lacks a name and whose external_id was cleared by hand.
func TestM3_ALinkedUserWithMissingFieldsGetsHisLinkWrittenAgain(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	z := w.account(u.ID)
	w.acct.Edit(z.ID, func(z *zenqmstest.User) { z.ExternalID = "" })
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName, p.Title = "", "Chief" })
	w.acct.ResetCalls()
	w.sync()
	require.Len(t, w.writes(), 1)
	assert.Equal(t, map[string]any{"external_id": u.ID}, w.writes()[0].Body)
	assert.Equal(t, store.SkipMissing, w.skip(u.ID).Code)

	w.org.ResetCalls()
	w.acct.ResetCalls()
	before := w.report("log", store.ReportArgs{})
	w.walk(store.ReconcileRun)
	w.tell("again", store.UserUpdateProfile, u.ID)
	w.drain()
	assert.Empty(t, w.acct.Calls(), "M3: the skip waits, without calls, until the user moves")
	assert.Equal(t, 1, w.org.Count("GET /api/v1/users/{id}"), "K4: the walk reads nobody; the event does")
	assert.Len(t, w.report("log", store.ReportArgs{}), len(before)+1)
	assert.Equal(t, store.SkipMissing, w.skip(u.ID).Code)

	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName = "King" })
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Equal(t, "King", w.account(u.ID).LastName)
	assert.Equal(t, "Chief", w.account(u.ID).Title)
	assert.Empty(t, w.skip(u.ID).Code)
}

// Nothing to send and something missing is a skip and no more.
func TestM3_ALinkedUserWithMissingFieldsAndNothingToSendIsLoggedAsSkipped(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName = "" })
	w.acct.ResetCalls()
	w.sync()
	assert.Empty(t, w.writes())
	assert.Equal(t, []string{"skip skipped", "create ok"}, w.lastLog(u.ID, 9))
}

func TestB1_AnActivationThatIsRefusedGivesItsBudgetBack(t *testing.T) {
	spent := func(w *world, action store.Action) (users int64) {
		w.view(func(tx *store.Tx) (err error) {
			users, _, err = tx.Spent(action, w.now().Add(-time.Hour), "")
			return err
		})
		return users
	}
	back := func(w *world) oktatest.User {
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.org.SetStatus(u.ID, "SUSPENDED")
		w.sync()
		w.pass(time.Minute)
		w.org.SetStatus(u.ID, "ACTIVE")
		return u
	}
	t.Run("refused by name", func(t *testing.T) {
		w := newWorld(t)
		back(w)
		w.acct.Fail(zenqmstest.OnUpdate, 1, refusing("is_active"))
		w.sync()
		assert.Zero(t, spent(w, store.ActActivate), "B1: given back if it fails")
	})
	t.Run("forbidden", func(t *testing.T) {
		w := newWorld(t)
		back(w)
		w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 403})
		w.sync()
		assert.Zero(t, spent(w, store.ActActivate), "B1: given back if it fails")
	})
	t.Run("the account was gone by then", func(t *testing.T) {
		w := newWorld(t)
		u := back(w)
		w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 404})
		w.sync()
		assert.True(t, w.account(u.ID).Active)
		assert.EqualValues(t, 1, spent(w, store.ActActivate), "the second look carried it out")
	})
	t.Run("refused on the second look", func(t *testing.T) {
		w := newWorld(t)
		back(w)
		w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 404})
		w.acct.Fail(zenqmstest.OnUpdate, 1, refusing("is_active"))
		w.sync()
		assert.Zero(t, spent(w, store.ActActivate), "B1: what the first look reserved is given back too")
	})
	t.Run("it went through", func(t *testing.T) {
		w := newWorld(t)
		back(w)
		w.sync()
		assert.EqualValues(t, 1, spent(w, store.ActActivate))
	})
}
