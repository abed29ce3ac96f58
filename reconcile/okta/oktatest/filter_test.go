package oktatest_test

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestFilterAndSearch(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a := start(t, oktatest.Options{Now: func() time.Time { return now }})
	ann := a.org.Seed(person("ann"), oktatest.Active).ID
	bob := a.org.Seed(oktatest.Profile{Login: "bob", Email: "Bob@example.com", FirstName: `Bob "Q"`, LastName: "Example"}, oktatest.Deprovisioned).ID
	now = now.Add(time.Hour)
	cat := a.org.Seed(person("cat"), oktatest.Suspended).ID

	for _, c := range []struct {
		expression string
		want       []string
	}{
		{`status eq "DEPROVISIONED"`, []string{bob}},
		{`status eq "ACTIVE" or status eq "SUSPENDED"`, []string{ann, cat}},
		{`id eq "` + ann + `"`, []string{ann}},
		{`id eq "00unobody"`, []string{}},
		{`profile.login eq "bob"`, []string{bob}},
		{`profile.email eq "Bob@example.com"`, []string{bob}},
		{`profile.email eq "bob@example.com"`, []string{}},
		{`profile.firstName eq "Bob \"Q\""`, []string{bob}},
		{`profile.lastName eq "Example" and status eq "ACTIVE"`, []string{ann}},
		{`lastUpdated gt "2026-03-01T12:00:00.000Z"`, []string{cat}},
		{`lastUpdated ge "2026-03-01T12:00:00.000Z"`, []string{ann, bob, cat}},
		{`lastUpdated lt "2026-03-01T13:00:00.000Z"`, []string{ann, bob}},
		{`lastUpdated le "2026-03-01T14:00:00+01:00"`, []string{ann, bob, cat}},
		{`lastUpdated EQ "2026-03-01T13:00:00Z"`, []string{cat}},
		{`status eq "SUSPENDED" or status eq "ACTIVE" and profile.login eq "bob"`, []string{cat}},
		{`(status eq "SUSPENDED" or status eq "ACTIVE") and profile.lastName eq "Example"`, []string{ann, cat}},
	} {
		assert.Equal(t, c.want, a.filter("filter", c.expression), "filter %s", c.expression)
		assert.Equal(t, c.want, a.filter("search", c.expression), "search %s", c.expression)
	}
	assert.Equal(t, []string{cat}, a.filter("search", `created gt "2026-03-01T12:00:00.000Z"`))
	assert.Equal(t, []string{ann, bob}, a.filter("search", `statusChanged lt "2026-03-01T12:30:00.000Z"`))
	assert.Equal(t, []string{ann}, a.get("/api/v1/users?q=AN").ids(t))
	assert.Equal(t, []string{ann, cat}, a.get("/api/v1/users?q=exam").ids(t), "q omits DEPROVISIONED")
}

func TestFilter_WhatOktaRefusesIsRefused(t *testing.T) {
	a := start(t, oktatest.Options{})
	for _, expression := range []string{
		`created gt "2026-03-01T12:00:00.000Z"`, // search alone
		`profile.title eq "Chemist"`,            // search alone
		`profile.department eq "QA"`,
		`status ne "ACTIVE"`,
		`id pr`,
		`profile.email sw "a"`,
		`profile.email gt "a"`,
		`status eq ACTIVE`,
		`status eq "ACTIVE`,
		`status eq "ACTIVE" profile.login eq "x"`,
		`status eq "ACTIVE" and`,
		`(status eq "ACTIVE"`,
		`lastUpdated gt "yesterday"`,
		`status`,
	} {
		r := a.get("/api/v1/users?filter=" + url.QueryEscape(expression))
		assert.Equal(t, http.StatusBadRequest, r.status, expression)
		assert.Equal(t, "E0000031", r.code(t), expression)
	}
	assert.Equal(t, "E0000031", a.get("/api/v1/users?sortBy=id").code(t))
}

func TestFilter_CanIgnoreCase(t *testing.T) {
	a := start(t, oktatest.Options{FilterIgnoresCase: true})
	u := a.org.Seed(oktatest.Profile{Email: "Ann@example.com"}, oktatest.Active)
	assert.Equal(t, []string{u.ID}, a.filter("filter", `profile.email eq "aNN@example.com"`))
}

func TestFilter_PagesKeepTheExpression(t *testing.T) {
	a := start(t, oktatest.Options{PageSizeMax: 2})
	var want []string
	for _, name := range []string{"ann", "bob", "cat", "dan", "eve"} {
		want = append(want, a.org.Seed(person(name), oktatest.Deprovisioned).ID)
		a.org.Seed(person("x"+name), oktatest.Active)
	}
	ids, pages := a.walk("/api/v1/users?filter=" + url.QueryEscape(`status eq "DEPROVISIONED"`))
	assert.Equal(t, want, ids)
	assert.Equal(t, 3, pages)
}

func TestSearchLag_HidesWhatIsYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := start(t, oktatest.Options{SearchLag: time.Minute})
		old := a.org.Seed(person("ann"), oktatest.Active)
		assert.Equal(t, []string{old.ID}, a.filter("filter", `profile.login eq "ann@example.com"`))

		young := a.org.AddUser(person("bob"), oktatest.Active)
		a.org.UpdateProfile(old.ID, func(p *oktatest.Profile) { p.Email = "new@example.com" })
		assert.Empty(t, a.filter("filter", `profile.login eq "bob@example.com"`))
		assert.Empty(t, a.filter("search", `profile.email eq "new@example.com"`))
		stale := a.get("/api/v1/users?search=" + url.QueryEscape(`profile.email eq "ann@example.com"`))
		assert.Contains(t, string(stale.body), "ann@example.com", "and answers with what it knows")
		assert.Equal(t, "new@example.com", a.get("/api/v1/users/" + old.ID).object(t)["profile"].(map[string]any)["email"])
		assert.Equal(t, []string{old.ID, young.ID}, a.get("/api/v1/users").ids(t), "the plain list does not lag")

		time.Sleep(time.Minute)
		assert.Equal(t, []string{young.ID}, a.filter("filter", `profile.login eq "bob@example.com"`))
		assert.Equal(t, []string{old.ID}, a.filter("search", `profile.email eq "new@example.com"`))

		a.org.Delete(young.ID)
		assert.Equal(t, []string{young.ID}, a.filter("filter", `id eq "`+young.ID+`"`), "a deleted user is still found")
		time.Sleep(time.Minute)
		assert.Empty(t, a.filter("filter", `id eq "`+young.ID+`"`))
	})
}
