package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func TestC3_TheHookIsDeletedOnceAndFoundByNameInALostStore(t *testing.T) {
	w := newWorld(t, httpHooks)
	url, _ := w.listener("s")
	require.NoError(t, w.deployment(url, "s").ensure(t))
	users := w.staffOf(t, 2)
	w.update(forgetHook)
	u := w.unlinking()
	u.HookURL = url
	w.acct.Fail(zenqmstest.Match{Method: "PATCH", Path: "/v2/users/" + idText(w.account(users[0].ID).ID)}, 1, zenqmstest.Fault{Status: 500})
	r, err := u.Run(t.Context(), UnlinkSurvey{}, nil)
	require.NoError(t, err)
	require.NoError(t, r.HookErr)
	assert.Empty(t, w.org.Hooks())
	w.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Status: 401}) // the app was deleted meanwhile
	r, err = u.Run(t.Context(), UnlinkSurvey{}, nil)
	require.NoError(t, err)
	assert.NoError(t, r.HookErr, "it is known to be gone")
	assert.Equal(t, Unlinked, w.stage().Life)
}

func TestC3_UnlinkWorksBesideARunningWorker(t *testing.T) {
	w := newWorld(t)
	w.realTime()
	users := w.staffOf(t, 4)
	w.working()
	w.acct.Latency(100 * time.Millisecond)
	for _, u := range users {
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	}
	joined := w.hire("New", "Hand", "ACTIVE")
	w.hooks()
	w.db.Nudge()
	w.eventually("some are under way", func() bool { return w.inFlight() > 0 })
	r := w.unlink(false)
	assert.Zero(t, r.Left)
	assert.Equal(t, w.acct.Len(), w.cleared(), "whoever the worker had in its hands is cleared as well")
	w.acct.ResetCalls()
	w.org.UpdateProfile(users[0].ID, func(p *oktatest.Profile) { p.Title = "Boss" })
	w.org.UpdateProfile(joined.ID, func(p *oktatest.Profile) { p.Title = "Boss" })
	w.hooks()
	w.db.Nudge()
	assert.Never(t, func() bool { return len(w.writes()) > 0 }, 300*time.Millisecond, 10*time.Millisecond, "C3: an unlinked installation sends nothing")
}

func TestC3_AWalkUnderWayAsksForNothingMore(t *testing.T) {
	w := newWorld(t)
	w.staffOf(t, 2)
	w.hire("New", "Hand", "ACTIVE")
	w.org.DropAll()
	var run store.Run
	w.update(func(tx *store.Tx) (err error) {
		if _, err = tx.WantRun(store.InitialRun, "", tx.Now); err != nil {
			return err
		}
		run, _, err = tx.StartRun()
		return err
	})
	w.unlink(false)
	require.NoError(t, w.w.walk(t.Context(), run))
	assert.Equal(t, store.Queue{}, w.queue())
	w.view(func(tx *store.Tx) error {
		_, wanted, err := tx.NextRun()
		assert.False(t, wanted)
		return err
	})
}

func TestC3_DeployLinksAgain(t *testing.T) {
	w := newWorld(t, httpHooks)
	url, _ := w.listener("s")
	d := w.deployment(url, "s")
	require.NoError(t, d.ensure(t))
	users := w.staffOf(t, 5)
	ids := map[string]int64{}
	for _, u := range users {
		ids[u.ID] = w.account(u.ID).ID
	}
	w.unlink(false)
	require.NoError(t, d.ensure(t))
	assert.Len(t, w.org.Hooks(), 1)
	_, err := d.Begin(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Active, w.stage().Life)
	w.pass(time.Second)
	w.walk(store.InitialRun)
	for _, u := range users {
		assert.Equal(t, ids[u.ID], w.account(u.ID).ID, "C3: deploy links again, by email")
	}
	assert.Equal(t, 5, w.acct.Len())
	r := w.unlink(false)
	assert.EqualValues(t, 5, r.Cleared, "and may be unlinked again")
	assert.Len(t, w.report("unlinked", store.ReportArgs{}), 10, "the first time stays in the report")
}

func TestC3_AMovedLinkThatZenQMSDoesNotKnowOfYetIsClearedToo(t *testing.T) {
	w := newWorld(t)
	old := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(old.ID, "DEPROVISIONED")
	w.sync()
	married := w.org.AddUser(oktatest.Profile{Login: "ada2", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "King"}, "ACTIVE")
	w.sync()
	_, err := w.w.Relink(t.Context(), Relink{New: married.ID, Old: old.ID, Actor: "olga", Reason: "married"})
	require.NoError(t, err)
	r := w.unlink(false)
	assert.EqualValues(t, 1, r.Cleared, "the account still carries the old id, which is ours as well")
	assert.Equal(t, 1, w.cleared())
}

func TestC3_WithoutLinksNothingIsClearedUnlessFromZenQMS(t *testing.T) {
	w := newWorld(t)
	users := w.staffOf(t, 6)
	w.org.SetStatus(users[1].ID, "DEPROVISIONED")
	w.org.Delete(users[2].ID)
	w.acct.AddUser(zenqmstest.User{Email: "h@example.com", FirstName: "H", LastName: "R", Active: true, ExternalID: "HR-4711"})
	w.acct.AddUser(zenqmstest.User{Email: "g@example.com", FirstName: "G", LastName: "R", Active: true, ExternalID: "00g1234567890abcdefg"})
	w.acct.AddUser(zenqmstest.User{Email: "o@example.com", FirstName: "O", LastName: "T", Active: true, ExternalID: "00uotherorgs0000001x"})
	twin := w.acct.AddUser(zenqmstest.User{Email: "t@example.com", FirstName: "T", LastName: "W", Active: true, ExternalID: users[0].ID})
	lost := newWorld(t)
	lost.org, lost.acct, lost.w.Okta, lost.w.ZenQMS = w.org, w.acct, w.w.Okta, w.w.ZenQMS
	lost.stand(New)
	w.acct.ResetCalls()

	s, err := lost.unlinking().Survey(t.Context(), false)
	require.NoError(t, err)
	assert.True(t, s.Nothing())
	assert.Empty(t, w.acct.Calls())

	s, err = lost.unlinking().Survey(t.Context(), true)
	require.NoError(t, err)
	assert.False(t, s.Nothing())
	assert.False(t, s.ByForm)
	assert.Len(t, s.Found, 6, "five of Okta's users, of whom one is inactive and one has two accounts")
	assert.Len(t, s.Unknown, 2, "a deleted user's, and one of another org: Okta does not know them")
	assert.Empty(t, w.writes(), "a survey writes nothing")
	assert.Equal(t, New, lost.stage().Life)

	broken, cancel := context.WithCancel(t.Context())
	_, err = lost.unlinking().Run(broken, s, func(done, _ int64) {
		if done == 2 {
			cancel()
		}
	})
	require.Error(t, err)
	r := lost.unlink(false)
	assert.EqualValues(t, 6, r.Cleared, "run again without the flag, it goes on as it began")
	lost.onlyCleared()
	for _, id := range []string{"HR-4711", "00g1234567890abcdefg", "00uotherorgs0000001x", users[2].ID} {
		_, kept := w.acct.ByExternalID(id)
		assert.True(t, kept, "C3: %s is left alone", id)
	}
	u, _ := w.acct.User(twin.ID)
	assert.Empty(t, u.ExternalID)
	assert.Equal(t, Unlinked, lost.stage().Life)
}

func TestC3_FromZenQMSGoesByTheFormOnlyWhenOktaIsRevoked(t *testing.T) {
	w := newWorld(t)
	w.staffOf(t, 2)
	w.acct.AddUser(zenqmstest.User{Email: "h@example.com", FirstName: "H", LastName: "R", Active: true, ExternalID: "HR-4711"})
	lost := newWorld(t)
	lost.org, lost.acct, lost.w.Okta, lost.w.ZenQMS = w.org, w.acct, w.w.Okta, w.w.ZenQMS
	lost.stand(New)

	w.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Status: 400})
	_, err := lost.unlinking().Survey(t.Context(), true)
	require.Error(t, err, "an Okta that merely fails will say more later")
	w.org.ClearFaults()
	w.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Status: 401})
	s, err := lost.unlinking().Survey(t.Context(), true)
	require.NoError(t, err)
	assert.True(t, s.ByForm)
	assert.Len(t, s.Found, 2)
	r, err := lost.unlinking().Run(t.Context(), s, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 2, r.Cleared)
	assert.Error(t, r.HookErr)
	_, kept := w.acct.ByExternalID("HR-4711")
	assert.True(t, kept)
}

func TestC7_UnlinkRefusesAnotherPairOfServers(t *testing.T) {
	w := newWorld(t)
	w.staffOf(t, 1)
	_, err := w.deployment("", "").Begin(t.Context())
	require.NoError(t, err)
	u := w.unlinking()
	u.Binding.ZenQMSURL = "https://sandbox.example.com"
	var foreign *ErrForeign
	_, err = u.Survey(t.Context(), false)
	assert.ErrorAs(t, err, &foreign)
	_, err = u.Run(t.Context(), UnlinkSurvey{}, nil)
	assert.ErrorAs(t, err, &foreign)
	assert.Zero(t, w.cleared())
}
