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

func TestM1_FieldsAreMappedAndTrimmedAndNothingElseIsSent(t *testing.T) {
	w := newWorld(t)
	u := w.org.AddUser(oktatest.Profile{Login: "ada", Email: " Ada.Byron@example.com ", FirstName: " Ada", LastName: "Byron\t", Title: " Analyst ",
		Extra: map[string]any{"mobilePhone": "+44 20", "department": "QA"}}, "ACTIVE")
	w.sync()

	require.Len(t, w.writes(), 1)
	assert.Equal(t, map[string]any{"email": "Ada.Byron@example.com", "first_name": "Ada", "last_name": "Byron", "title": "Analyst",
		"is_active": true, "external_id": u.ID}, w.writes()[0].Body, "M1: these six fields, trimmed, and no others")
	assert.Equal(t, []string{"create ok"}, w.lastLog(u.ID, 9))
	assert.Equal(t, u.ID, w.link(u.ID).OktaID)
}

func TestM2_StatusDecidesActivity(t *testing.T) {
	cases := []struct {
		status    string
		overrides map[string]Meaning
		want      Meaning
	}{
		{"ACTIVE", nil, Live}, {"PROVISIONED", nil, Live}, {"STAGED", nil, Live}, {"RECOVERY", nil, Live},
		{"PASSWORD_EXPIRED", nil, Live}, {"LOCKED_OUT", nil, Live},
		{"SUSPENDED", nil, Gone}, {"DEPROVISIONED", nil, Gone}, {store.Deleted, nil, Gone},
		{"ACTIVATING", nil, LeaveAlone}, {"", nil, LeaveAlone}, {"NEW_IN_2031", nil, LeaveAlone},
		{"LOCKED_OUT", map[string]Meaning{"LOCKED_OUT": Gone}, Gone},
		{"STAGED", map[string]Meaning{"STAGED": LeaveAlone}, LeaveAlone},
		{"SUSPENDED", map[string]Meaning{"SUSPENDED": Live}, Live},
		{store.Deleted, map[string]Meaning{store.Deleted: Live}, Gone},
	}
	for _, c := range cases {
		assert.Equal(t, c.want, Policy{Statuses: c.overrides}.Meaning(c.status), "M2: %s with %v", c.status, c.overrides)
	}
}

func TestM2_EveryGoneStatusDeactivatesAndEveryLiveOneActivates(t *testing.T) {
	for _, status := range []string{"SUSPENDED", "DEPROVISIONED"} {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.sync()
		w.org.SetStatus(u.ID, status)
		w.sync()
		assert.False(t, w.account(u.ID).Active, "M2: %s is inactive", status)
		assert.Equal(t, "deactivate ok", w.lastLog(u.ID, 1)[0])
	}
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.sync()
	w.org.SetStatus(u.ID, "ACTIVE")
	w.sync()
	assert.True(t, w.account(u.ID).Active, "M2: unsuspended is active")
	assert.Equal(t, "activate ok", w.lastLog(u.ID, 1)[0])
}

func TestM2_DeletedInOktaIsInactive(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.Delete(u.ID)
	w.sync()
	assert.False(t, w.account(u.ID).Active, "M2: a user whose id reads 404 is inactive")
	assert.Equal(t, u.ID, w.link(u.ID).OktaID, "the link stays: it says whose account it is")
}

func TestM2_UnknownStatusIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.ResetCalls()
	w.org.SetStatus(u.ID, "ACTIVATING")
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.sync()
	assert.Empty(t, w.acct.Calls(), "M2: a status without meaning costs ZenQMS no call")
	assert.True(t, w.account(u.ID).Active)
	assert.Equal(t, "none unchanged", w.lastLog(u.ID, 1)[0])

	w.org.SetStatus(u.ID, "ACTIVE")
	w.walk(store.ReconcileRun)
	assert.Equal(t, "Chief", w.account(u.ID).Title, "what happened meanwhile is applied once the status means something")
}

func TestM3_MissingFieldsSkipAndNothingIsSent(t *testing.T) {
	cases := []struct {
		profile oktatest.Profile
		reason  string
	}{
		{oktatest.Profile{Login: "x", FirstName: "Ada", LastName: "Byron"}, "Okta has no email; fill it in there"},
		{oktatest.Profile{Email: "a@example.com", FirstName: "Ada"}, "Okta has no last name; fill it in there"},
		{oktatest.Profile{Email: "a@example.com", FirstName: " ", LastName: "Byron"}, "Okta has no first name; fill it in there"},
		{oktatest.Profile{Login: "x"}, "Okta has no email and no first name and no last name; fill it in there"},
	}
	for _, c := range cases {
		w := newWorld(t)
		u := w.org.AddUser(c.profile, "ACTIVE")
		w.sync()
		assert.Empty(t, w.acct.Calls(), "M3: nothing is sent, nor asked")
		assert.Equal(t, store.SkipMissing, w.skip(u.ID).Code)
		assert.Equal(t, c.reason, w.skip(u.ID).Reason, "M3: the reason names what is missing")
	}
}

func TestM3_TheSkipWaitsUntilTheUserMovesAndGoesWhenASyncSucceeds(t *testing.T) {
	w := newWorld(t)
	u := w.org.AddUser(oktatest.Profile{Email: "ada@example.com", FirstName: "Ada"}, "ACTIVE")
	w.sync()
	w.org.ResetCalls()
	w.walk(store.ReconcileRun)
	assert.Zero(t, w.org.Count("GET /api/v1/users/{id}"), "M3: a walk leaves the waiting skip without a call")
	assert.Empty(t, w.acct.Calls())

	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName = "Byron" })
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.skip(u.ID).Code, "M3: the skip goes when a sync succeeds")
	assert.Equal(t, "Byron", w.account(u.ID).LastName)
}

func TestM3_AGoneUserIsNeverInTheSkipReport(t *testing.T) {
	w := newWorld(t)
	u := w.org.AddUser(oktatest.Profile{Email: "ada@example.com", FirstName: "Ada"}, "ACTIVE")
	w.sync()
	require.Equal(t, store.SkipMissing, w.skip(u.ID).Code)
	w.hire("Some", "Body", "ACTIVE")
	w.org.SetStatus(u.ID, "DEPROVISIONED")
	w.org.DropAll() // the walk has to see to it: he is in no plain list any more
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.skip(u.ID).Code)
}

func TestM3_ALinkedUserWithMissingFieldsIsNotLockedOut(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.sync()
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName, p.Title = "", "Chief" })
	w.org.SetStatus(u.ID, "ACTIVE")
	w.acct.ResetCalls()
	w.sync()
	require.Len(t, w.writes(), 1)
	assert.Equal(t, map[string]any{"is_active": true}, w.writes()[0].Body, "M3: is_active is sent all the same, and nothing else")
	assert.Equal(t, store.SkipMissing, w.skip(u.ID).Code)
	assert.Equal(t, []string{"skip skipped", "activate ok"}, w.lastLog(u.ID, 2))
}

func TestM4_ABlankTitleNeverOverwrites(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "" })
	w.sync()
	assert.Equal(t, "Analyst", w.account(u.ID).Title, "M4: a title that Okta lost stays in ZenQMS")
}

func TestM4_TheDefaultTitleIsForNewUsersWithoutOne(t *testing.T) {
	for _, c := range []struct{ deflt, own, want string }{{"Employee", "", "Employee"}, {"Employee", "Chief", "Chief"}, {"", "", ""}} {
		w := newWorld(t, func(o *worldOptions) { o.policy.DefaultTitle = c.deflt })
		w.org.AddUser(oktatest.Profile{Email: "ada@example.com", FirstName: "Ada", LastName: "Byron", Title: c.own}, "ACTIVE")
		w.sync()
		require.Len(t, w.writes(), 1)
		title, sent := w.writes()[0].Body["title"]
		assert.Equal(t, c.want != "", sent, "M4: without a title and a default, none is sent")
		if sent {
			assert.Equal(t, c.want, title)
		}
	}
}

func TestM5_OnlyWhatDiffersIsSent(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	cases := []struct {
		change func(*oktatest.Profile)
		want   map[string]any
	}{
		{func(p *oktatest.Profile) { p.Title = "Chief" }, map[string]any{"title": "Chief"}},
		{func(p *oktatest.Profile) { p.FirstName = "Augusta" }, map[string]any{"first_name": "Augusta"}},
		{func(p *oktatest.Profile) { p.LastName = "King" }, map[string]any{"last_name": "King"}},
		{func(p *oktatest.Profile) { p.Email = "king@example.com" }, map[string]any{"email": "king@example.com"}},
		{func(p *oktatest.Profile) { p.Email = "KING@example.com" }, nil},
		{func(p *oktatest.Profile) { p.Extra = map[string]any{"department": "QA"} }, nil},
		{func(p *oktatest.Profile) { p.Title = "Chief " }, nil},
	}
	for i, c := range cases {
		w.pass(time.Minute)
		w.acct.ResetCalls()
		w.org.UpdateProfile(u.ID, c.change)
		w.sync()
		if c.want == nil {
			assert.Empty(t, w.writes(), "M5: case %d differs in nothing that counts", i)
			assert.Equal(t, "none unchanged", w.lastLog(u.ID, 1)[0])
			continue
		}
		require.Len(t, w.writes(), 1, "M5: case %d", i)
		assert.Equal(t, c.want, w.writes()[0].Body, "M5: case %d sends what differs and nothing else", i)
		assert.Equal(t, "update ok", w.lastLog(u.ID, 1)[0])
	}
}

func TestM6_GoneUserKeepsHisName(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) {
		p.FirstName, p.LastName, p.Email, p.Title = "Former", "", "gone-1@example.com", "None"
	})
	w.org.SetStatus(u.ID, "DEPROVISIONED")
	w.acct.ResetCalls()
	w.sync()
	require.Len(t, w.writes(), 1)
	assert.Equal(t, map[string]any{"is_active": false}, w.writes()[0].Body, "M6: of a gone user only is_active is sent")
	assert.Equal(t, "Byron", w.account(u.ID).LastName)
	assert.Empty(t, w.skip(u.ID).Code)
}

func TestM6_AGoneUserFoundByAddressIsLinkedAndDeactivatedAndNothingElse(t *testing.T) {
	w := newWorld(t)
	z := w.acct.AddUser(zenqmstest.User{Email: "ada.byron@example.com", FirstName: "A.", LastName: "Lovelace", Title: "Countess", Active: true})
	u := w.hire("Ada", "Byron", "DEPROVISIONED")
	w.walk(store.InitialRun)
	require.Len(t, w.writes(), 1)
	assert.Equal(t, map[string]any{"is_active": false, "external_id": u.ID}, w.writes()[0].Body)
	got, _ := w.acct.User(z.ID)
	assert.Equal(t, "Lovelace", got.LastName)
}

func TestM6_ARefusedDeactivationIsNeverLostSilently(t *testing.T) {
	w := newWorld(t)
	w.w.MaxAttempts = 3
	w.hire("Some", "Body", "ACTIVE")
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Fail(zenqmstest.OnUpdate, zenqmstest.Always, zenqmstest.Fault{Status: 422, Message: "the last super user stays"})
	w.org.SetStatus(u.ID, "DEPROVISIONED")
	w.hooks()
	for range 6 {
		w.drain()
		w.pass(15 * time.Minute)
	}
	dead := w.report("dead", store.ReportArgs{})
	require.Len(t, dead, 1, "M6: a leaver who stays in is a matter of the report of dead work")
	assert.Contains(t, dead[0]["error"], "the last super user stays")
	assert.Empty(t, w.skip(u.ID).Code, "M3: a gone user is never in the skip report")

	w.acct.Heal()
	w.walk(store.ReconcileRun)
	assert.False(t, w.account(u.ID).Active, "E4: a walk that finds the user different revives him")
	assert.Empty(t, w.report("dead", store.ReportArgs{}), "E2: success closes older dead rows too")
}
