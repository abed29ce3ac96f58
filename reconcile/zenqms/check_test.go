package zenqms_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

const (
	envelope   = "a search states page_size and total"
	fields     = "users have the fields id, email, first_name, last_name, title, is_active, external_id, roles"
	byID       = "users can be searched by id"
	byEmail    = "users can be searched by email"
	byExternal = "users can be searched by external_id"
	rolesList  = "roles can be listed"
)

func check(t *testing.T, client *zenqms.Client) map[string]zenqms.Verdict {
	t.Helper()
	findings, err := client.Check(t.Context())
	require.NoError(t, err)
	out := map[string]zenqms.Verdict{}
	for _, f := range findings {
		out[f.Assumption] = f.Verdict
		assert.Equal(t, f.Verdict == zenqms.Differs, f.Detail != "", "%+v", f)
	}
	return out
}

func TestCheck(t *testing.T) {
	all := func(v zenqms.Verdict, except ...string) map[string]zenqms.Verdict {
		m := map[string]zenqms.Verdict{envelope: v, fields: v, byID: v, byEmail: v, byExternal: v, rolesList: v}
		for _, e := range except {
			m[e] = zenqms.Differs
		}
		return m
	}
	for name, c := range map[string]struct {
		opts  zenqmstest.Options
		users int
		want  map[string]zenqms.Verdict
	}{
		"as assumed":               {zenqmstest.Options{}, 3, all(zenqms.Holds)},
		"nobody linked":            {zenqmstest.Options{}, -3, all(zenqms.Holds)},
		"filter ignored":           {zenqmstest.Options{IgnoreExternalIDFilter: true}, 3, all(zenqms.Holds, byExternal)},
		"filter ignored, no links": {zenqmstest.Options{IgnoreExternalIDFilter: true}, -3, all(zenqms.Holds, byExternal)},
		"filter refused":           {zenqmstest.Options{RefuseExternalIDFilter: true}, 3, all(zenqms.Holds, byExternal)},
		"filters ignored":          {zenqmstest.Options{IgnoreFilters: true}, 3, all(zenqms.Holds, byID, byEmail, byExternal)},
		"no total":                 {zenqmstest.Options{Total: func(int) int { return -1 }}, 3, all(zenqms.Holds, envelope)},
		"nobody": {zenqmstest.Options{}, 0, map[string]zenqms.Verdict{
			envelope: zenqms.Holds, rolesList: zenqms.Holds,
			fields: zenqms.Untested, byID: zenqms.Untested, byEmail: zenqms.Untested, byExternal: zenqms.Untested,
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
			assert.Equal(t, c.want, check(t, client))
			assert.Empty(t, account.Writes(), "it changes nothing")
		})
	}
}

func TestCheck_OtherNames(t *testing.T) {
	s := onServer(t, saysJSON(http.StatusOK, `{"data": [{"userId": 7, "email": "a@example.com", "active": true}], "total": 1, "page_size": 2}`))
	findings, err := s.client.Check(t.Context())
	require.NoError(t, err)
	assert.Equal(t, zenqms.Finding{
		Assumption: fields, Verdict: zenqms.Differs,
		Detail: "missing: id, first_name, last_name, title, is_active, external_id, roles",
	}, findings[1])
}

func TestCheck_OfAnAccountThatDoesNotAnswer(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	account.SetToken("another one")
	_, err := client.Check(t.Context())
	assert.Equal(t, http.StatusUnauthorized, asError(t, err).Status)
}
