// Package contract is the one test of the wire contract between zensync and
// ZenQMS. The fake account must pass it always, and a real sandbox when there
// is one, so that the fake cannot drift from what it stands for. Only tests
// import it: unlike the fake, it needs the client and package testing.
package contract

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
)

// Run holds the account behind client to the contract. It makes a few users
// with addresses that begin with "zensync-contract-", touches no others, and
// deactivates and unlinks its own at the end. It gives one of them a role and
// takes it away; without a harmless role in the account that part is skipped.
func Run(t *testing.T, client *zenqms.Client) {
	require.NoError(t, client.Ping(t.Context()), "the key must be accepted")
	s := &suite{client: client, marker: strings.ToLower(rand.Text())}
	s.ada = s.create(t, zenqms.NewUser{
		Email: s.email("ada"), FirstName: "Ada", LastName: "Byron", Title: "Analyst",
		Active: true, ExternalID: "contract-" + s.marker,
	})
	s.bob = s.create(t, zenqms.NewUser{
		Email: s.email("bob"), FirstName: "Bob", LastName: "Bell", Title: "Tester",
	})

	t.Run("a created user is given back whole", s.created)
	t.Run("a taken address is 409", s.conflict)
	t.Run("an invalid user is 422 and names the field", s.invalid)
	t.Run("a user is found by each key", s.search)
	t.Run("the pages hold every user once", s.paging)
	t.Run("a patch changes what it names", s.patch)
	t.Run("external_id null clears the link", s.unlink)
	t.Run("roles are given and taken", s.roles)
	t.Run("an unknown user is 404", s.unknown)
}

type suite struct {
	client   *zenqms.Client
	marker   string
	ada, bob zenqms.User // as created: ada active and linked, bob neither
}

func (s *suite) email(name string) string {
	return "zensync-contract-" + s.marker + "-" + name + "@example.com"
}

// create makes a user that is out of use once the test is over.
func (s *suite) create(t *testing.T, n zenqms.NewUser) zenqms.User {
	t.Helper()
	u, err := s.client.Create(t.Context(), n)
	require.NoError(t, err)
	require.NotEmpty(t, u.ID)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := s.client.Update(ctx, u.ID, zenqms.Patch{Active: new(false), ExternalID: new("")})
		assert.NoErrorf(t, err, "user %s is left in use", u.ID)
	})
	return u
}

func (s *suite) created(t *testing.T) {
	assert.Equal(t, zenqms.User{
		ID: s.ada.ID, Email: s.email("ada"), FirstName: "Ada", LastName: "Byron", Title: "Analyst",
		Active: true, ExternalID: "contract-" + s.marker, Roles: s.ada.Roles,
	}, s.ada)
	assert.False(t, s.bob.Active, "created inactive")
	assert.Empty(t, s.bob.ExternalID)
	assert.NotEqual(t, s.ada.ID, s.bob.ID)

	again, err := s.client.ByID(t.Context(), s.ada.ID)
	require.NoError(t, err)
	assert.Equal(t, s.ada, again)
}

func (s *suite) conflict(t *testing.T) {
	_, err := s.client.Create(t.Context(), zenqms.NewUser{
		Email: strings.ToUpper(s.email("ada")), FirstName: "Eve", LastName: "Else", Title: "Other",
	})
	assert.NotEmpty(t, refused(t, err, http.StatusConflict).Message)

	_, err = s.client.Update(t.Context(), s.bob.ID, zenqms.Patch{Email: new(s.email("ada"))})
	assert.NotEmpty(t, refused(t, err, http.StatusConflict).Message)

	found, err := s.client.ByEmail(t.Context(), s.email("ada"))
	require.NoError(t, err)
	assert.Equal(t, []zenqms.User{s.ada}, found, "a refused write changes nothing")
}

func (s *suite) invalid(t *testing.T) {
	good := zenqms.NewUser{Email: s.email("eve"), FirstName: "Eve", LastName: "Else", Title: "Other"}
	for field, spoil := range map[string]func(*zenqms.NewUser){
		"email":      func(n *zenqms.NewUser) { n.Email = "zensync-contract-" + s.marker + "-\u00e9ve@example.com" },
		"first_name": func(n *zenqms.NewUser) { n.FirstName = "" },
		"last_name":  func(n *zenqms.NewUser) { n.LastName = "" },
	} {
		n := good
		spoil(&n)
		_, err := s.client.Create(t.Context(), n)
		assert.Truef(t, names(refused(t, err, http.StatusUnprocessableEntity), field), "%v names %s", err, field)
	}
	_, err := s.client.Update(t.Context(), s.bob.ID, zenqms.Patch{LastName: new("")})
	assert.True(t, names(refused(t, err, http.StatusUnprocessableEntity), "last_name"), "%v", err)
}

func (s *suite) search(t *testing.T) {
	u, err := s.client.ByID(t.Context(), s.ada.ID)
	require.NoError(t, err)
	assert.Equal(t, s.ada, u)

	for _, email := range []string{s.email("ada"), strings.ToUpper(s.email("ada"))} {
		found, err := s.client.ByEmail(t.Context(), email)
		require.NoError(t, err)
		assert.Equal(t, []zenqms.User{s.ada}, found)
	}
	nobody, err := s.client.ByEmail(t.Context(), s.email("nobody"))
	require.NoError(t, err)
	assert.Empty(t, nobody)

	found, honoured, err := s.client.ByExternalID(t.Context(), s.ada.ExternalID)
	require.NoError(t, err)
	if honoured {
		assert.Equal(t, []zenqms.User{s.ada}, found)
	} else {
		t.Log("the external_id filter is not honoured: links are found in the list of all users")
	}
}

func (s *suite) paging(t *testing.T) {
	seen := map[string]int{}
	for number, more := 1, true; more; number++ {
		page, err := s.client.List(t.Context(), number)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Users), 100)
		for _, u := range page.Users {
			seen[u.ID]++
		}
		more = page.More
	}
	assert.Equal(t, 1, seen[s.ada.ID])
	assert.Equal(t, 1, seen[s.bob.ID])
}

func (s *suite) patch(t *testing.T) {
	want := s.bob
	for _, change := range []struct {
		patch zenqms.Patch
		apply func()
	}{
		{zenqms.Patch{Email: new(s.email("bob2"))}, func() { want.Email = s.email("bob2") }},
		{zenqms.Patch{FirstName: new("Robert")}, func() { want.FirstName = "Robert" }},
		{zenqms.Patch{LastName: new("O'Bell & S\u00f6hne")}, func() { want.LastName = "O'Bell & S\u00f6hne" }},
		{zenqms.Patch{Title: new("Lead")}, func() { want.Title = "Lead" }},
		{zenqms.Patch{Active: new(true)}, func() { want.Active = true }},
		{zenqms.Patch{ExternalID: new("contract-bob-" + s.marker)}, func() { want.ExternalID = "contract-bob-" + s.marker }},
		{zenqms.Patch{Active: new(false), Title: new("Tester")}, func() { want.Active, want.Title = false, "Tester" }},
	} {
		change.apply()
		got, err := s.client.Update(t.Context(), s.bob.ID, change.patch)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	got, err := s.client.ByID(t.Context(), s.bob.ID)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func (s *suite) unlink(t *testing.T) {
	want := s.ada
	want.ExternalID = ""
	for range 2 { // repeatable
		got, err := s.client.Update(t.Context(), s.ada.ID, zenqms.Patch{ExternalID: new("")})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	found, honoured, err := s.client.ByExternalID(t.Context(), s.ada.ExternalID)
	require.NoError(t, err)
	if honoured {
		assert.Empty(t, found)
	}
}

func (s *suite) roles(t *testing.T) {
	all, err := s.client.Roles(t.Context())
	require.NoError(t, err)
	var role zenqms.Role
	for _, r := range all {
		if role.ID == "" && !strings.Contains(strings.ToLower(r.Name), "super user") {
			role = r
		}
	}
	if role.ID == "" {
		t.Skip("the account has no role that a test may give")
	}
	before, err := s.client.ByID(t.Context(), s.bob.ID)
	require.NoError(t, err)
	require.NotContains(t, before.Roles, role)

	for range 2 { // repeatable
		u, err := s.client.AddRoles(t.Context(), s.bob.ID, []string{role.ID})
		require.NoError(t, err)
		assert.ElementsMatch(t, append(before.Roles[:len(before.Roles):len(before.Roles)], role), u.Roles)
	}
	for range 2 {
		u, err := s.client.RemoveRoles(t.Context(), s.bob.ID, []string{role.ID})
		require.NoError(t, err)
		assert.ElementsMatch(t, before.Roles, u.Roles)
	}
	_, err = s.client.AddRoles(t.Context(), s.bob.ID, []string{"999999999999"})
	refused(t, err, http.StatusUnprocessableEntity)
}

func (s *suite) unknown(t *testing.T) {
	const nobody = "999999999999"
	_, err := s.client.ByID(t.Context(), nobody)
	assert.True(t, zenqms.IsNotFound(err), "%v", err)
	_, err = s.client.Update(t.Context(), nobody, zenqms.Patch{Active: new(false)})
	assert.True(t, zenqms.IsNotFound(err), "%v", err)
}

// refused gives the refusal with this status that err must be.
func refused(t *testing.T, err error, status int) *zenqms.Error {
	t.Helper()
	var e *zenqms.Error
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, status, e.Status, "%v", err)
	return e
}

func names(e *zenqms.Error, field string) bool {
	for _, f := range e.Fields {
		if f.Field == field && f.Message != "" {
			return true
		}
	}
	return false
}
