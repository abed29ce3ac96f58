package okta_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

const hookSecret = "hook/Secret+value=="

// relay is what a hook points to: it answers the verification if the secret is right.
func relay(t *testing.T, secret string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != secret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"verification": r.Header.Get("X-Okta-Verification-Challenge")})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestHookFromCreationToDeletion(t *testing.T) {
	org, c := newAppOrg(t, oktatest.Options{AllowHTTPHooks: true})
	spec := okta.HookSpec{
		Name: "zensync hooks.example.com", URL: relay(t, hookSecret), Secret: hookSecret,
		Events: []string{"user.lifecycle.create", "user.lifecycle.deactivate"},
	}
	ctx := t.Context()
	created, err := c.CreateHook(ctx, spec)
	require.NoError(t, err)
	want := okta.Hook{
		ID: created.ID, Name: spec.Name, Status: "ACTIVE", Verification: "UNVERIFIED", URL: spec.URL, Events: spec.Events,
	}
	assert.Equal(t, want, created)

	verified, err := c.VerifyHook(ctx, created.ID)
	require.NoError(t, err, "the secret arrived as it is")
	want.Verification = "VERIFIED"
	assert.Equal(t, want, verified)

	spec.Events, spec.Name = []string{"user.lifecycle.create"}, "another"
	_, err = c.UpdateHook(ctx, created.ID, spec)
	require.NoError(t, err)
	got, err := c.Hook(ctx, created.ID)
	require.NoError(t, err)
	assert.Equal(t, spec.Events, got.Events)
	assert.Equal(t, "another", got.Name)
	all, err := c.Hooks(ctx)
	require.NoError(t, err)
	assert.Equal(t, []okta.Hook{got}, all)

	require.NoError(t, c.DeactivateHook(ctx, created.ID))
	got, err = c.Hook(ctx, created.ID)
	require.NoError(t, err)
	assert.Equal(t, "INACTIVE", got.Status)
	require.NoError(t, c.ActivateHook(ctx, created.ID))
	assert.Error(t, c.DeleteHook(ctx, created.ID), "Okta keeps an active hook")
	require.NoError(t, c.DeactivateHook(ctx, created.ID))
	require.NoError(t, c.DeleteHook(ctx, created.ID))

	assert.Empty(t, org.Hooks())
	_, err = c.Hook(ctx, created.ID)
	assert.True(t, okta.IsNotFound(err))
	assert.True(t, okta.IsNotFound(c.DeleteHook(ctx, created.ID)))
}

func TestHookThatDoesNotAnswerIsNotVerified(t *testing.T) {
	_, c := newOrg(t, oktatest.Options{AllowHTTPHooks: true})
	h, err := c.CreateHook(t.Context(), okta.HookSpec{
		Name: "deaf", URL: relay(t, "another secret"), Secret: hookSecret, Events: []string{"user.lifecycle.create"},
	})
	require.NoError(t, err)
	_, err = c.VerifyHook(t.Context(), h.ID)
	var e *okta.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusBadRequest, e.Status)
	assert.Equal(t, "E0000001", e.Code)
	require.Len(t, e.Causes, 1)
	assert.Contains(t, e.Causes[0], "Unable to verify event hook")
	assert.ErrorContains(t, err, e.Causes[0])
}

func TestListingHooksMayTakeAScopeOfItsOwn(t *testing.T) {
	_, c := newAppOrg(t, oktatest.Options{HookReadScope: true})
	_, err := c.Hooks(t.Context())
	assert.Equal(t, http.StatusForbidden, okta.StatusOf(err))
	assert.False(t, okta.IsCredential(err), "the other calls go on")
}

func TestCreatedHookWithoutIDIsAnError(t *testing.T) {
	_, err := tokenClient(t, page(`{}`)).CreateHook(t.Context(), okta.HookSpec{Name: "n"})
	assert.ErrorContains(t, err, "look for the hook in Okta's console")
}
