package zenqms_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// onlyWritten are the assumptions that Check never tries.
var onlyWritten = []string{"create", "update", "clear", "taken", "absent", "give_roles", "pace"}

func check(t *testing.T, client *zenqms.Client) map[string]zenqms.Finding {
	t.Helper()
	findings, err := client.Check(t.Context())
	require.NoError(t, err)
	out := map[string]zenqms.Finding{}
	for _, f := range findings {
		assert.NotContains(t, out, f.Key)
		out[f.Key] = f
		assert.NotEmpty(t, f.Assumption)
		assert.Equal(t, f.Verdict != zenqms.Holds, f.Detail != "", "%+v", f)
		assert.NotContains(t, f.Detail, "example.com", "it names nobody")
	}
	for _, key := range onlyWritten {
		assert.Equal(t, zenqms.Untested, out[key].Verdict, key)
		delete(out, key)
	}
	return out
}

func TestCheck(t *testing.T) {
	broken := func(match zenqmstest.Match, fault zenqmstest.Fault) func(*zenqmstest.Account) {
		return func(a *zenqmstest.Account) { a.Fail(match, zenqmstest.Always, fault) }
	}
	byEmail := zenqmstest.OnSearch
	byEmail.Body = `"email"`
	html := zenqmstest.Fault{Body: "<html>Sign in</html>"}
	for name, c := range map[string]struct {
		opts    zenqmstest.Options
		users   int // negative: without links
		roles   bool
		spoil   func(*zenqmstest.Account)
		not     map[string]string // what does not hold, with its detail
		harmful bool              // some of it is not tolerated
	}{
		"as assumed":               {users: 3, roles: true},
		"ids are text":             {opts: zenqmstest.Options{TextIDs: true}, users: 3, roles: true},
		"nobody linked":            {users: -3, roles: true},
		"no role":                  {users: 3, not: map[string]string{"roles": "the account has no role"}},
		"filter ignored":           {opts: zenqmstest.Options{IgnoreExternalIDFilter: true}, users: 3, roles: true, not: map[string]string{"filter_external_id": "ignored or not exact: other users come back"}},
		"filter ignored, no links": {opts: zenqmstest.Options{IgnoreExternalIDFilter: true}, users: -3, roles: true, not: map[string]string{"filter_external_id": "ignored or not exact: other users come back"}},
		"filter refused":           {opts: zenqmstest.Options{RefuseExternalIDFilter: true}, users: 3, roles: true, not: map[string]string{"filter_external_id": "refused"}},
		"filters ignored": {opts: zenqmstest.Options{IgnoreFilters: true}, users: 3, roles: true, not: map[string]string{
			"filter_id": "ignored or not exact: other users come back", "filter_email": "ignored or not exact: other users come back",
			"filter_external_id": "ignored or not exact: other users come back",
		}},
		"no total": {opts: zenqmstest.Options{Total: func(int) int { return -1 }}, users: 3, roles: true, not: map[string]string{
			"envelope": "missing or no number; every listing costs one call more",
		}},
		"one user": {users: 1, roles: true, not: map[string]string{"pages": "the account has not two users to try it on"}},
		"nobody": {roles: true, not: map[string]string{
			"fields": "the account has no user to try it on", "ids": "the account has no user to try it on", "active": "the account has no user to try it on",
			"pages": "the account has not two users to try it on", "filter_id": "the account has no user to try it on",
			"filter_email": "the account has no user to try it on", "email_case": "the account has no user to try it on",
			"filter_external_id": "the account has no user to try it on",
		}},
		"the filter by email fails": {users: 3, roles: true, spoil: broken(byEmail, zenqmstest.Fault{Status: 500, Message: "u1@example.com"}), not: map[string]string{
			"filter_email": "the search failed with HTTP 500", "email_case": "the search failed with HTTP 500",
		}},
		"HTML for roles": {users: 3, roles: true, harmful: true, spoil: broken(zenqmstest.OnRoleSearch, html), not: map[string]string{
			"roles": "no answer that can be read",
		}},
		"roles are forbidden": {users: 3, roles: true, harmful: true, spoil: broken(zenqmstest.OnRoleSearch, zenqmstest.Fault{Status: 403}), not: map[string]string{
			"roles": "refused with HTTP 403",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			account, client := onAccount(t, c.opts)
			if c.users > 0 {
				populate(account, c.users)
			}
			for i := c.users; i < 0; i++ {
				account.AddUser(zenqmstest.User{Email: string(rune('a'-i)) + "@example.com"})
			}
			if c.roles {
				account.AddRole("Reviewer")
			}
			if c.spoil != nil {
				c.spoil(account)
			}
			not := map[string]string{}
			harmful := false
			for key, f := range check(t, client) {
				if f.Verdict != zenqms.Holds {
					not[key] = f.Detail
				}
				harmful = harmful || f.Verdict == zenqms.Differs && !f.Tolerated
			}
			if c.not == nil {
				c.not = map[string]string{}
			}
			assert.Equal(t, c.not, not)
			assert.Equal(t, c.harmful, harmful)
			assert.Empty(t, account.Writes(), "it changes nothing")
		})
	}
}

func TestCheck_OtherNames(t *testing.T) {
	s := onServer(t, saysJSON(http.StatusOK, `{"data": [{"userId": 7, "email": "a@example.com", "active": true}], "total": 1, "page_size": 2}`))
	findings := check(t, s.client)
	assert.Equal(t, "missing: id, first_name, last_name, title, is_active, external_id, roles", findings["fields"].Detail)
	assert.Equal(t, zenqms.Differs, findings["ids"].Verdict)
	assert.Equal(t, zenqms.Differs, findings["active"].Verdict)
}

func TestCheck_FieldsThatAreLeftOutWhereTheyAreEmpty(t *testing.T) {
	s := onServer(t, saysJSON(http.StatusOK, `{"data": [
		{"id": 7, "email": "a@example.com", "first_name": "A", "last_name": "B", "is_active": false},
		{"id": 8, "email": "b@example.com", "first_name": "A", "last_name": "B", "is_active": true, "title": "T", "external_id": "x", "roles": []}
	], "total": 2, "page_size": 100}`))
	assert.Equal(t, zenqms.Holds, check(t, s.client)["fields"].Verdict)
}

// A server that gives every page the same answer.
func TestCheck_PagesThatDoNotGoOn(t *testing.T) {
	s := onServer(t, saysJSON(http.StatusOK, `{"data": [
		{"id": 7, "email": "a@example.com", "is_active": false}, {"id": 8, "email": "b@example.com", "is_active": true}
	], "total": 2, "page_size": 100}`))
	f := check(t, s.client)["pages"]
	assert.Equal(t, zenqms.Differs, f.Verdict)
	assert.Equal(t, "page 1 of one user each has 2", f.Detail)
	assert.False(t, f.Tolerated)
}

func TestCheck_HasTheSameKeysWhateverItSees(t *testing.T) {
	_, empty := onAccount(t, zenqmstest.Options{})
	account, full := onAccount(t, zenqmstest.Options{})
	populate(account, 3)
	assert.Equal(t, slices.Sorted(maps.Keys(check(t, empty))), slices.Sorted(maps.Keys(check(t, full))))
}

func TestCheck_OfAnAccountThatDoesNotAnswer(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	account.SetToken("another one")
	_, err := client.Check(t.Context())
	assert.Equal(t, http.StatusUnauthorized, asError(t, err).Status)
}

func TestCheck_EndsWithItsContext(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	populate(account, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Check(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}
