package okta_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

// walk reads all pages.
func walk(t *testing.T, c *okta.Client, q okta.Query) []okta.User {
	t.Helper()
	var all []okta.User
	for {
		page, err := c.ListUsers(t.Context(), q)
		require.NoError(t, err)
		all = append(all, page.Users...)
		if q.After = page.Next; q.After == "" {
			return all
		}
	}
}

func TestUserIsReadAsOktaHasHim(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	want := org.Seed(oktatest.Profile{
		Login: "erika", Email: " Erika@Example.com ", FirstName: `Erika "E."`, LastName: "Müller\\Meier", Title: "QA\tLead",
	}, oktatest.Active)
	org.SetTransitioning(want.ID, oktatest.Deprovisioned)
	want, _ = org.User(want.ID)

	got, err := c.User(t.Context(), want.ID)
	require.NoError(t, err)
	assert.Equal(t, okta.User{
		ID: want.ID, Status: "ACTIVE", TransitioningTo: "DEPROVISIONED",
		Login: "erika", Email: " Erika@Example.com ", FirstName: `Erika "E."`, LastName: "Müller\\Meier", Title: "QA\tLead",
		Created: want.Created, LastUpdated: want.LastUpdated,
	}, got)
	assert.Equal(t, []okta.User{got}, walk(t, c, okta.Query{}), "a list says the same")
}

func TestUserIsReadAfreshEachTime(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	u := org.Seed(oktatest.Profile{Email: "a@example.com", Title: "old"}, oktatest.Active)
	_, err := c.User(t.Context(), u.ID)
	require.NoError(t, err)

	org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "new" })
	got, err := c.User(t.Context(), u.ID)
	require.NoError(t, err)
	assert.Equal(t, "new", got.Title)
	assert.Equal(t, "new", walk(t, c, okta.Query{})[0].Title)
}

func TestOddProfileValuesDoNotBreakAPage(t *testing.T) {
	for _, tc := range []struct {
		value any
		want  string
	}{
		{"text", "text"}, {nil, ""}, {17, "17"}, {true, "true"}, {1.50, "1.5"}, {[]string{"a", "b"}, ""},
		{map[string]any{"a": []any{"}", `"`}}, ""}, {"", ""},
	} {
		t.Run(fmt.Sprint(tc.value), func(t *testing.T) {
			org := oktatest.New(oktatest.Options{Token: apiToken}) // these are not what Okta describes
			c := tokenClient(t, org)
			org.Seed(oktatest.Profile{Email: "a@example.com", Extra: map[string]any{"title": tc.value}}, oktatest.Active)
			org.Seed(oktatest.Profile{Email: "b@example.com", Title: "next"}, oktatest.Active)
			users := walk(t, c, okta.Query{})
			require.Len(t, users, 2)
			assert.Equal(t, tc.want, users[0].Title)
			assert.Equal(t, "next", users[1].Title)
		})
	}
}

func TestProfileKeysAreTakenExactly(t *testing.T) {
	const user = `{"id":"00u1","Status":"odd","status":"ACTIVE","profile":{"title":"right","Title":"wrong","TITLE":7,` +
		`"firstname":"wrong","nested":{"email":"wrong","list":[{"login":"wrong"}]},"email":"right@example.com"}}`
	got, err := tokenClient(t, page(user)).User(t.Context(), "00u1")
	require.NoError(t, err)
	assert.Equal(t, okta.User{ID: "00u1", Status: "ACTIVE", Title: "right", Email: "right@example.com"}, got)
}

func TestUserWithoutProfile(t *testing.T) {
	for _, user := range []string{`{"id":"00u1","status":"STAGED"}`, `{"id":"00u1","status":"STAGED","profile":null,"created":null}`} {
		got, err := tokenClient(t, page(user)).User(t.Context(), "00u1")
		require.NoError(t, err)
		assert.Equal(t, okta.User{ID: "00u1", Status: "STAGED"}, got)
	}
}

func TestListUsersWalksAllPagesOfTheQuery(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{PageSizeMax: 2})
	for i := range 5 {
		org.Seed(oktatest.Profile{Email: fmt.Sprintf("live%d@example.com", i)}, oktatest.Active)
		org.Seed(oktatest.Profile{Email: fmt.Sprintf("gone%d@example.com", i)}, oktatest.Deprovisioned)
	}
	assert.Len(t, walk(t, c, okta.Query{}), 5, "a plain list leaves the deprovisioned out")
	gone := walk(t, c, okta.Query{Filter: `status eq "DEPROVISIONED"`})
	assert.Len(t, gone, 5)
	for _, u := range gone {
		assert.Equal(t, "DEPROVISIONED", u.Status)
	}
	assert.Len(t, walk(t, c, okta.Query{Search: `lastUpdated gt "1970-01-01T00:00:00.000Z"`}), 10)
}

func TestListUsersPageSize(t *testing.T) {
	for asked, want := range map[int]string{0: "limit=100", 7: "limit=7", 1000: "limit=200"} {
		org, c := newOrg(t, oktatest.Options{})
		_, err := c.ListUsers(t.Context(), okta.Query{Limit: asked})
		require.NoError(t, err)
		assert.Equal(t, want, org.Calls()[0].Query)
	}
}

func TestE2_UserIsReadByIDOnly(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	for _, id := range []string{"", "me", "erika@example.com", "a/b", "..", "00u1?x=1", "00u1#", "00u 1", "%2e", "00ü"} {
		_, err := c.User(t.Context(), id)
		assert.ErrorIs(t, err, okta.ErrID, "%q", id)
		assert.NotContains(t, fmt.Sprint(err), "erika", "a login stays out of the log")
		_, err = c.UserGroups(t.Context(), id)
		assert.ErrorIs(t, err, okta.ErrID, "%q", id)
		_, err = c.Group(t.Context(), id)
		assert.ErrorIs(t, err, okta.ErrID, "%q", id)
		_, err = c.GroupMembers(t.Context(), id, "")
		assert.ErrorIs(t, err, okta.ErrID, "%q", id)
		_, err = c.Hook(t.Context(), id)
		assert.ErrorIs(t, err, okta.ErrID, "%q", id)
		assert.ErrorIs(t, c.DeleteHook(t.Context(), id), okta.ErrID, "%q", id)
		assert.Equal(t, -1, okta.StatusOf(err))
	}
	assert.Empty(t, org.Calls())

	org.Seed(oktatest.Profile{Login: "erika", Email: "erika@example.com"}, oktatest.Active)
	_, err := c.User(t.Context(), "erika")
	assert.ErrorContains(t, err, "asked for id erika", "it looks like an id, Okta takes it for a login, the answer tells")
	assert.False(t, okta.IsNotFound(err))
}

func TestDeletedUserIsNotFound(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Deprovisioned)
	org.Delete(u.ID)
	_, err := c.User(t.Context(), u.ID)
	assert.True(t, okta.IsNotFound(err))
	assert.Equal(t, http.StatusNotFound, okta.StatusOf(err))
	assert.ErrorContains(t, err, u.ID)
	_, err = c.UserGroups(t.Context(), u.ID)
	assert.True(t, okta.IsNotFound(err))
}

func TestFindUsersByLoginOrEmail(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{PageSizeMax: 1})
	byLogin := org.Seed(oktatest.Profile{Login: "x@example.com", Email: "other@example.com"}, oktatest.Active)
	byEmail := org.Seed(oktatest.Profile{Login: "y@example.com", Email: "x@example.com"}, oktatest.Deprovisioned)
	org.Seed(oktatest.Profile{Login: "z@example.com", Email: "z@example.com"}, oktatest.Active)

	ids := func(users []okta.User, err error) []string {
		require.NoError(t, err)
		out := []string{}
		for _, u := range users {
			out = append(out, u.ID)
		}
		return out
	}
	assert.ElementsMatch(t, []string{byLogin.ID, byEmail.ID}, ids(c.FindUsers(t.Context(), "x@example.com")))
	assert.ElementsMatch(t, []string{byEmail.ID}, ids(c.UsersByEmail(t.Context(), "x@example.com")))
	assert.Empty(t, ids(c.FindUsers(t.Context(), "nobody@example.com")))
}

func TestFindUsersEscapesTheValue(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	org.Seed(oktatest.Profile{Email: "victim@example.com"}, oktatest.Active)
	odd := org.Seed(oktatest.Profile{Login: "odd", Email: `a"b\c&d=e+f%@example.com`}, oktatest.Active)

	found, err := c.FindUsers(t.Context(), odd.Profile.Email)
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, odd.ID, found[0].ID)

	found, err = c.UsersByEmail(t.Context(), `x" or status eq "ACTIVE`)
	require.NoError(t, err)
	assert.Empty(t, found, "no filter can be smuggled in")
}

func TestFindUsersListsEachOnce(t *testing.T) {
	c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") == "" {
			page(`[{"id":"00u1"},{"id":"00u2"}]`, `</api/v1/users?after=2>; rel="next"`)(w, r)
			return
		}
		page(`[{"id":"00u2"},{"id":"00u1"},{"id":"00u3"}]`)(w, r)
	}))
	users, err := c.FindUsers(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, []okta.User{{ID: "00u1"}, {ID: "00u2"}, {ID: "00u3"}}, users)
}

func TestFindNothingByBlank(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	for _, find := range []func(context.Context, string) ([]okta.User, error){c.FindUsers, c.UsersByEmail} {
		_, err := find(t.Context(), " ")
		assert.ErrorContains(t, err, "nothing to look for")
	}
	_, err := c.FindGroups(t.Context(), "")
	assert.ErrorContains(t, err, "nothing to look for")
	assert.Empty(t, org.Calls())
}
