package okta_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestDeniedScopes(t *testing.T) {
	for name, c := range map[string]struct {
		granted []string
		denied  []string
	}{
		"all granted": {oktatest.DefaultScopes, nil},
		"one missing": {[]string{"okta.users.read", "okta.eventHooks.manage"}, []string{"okta.groups.read"}},
		"none":        {[]string{"okta.logs.read"}, []string{"okta.users.read", "okta.groups.read", "okta.eventHooks.manage"}},
	} {
		for _, partial := range []bool{false, true} {
			org, client := newAppOrg(t, oktatest.Options{GrantedScopes: c.granted, PartialGrants: partial})
			denied, err := client.DeniedScopes(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.denied, denied, name)
			assert.Len(t, org.Calls(), 3, "it asks for tokens, and for nothing else")
			assert.Equal(t, 3, org.Count(tokenRoute))
		}
	}
}

func TestIsScope(t *testing.T) {
	org, client := newAppOrg(t, oktatest.Options{GrantedScopes: []string{"okta.groups.read"}, PartialGrants: true})
	_, err := client.ListUsers(t.Context(), okta.Query{Limit: 1})
	assert.Equal(t, "insufficient_scope", okta.CodeOf(err))
	assert.Equal(t, http.StatusForbidden, okta.StatusOf(err))
	assert.True(t, okta.IsScope(err))
	_, err = client.FindGroups(t.Context(), "Everyone")
	assert.NoError(t, err, "the token is good for what is granted")

	org.SetApp(func(a *oktatest.App) { a.GrantedScopes = nil })
	org.RevokeTokens()
	_, err = client.ListUsers(t.Context(), okta.Query{Limit: 1})
	assert.Equal(t, "consent_required", okta.CodeOf(err))
	assert.True(t, okta.IsScope(err))
	assert.True(t, okta.IsCredential(err))
	assert.ErrorContains(t, err, "grant the app okta.users.read")
	assert.False(t, okta.IsScope(assert.AnError))
}

func TestDeniedScopes_WhereNoTokenIsToBeHad(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*oktatest.App)
		code   string
	}{
		"DPoP is on":      {func(a *oktatest.App) { a.RequireDPoP = true }, "invalid_dpop_proof"},
		"inactive app":    {func(a *oktatest.App) { a.Inactive = true }, "invalid_client"},
		"another key id":  {func(a *oktatest.App) { a.KeyID = "key-2" }, "invalid_client"},
		"nothing granted": {func(a *oktatest.App) { a.GrantedScopes, a.RequireDPoP = nil, true }, "invalid_dpop_proof"},
	} {
		t.Run(name, func(t *testing.T) {
			org, client := newAppOrg(t, oktatest.Options{})
			org.SetApp(c.change)
			_, err := client.DeniedScopes(t.Context())
			assert.Equal(t, c.code, okta.CodeOf(err))
			assert.True(t, okta.IsCredential(err))
		})
	}
}

func TestDeniedScopes_OfAnAPITokenAreNone(t *testing.T) {
	org, client := newOrg(t, oktatest.Options{})
	denied, err := client.DeniedScopes(t.Context())
	require.NoError(t, err)
	assert.Empty(t, denied)
	assert.Empty(t, org.Calls())
}

func TestCodeOf(t *testing.T) {
	client := tokenClient(t, status(http.StatusForbidden, "application/json", `{"errorCode":"E0000006"}`))
	_, err := client.Hooks(t.Context())
	assert.Equal(t, "E0000006", okta.CodeOf(err))
	assert.Empty(t, okta.CodeOf(assert.AnError))
	assert.Empty(t, okta.CodeOf(nil))
}
