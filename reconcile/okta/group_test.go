package okta_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestGroupsOfAUserAndMembersOfAGroup(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{PageSizeMax: 2})
	qa := org.AddGroup("QA")
	var want []string
	for i := range 5 {
		u := org.Seed(oktatest.Profile{Email: fmt.Sprintf("u%d@example.com", i)}, oktatest.Active)
		org.AddMember(qa, u.ID)
		want = append(want, u.ID)
	}
	org.SetStatus(want[4], oktatest.Deprovisioned)

	var got []string
	for after := ""; ; {
		page, err := c.GroupMembers(t.Context(), qa, after)
		require.NoError(t, err)
		for _, u := range page.Users {
			got = append(got, u.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	assert.Equal(t, want, got)
	assert.Contains(t, org.Calls()[0].Query, "limit=200")

	groups, err := c.UserGroups(t.Context(), want[0])
	require.NoError(t, err)
	assert.ElementsMatch(t, []okta.Group{
		{ID: org.Everyone(), Name: "Everyone", Type: "BUILT_IN"},
		{ID: qa, Name: "QA", Type: "OKTA_GROUP"},
	}, groups)
}

func TestUserGroupsFollowsALinkIfThereIsOne(t *testing.T) {
	c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			page(`[{"id":"00g1","type":"OKTA_GROUP","profile":{"name":"a"}}]`, `</api/v1/users/00u1/groups?after=2>; rel="next"`)(w, r)
			return
		}
		page(`[{"id":"00g2","type":"APP_GROUP","profile":{"name":7}}]`)(w, r)
	}))
	groups, err := c.UserGroups(t.Context(), "00u1")
	require.NoError(t, err)
	assert.Equal(t, []okta.Group{{ID: "00g1", Name: "a", Type: "OKTA_GROUP"}, {ID: "00g2", Name: "7", Type: "APP_GROUP"}}, groups)
}

func TestFindGroups(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{PageSizeMax: 1, FilterIgnoresCase: true})
	one, two := org.AddGroup("Reviewers"), org.AddGroup("Reviewers")
	org.AddGroup("reviewers")
	org.AddGroup("Reviewers of old")
	odd := org.AddGroup(`a "quoted" \ name`)
	idlike := org.AddGroup("00gNoSuchId")

	for _, tc := range []struct {
		nameOrID string
		want     []string
	}{
		{"Reviewers", []string{one, two}},
		{two, []string{two}},
		{`a "quoted" \ name`, []string{odd}},
		{"00gNoSuchId", []string{idlike}},
		{"Review", nil},
		{"00gNobody", nil},
	} {
		t.Run(tc.nameOrID, func(t *testing.T) {
			groups, err := c.FindGroups(t.Context(), tc.nameOrID)
			require.NoError(t, err)
			var got []string
			for _, g := range groups {
				got = append(got, g.ID)
			}
			assert.ElementsMatch(t, tc.want, got)
		})
	}
}

func TestFindGroupsDoesNotGuessWhenOktaFails(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	id := org.AddGroup("Reviewers")
	org.Fail(oktatest.Match{Route: "/api/v1/groups/{id}"}, 1, oktatest.Fault{Status: http.StatusInternalServerError})
	_, err := c.FindGroups(t.Context(), id)
	assert.Equal(t, http.StatusInternalServerError, okta.StatusOf(err))
}

func TestDeletedGroupIsNotFound(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	id := org.AddGroup("Reviewers")
	got, err := c.Group(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, okta.Group{ID: id, Name: "Reviewers", Type: "OKTA_GROUP"}, got)

	org.DeleteGroup(id)
	_, err = c.Group(t.Context(), id)
	assert.True(t, okta.IsNotFound(err))
	_, err = c.GroupMembers(t.Context(), id, "")
	assert.True(t, okta.IsNotFound(err))
}

func TestAnswerAboutAnotherIsAnError(t *testing.T) {
	c := tokenClient(t, page(`{"id":"other"}`))
	_, err := c.Group(t.Context(), "00g1")
	assert.ErrorContains(t, err, "asked for id 00g1")
	_, err = c.User(t.Context(), "00u1")
	assert.ErrorContains(t, err, "asked for id 00u1")
	_, err = c.Hook(t.Context(), "who1")
	assert.ErrorContains(t, err, "asked for id who1")
}
