package oktatest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestGroups_AreFound(t *testing.T) {
	a := start(t, oktatest.Options{})
	qa, qc := a.org.AddGroup("QA Reviewers"), a.org.AddGroup("QA Controllers")
	everyone := a.org.Everyone()
	require.Regexp(t, `^00g[0-9A-Za-z]{17}$`, qa)

	assert.Equal(t, []string{everyone, qa, qc}, a.get("/api/v1/groups").ids(t))
	assert.Equal(t, []string{qa, qc}, a.get("/api/v1/groups?q=qa").ids(t))
	assert.Empty(t, a.get("/api/v1/groups?q=Reviewers").ids(t), "q matches the beginning of a name")
	query := func(param, expression string) answer {
		return a.get("/api/v1/groups?" + param + "=" + url.QueryEscape(expression))
	}
	assert.Equal(t, []string{qa}, query("search", `profile.name eq "QA Reviewers"`).ids(t))
	assert.Equal(t, []string{qa, qc}, query("filter", `type eq "OKTA_GROUP"`).ids(t))
	assert.Equal(t, "E0000031", query("filter", `profile.name eq "QA Reviewers"`).code(t), "filter knows no names")

	a.org.RenameGroup(qa, "Reviewers")
	got := a.get("/api/v1/groups/" + qa).object(t)
	assert.Equal(t, map[string]any{"name": "Reviewers", "description": nil}, got["profile"])
	a.org.DeleteGroup(qa)
	for _, path := range []string{"", "/users"} {
		r := a.get("/api/v1/groups/" + qa + path)
		assert.Equal(t, http.StatusNotFound, r.status)
		assert.Equal(t, "E0000007", r.code(t))
	}
	assert.Equal(t, []string{everyone, qc}, a.get("/api/v1/groups").ids(t))
	assert.Equal(t, []string{
		"group.lifecycle.create", "group.lifecycle.create", "group.profile.update", "group.lifecycle.delete",
	}, types(a.org.Pending()))
}

func TestGroups_Page(t *testing.T) {
	a := start(t, oktatest.Options{PageSizeMax: 2})
	for _, name := range []string{"a", "b", "c"} {
		a.org.AddGroup(name)
	}
	ids, pages := a.walk("/api/v1/groups")
	assert.Len(t, ids, 4)
	assert.Equal(t, 2, pages)
}

func TestMembers(t *testing.T) {
	for name, omit := range map[string]bool{"with deprovisioned": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			a := start(t, oktatest.Options{PageSizeMax: 2, OmitDeprovisionedMembers: omit})
			g := a.org.AddGroup("QA")
			var all []string
			for _, n := range []string{"ann", "bob", "cat", "dan", "eve"} {
				u := a.org.Seed(person(n), oktatest.Active)
				a.org.AddMember(g, u.ID)
				all = append(all, u.ID)
			}
			a.org.RemoveMember(g, all[1])
			a.org.SetStatus(all[2], oktatest.Deprovisioned)
			a.org.AddMember(g, all[1])
			want := []string{all[0], all[2], all[3], all[4], all[1]}
			if omit {
				want = []string{all[0], all[3], all[4], all[1]}
			}
			ids, _ := a.walk("/api/v1/groups/" + g + "/users")
			assert.Equal(t, want, ids)
			assert.Equal(t, []string{a.org.Everyone(), g}, a.get("/api/v1/users/"+all[0]+"/groups").ids(t))

			a.org.DeleteGroup(g)
			assert.Equal(t, []string{a.org.Everyone()}, a.get("/api/v1/users/"+all[0]+"/groups").ids(t))
			assert.Equal(t, http.StatusNotFound, a.get("/api/v1/users/00unobody/groups").status)
		})
	}
}

func TestMembership_EventNamesUserAndGroup(t *testing.T) {
	org := oktatest.New(oktatest.Options{})
	g, u := org.AddGroup("QA"), org.Seed(person("ann"), oktatest.Active)
	org.DropAll()
	org.AddMember(g, u.ID)
	org.AddMember(g, u.ID)
	org.RemoveMember(g, u.ID)
	org.RemoveMember(g, u.ID)
	events := org.Pending()
	require.Equal(t, []string{"group.user_membership.add", "group.user_membership.remove"}, types(events), "what changes nothing is no event")
	for _, e := range events {
		require.Len(t, e.Targets, 2)
		assert.Equal(t, oktatest.Target{ID: u.ID, Type: "User", AlternateID: "ann@example.com", DisplayName: "Ann Example"}, e.Targets[0])
		assert.Equal(t, oktatest.Target{ID: g, Type: "UserGroup", AlternateID: "unknown", DisplayName: "QA"}, e.Targets[1])
	}
}
