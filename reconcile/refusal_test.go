package reconcile

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func TestL4_WhatARefusalIsAbout(t *testing.T) {
	text, yes := "x", true
	all := zenqms.Patch{ExternalID: &text, Email: &text, FirstName: &text, LastName: &text, Title: &text, Active: &yes}
	named := func(status int, fields ...string) error {
		e := &zenqms.Error{Status: status}
		for _, f := range fields {
			e.Fields = append(e.Fields, zenqms.FieldError{Field: f})
		}
		return e
	}
	cases := map[string]struct {
		err   error
		patch zenqms.Patch
		want  []string
	}{
		"named":                             {named(422, "title"), all, []string{"title"}},
		"several are named":                 {named(422, "title", "is_active"), all, []string{"title", "is_active"}},
		"one is named twice":                {named(422, "title", "title"), all, []string{"title"}},
		"named beside one that was not":     {named(422, "roles", "title"), all, []string{"title"}},
		"one that was not sent":             {named(422, "roles"), all, []string{"email", "first_name", "last_name", "title"}},
		"none":                              {named(400), all, []string{"email", "first_name", "last_name", "title"}},
		"none, of some":                     {named(400), zenqms.Patch{Title: &text, Active: &yes}, []string{"title"}},
		"taken":                             {named(409), all, []string{"email"}},
		"taken, and named":                  {named(409, "external_id"), all, []string{"external_id"}},
		"taken, with no address":            {named(409), zenqms.Patch{Title: &text, Active: &yes}, []string{"title"}},
		"no texts were sent":                {named(400), zenqms.Patch{ExternalID: &text, Active: &yes}, nil},
		"no texts were sent, one is named":  {named(422, "external_id"), zenqms.Patch{ExternalID: &text, Active: &yes}, []string{"external_id"}},
		"no texts were sent, the link only": {named(409), zenqms.Patch{ExternalID: &text}, []string{"external_id"}},
	}
	for name, c := range cases {
		assert.Equal(t, c.want, blamed(c.err, c.patch), "L4: %s", name)
	}
}

func TestL4_ZenQMSsOwnWords(t *testing.T) {
	for want, err := range map[string]error{
		"taken":               &zenqms.Error{Message: "taken"},
		"taken; title: long":  &zenqms.Error{Message: "taken", Fields: []zenqms.FieldError{{Field: "title", Message: "long"}}},
		"title: long; broken": &zenqms.Error{Fields: []zenqms.FieldError{{Field: "title", Message: "long"}, {Message: "broken"}}},
		"something else":      errors.New("something else"),
	} {
		assert.Equal(t, want, words(err))
	}
	silent := &zenqms.Error{Op: "update the user", Status: 400}
	assert.Equal(t, silent.Error(), words(silent))
}

func TestL4_AnAddressRefusedThoughNobodyHasItIsNoConflict(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.pass(time.Minute)
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email = "king@example.com" })
	w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 409, Message: "in use in another account"})
	w.sync()
	assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
	assert.Equal(t, []string{"email"}, w.skip(u.ID).Fields)
	assert.Contains(t, w.skip(u.ID).Reason, "ZenQMS does not take email: in use in another account")
	assert.Equal(t, []string{"skip skipped", "create ok"}, w.lastLog(u.ID, 9), "A1: nothing was sent")
}

func TestL1_ALostCreateIsFoundAtOnce(t *testing.T) {
	for _, o := range []zenqmstest.Options{{}, {IgnoreExternalIDFilter: true}, {RefuseExternalIDFilter: true}} {
		w := newWorld(t, func(wo *worldOptions) { wo.zenqms = o })
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{DropAfter: true})
		w.sync()
		assert.Equal(t, []string{"done", "done"}, w.states(u.ID), "L1: a lost answer leads to a live search")
		assert.Equal(t, idText(w.account(u.ID).ID), w.link(u.ID).ZenQMSID)
	}
}

// A lost create that did not happen, while somebody made an account of that
// address: it is not this create's.
func TestL1_AnAccountOfTheAddressIsNotTheOneThatWasLost(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	whole, lost := w.acct.Transport(), false
	client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: -1,
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost && r.URL.Path == "/v2/users" && !lost {
				lost = true
				w.acct.AddUser(zenqmstest.User{Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron", ExternalID: "00uOther0000000000001"})
				return nil, errors.New("connection reset")
			}
			return whole.RoundTrip(r)
		})})
	require.NoError(t, err)
	w.w.ZenQMS = client
	w.sync()
	require.True(t, lost)
	assert.Empty(t, w.link(u.ID).OktaID, "L1: an answer counts only for rows that carry the value asked for")
	w.pass(time.Minute)
	w.drain()
	assert.Equal(t, store.SkipConflict, w.skip(u.ID).Code)
}

func TestL4_ARefusedCreateIsNotLookedFor(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 422, Message: "no"})
	w.acct.ResetCalls()
	w.sync()
	calls := w.acct.Calls()
	assert.Equal(t, "/v2/users", calls[len(calls)-1].Path, "only a 409 or a lost answer leads to a search")
	assert.Equal(t, []string{"skipped", "skipped"}, w.states(u.ID))
	assert.Equal(t, []string{"skip skipped"}, w.lastLog(u.ID, 9))
	assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
}

func TestL1_ASearchThatFailsAfterA409ConcludesNothing(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 409, Message: "taken"})
	w.acct.Fail(zenqmstest.OnSearch, 2, zenqmstest.Fault{Latency: time.Nanosecond})
	w.acct.Fail(zenqmstest.OnSearch, 1, zenqmstest.Fault{Status: 503})
	w.sync()
	assert.Empty(t, w.skip(u.ID).Code, "L1: a live search before any verdict")
	assert.Equal(t, []string{"open", "open"}, w.states(u.ID))
	w.pass(time.Minute)
	w.drain()
	assert.Equal(t, u.ID, w.account(u.ID).ExternalID)
}

func TestK1_WhenTheWorkerMayUseTheDirectory(t *testing.T) {
	w := newWorld(t)
	young := store.Row{Origin: store.FromReconcile, RunStarted: w.now().Add(-time.Hour), Attempts: 1}
	assert.Equal(t, youngReading, w.w.basisOf(store.Claim{Rows: []store.Row{young}}), "K1: of this very hour")
	for name, change := range map[string]func(*store.Row){
		"a hook":                     func(r *store.Row) { r.Origin = store.FromHook },
		"a manual sync":              func(r *store.Row) { r.Origin = store.FromManual },
		"what a person approved":     func(r *store.Row) { r.Cleared = store.Approved },
		"a second attempt":           func(r *store.Row) { r.Attempts = 2 },
		"a late look":                func(r *store.Row) { r.Looks = 1 },
		"no run":                     func(r *store.Row) { r.RunStarted = time.Time{} },
		"a second attempt at a hook": func(r *store.Row) { r.Origin, r.Attempts = store.FromHook, 2 },
	} {
		other := young
		change(&other)
		assert.Equal(t, askAnew, w.w.basisOf(store.Claim{Rows: []store.Row{young, other}}), "K1: %s", name)
	}
	old := young
	old.RunStarted = old.RunStarted.Add(-time.Millisecond)
	assert.Equal(t, oldReading, w.w.basisOf(store.Claim{Rows: []store.Row{young, old}}), "K1: older than an hour")
	young.Origin, young.Cleared = store.FromInitial, store.ClearedByWalk
	assert.Equal(t, youngReading, w.w.basisOf(store.Claim{Rows: []store.Row{young}}))
}

func TestK1_WhatNeverRestsOnAWalksReading(t *testing.T) {
	for want, decisions := range map[bool][]Decision{
		true: {{Action: store.ActDeactivate}, {Action: store.ActActivate}, {Action: store.ActRelink}, {Action: store.ActNone, DropLink: true},
			{Action: store.ActSkip, Skip: &Reason{Code: store.SkipConflict}}, {Action: store.ActSkip, Skip: &Reason{Code: store.SkipAmbiguous}}},
		false: {{Action: store.ActNone}, {Action: store.ActCreate}, {Action: store.ActUpdate}, {Action: store.ActLink},
			{Action: store.ActSkip, Skip: &Reason{Code: store.SkipMissing}}},
	} {
		for _, d := range decisions {
			assert.Equal(t, want, needsFresh(d), "K1: %+v", d)
		}
	}
}

func TestW1_WhatPushes(t *testing.T) {
	for _, c := range []struct {
		row  store.Row
		want bool
	}{
		{store.Row{Origin: store.FromInitial}, true}, {store.Row{Origin: store.FromManual}, true},
		{store.Row{Origin: store.FromReconcile, Cleared: store.Approved}, true}, {store.Row{Origin: store.FromHook, Cleared: store.Approved}, true},
		{store.Row{Origin: store.FromReconcile, Cleared: store.ClearedByWalk}, false}, {store.Row{Origin: store.FromHook}, false},
	} {
		assert.Equal(t, c.want, pushes(store.Claim{Rows: []store.Row{{Origin: store.FromHook}, c.row}}), "W1: %+v", c.row)
	}
}

func TestB1_WhatPassesTheBrake(t *testing.T) {
	for _, c := range []struct {
		row  store.Row
		want bool
	}{
		{store.Row{Origin: store.FromManual}, true},
		{store.Row{Origin: store.FromReconcile, Action: store.ActDeactivate, Cleared: store.ClearedByWalk}, true},
		{store.Row{Origin: store.FromHook, Action: store.ActDeactivate, Cleared: store.Approved}, true},
		{store.Row{Origin: store.FromReconcile, Action: store.ActActivate, Cleared: store.Approved}, false},
		{store.Row{Origin: store.FromReconcile, Action: store.ActDeactivate}, false},
		{store.Row{Origin: store.FromReconcile, Cleared: store.ClearedByWalk}, false},
		{store.Row{Origin: store.FromInitial}, false}, {store.Row{Origin: store.FromHook}, false},
	} {
		assert.Equal(t, c.want, passes(store.Claim{Rows: []store.Row{{Origin: store.FromHook}, c.row}}, store.ActDeactivate), "B1: %+v", c.row)
	}
}
