package okta_test

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/okta/oktatest/oktaspec"
)

const tokenRoute = "POST /oauth2/v1/token"

func TestServiceAppWithEitherEncodingOfTheKey(t *testing.T) {
	for name, key := range map[string][]byte{"PKCS1": pkcs1PEM(), "PKCS8": pkcs8PEM(t, appKey())} {
		t.Run(name, func(t *testing.T) {
			org := oktatest.New(oktatest.Options{ClientID: "0oaApp", Key: &appKey().PublicKey})
			u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
			c, err := okta.New(okta.Config{
				OrgURL: serve(t, oktaspec.Wrap(t, org)), ClientID: "0oaApp", PrivateKey: key, PrivateKeyID: "key-1",
			})
			require.NoError(t, err)
			assert.Empty(t, org.Calls(), "New makes no call")
			for range 2 {
				_, err = c.User(t.Context(), u.ID)
				require.NoError(t, err)
			}
			assert.Equal(t, 1, org.Count(tokenRoute))
		})
	}
}

func TestC4_ThreeScopesAreAskedFor(t *testing.T) {
	org, c := newAppOrg(t, oktatest.Options{})
	_, err := c.ListUsers(t.Context(), okta.Query{})
	require.NoError(t, err)
	query, err := url.ParseQuery(org.Calls()[0].Query)
	require.NoError(t, err)
	assert.Equal(t, "okta.users.read okta.groups.read okta.eventHooks.manage", query.Get("scope"))
}

func TestFirstCallsAtOnceShareOneToken(t *testing.T) {
	org, c := newAppOrg(t, oktatest.Options{})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, err := c.User(t.Context(), u.ID)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, 1, org.Count(tokenRoute))
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	org, c := newAppOrg(t, oktatest.Options{AllowHTTPHooks: true})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	_, err := c.User(t.Context(), u.ID)
	require.NoError(t, err)
	org.RevokeTokens()
	org.ResetCalls()

	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, err := c.User(t.Context(), u.ID)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, 1, org.Count(tokenRoute), "ten refusals at once take one new token")

	org.RevokeTokens()
	_, err = c.CreateHook(t.Context(), okta.HookSpec{Name: "n", URL: "http://127.0.0.1:1", Secret: "s", Events: []string{"user.lifecycle.create"}})
	require.NoError(t, err, "what was refused was not done: it may be repeated, a POST as well")
	assert.Len(t, org.Hooks(), 1)
}

func TestTokenRefusedForGoodIsNotAskedForWithoutEnd(t *testing.T) {
	org, c := newAppOrg(t, oktatest.Options{})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	org.Fail(oktatest.Match{Prefix: "/api/"}, -1, oktatest.Fault{Status: http.StatusUnauthorized})
	_, err := c.User(t.Context(), u.ID)
	assert.Equal(t, http.StatusUnauthorized, okta.StatusOf(err))
	assert.True(t, okta.IsCredential(err))
	assert.Equal(t, 2, org.Count(tokenRoute))
	assert.Equal(t, 2, org.Count("GET /api/v1/users/{id}"))
}

func TestAPITokenIsNotTriedTwice(t *testing.T) {
	org := oktatest.New(oktatest.Options{Token: "another"})
	_, err := tokenClient(t, org).User(t.Context(), "00u1")
	assert.True(t, okta.IsCredential(err))
	assert.ErrorContains(t, err, "401 Unauthorized: E0000011: Invalid token provided")
	assert.NotContains(t, err.Error(), apiToken)
	assert.Len(t, org.Calls(), 1)
}

func TestRefusalOfATokenSaysWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		opts         oktatest.Options
		status       int
		code, remedy string
	}{
		"client": {oktatest.Options{ClientID: "0oaOther"}, 401, "invalid_client", "check client_id"},
		"scope":  {oktatest.Options{GrantedScopes: []string{"okta.users.read"}}, 400, "invalid_scope", "grant the app okta.users.read, okta.groups.read, okta.eventHooks.manage"},
		"dpop":   {oktatest.Options{RequireDPoP: true}, 400, "invalid_dpop_proof", "untick"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.opts.ClientID == "" {
				tc.opts.ClientID = "0oaApp"
			}
			org := oktatest.New(tc.opts)
			_, err := appClient(t, org).User(t.Context(), "00u1")
			var e *okta.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tc.status, e.Status)
			assert.Equal(t, tc.code, e.Code)
			assert.NotEmpty(t, e.Summary)
			assert.ErrorContains(t, err, "okta: read user 00u1: access token: ")
			assert.ErrorContains(t, err, e.Summary[:len(e.Summary)-1])
			assert.ErrorContains(t, err, tc.remedy)
			assert.True(t, okta.IsCredential(err))
			assert.False(t, okta.IsNotFound(err))
			assertNoAssertion(t, err)
			assert.Equal(t, 1, org.Count(tokenRoute), "a refusal is final")
		})
	}
}

func TestTokenEndpointOutOfOrderIsNoMatterOfCredentials(t *testing.T) {
	for _, tc := range []struct {
		fault  oktatest.Fault
		status int
	}{
		{oktatest.Fault{Status: 429, ResetAfter: 30 * time.Second}, 429},
		{oktatest.Fault{Status: 503}, 503},
		{oktatest.Fault{Drop: true}, 0},
		{oktatest.Fault{Body: []byte{}}, 0},
		{oktatest.Fault{Body: []byte("null")}, 0},
		{oktatest.Fault{Body: []byte(`{"token_type":"Bearer"}`)}, 0},
		{oktatest.Fault{Body: []byte("<html>"), ContentType: "text/html"}, 0},
		{oktatest.Fault{CutAfter: 5}, 0},
	} {
		org := oktatest.New(oktatest.Options{ClientID: "0oaApp", Key: &appKey().PublicKey})
		u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
		c := appClient(t, org)
		org.Fail(oktatest.Match{Prefix: "/oauth2/"}, 1, tc.fault)

		_, err := c.User(t.Context(), u.ID)
		require.Error(t, err)
		assert.Equal(t, tc.status, okta.StatusOf(err), "%+v", tc.fault)
		assert.False(t, okta.IsCredential(err), "%+v", tc.fault)
		assert.ErrorContains(t, err, "access token")
		assertNoAssertion(t, err)
		var e *okta.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, tc.status == 429, e.RetryAfter > 20*time.Second, "%+v", tc.fault)
		assert.Equal(t, 1, org.Count(tokenRoute), "the call is the caller's to repeat")

		_, err = c.User(t.Context(), u.ID)
		assert.NoError(t, err, "and once it is over, it is over")
	}
}

func TestTokenCallHeedsTheContext(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	org := oktatest.New(oktatest.Options{ClientID: "0oaApp"})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	var once sync.Once
	c := appClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth2/v1/token" {
			once.Do(func() { close(asked) })
			<-release
		}
		org.ServeHTTP(w, r)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() {
		_, err := c.User(ctx, u.ID)
		first <- err
	}()
	<-asked
	go func() { // waits for its turn
		_, err := c.User(ctx, u.ID)
		second <- err
	}()
	cancel()
	for _, done := range []chan error{first, second} {
		err := <-done
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 0, okta.StatusOf(err))
	}

	close(release) // the token that was asked for serves the next call
	_, err := c.User(t.Context(), u.ID)
	require.NoError(t, err)
	assert.Equal(t, 1, org.Count(tokenRoute))
}

func TestTokenCallIsBounded(t *testing.T) {
	var calls atomic.Int64
	release := make(chan struct{})
	server := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		calls.Add(1)
		<-release
	}))
	t.Cleanup(func() { close(release) })
	c, err := okta.New(okta.Config{
		OrgURL: server, ClientID: "0oaApp", PrivateKey: pkcs1PEM(), PrivateKeyID: "k", Timeout: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	for range 2 {
		_, err = c.User(context.Background(), "00u1")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assertNoAssertion(t, err)
	}
	assert.Equal(t, int64(2), calls.Load(), "one that hangs does not keep its turn")
}

func TestChallengeHeaderIsRead(t *testing.T) {
	c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Www-Authenticate", `Bearer authorization_uri="https://x", scope="okta.users.read", error="insufficient_scope", `+
			`error_description="The access token provided does not contain the required scopes.", resource="/api/v1/users"`)
		w.WriteHeader(http.StatusForbidden)
	}))
	_, err := c.ListUsers(t.Context(), okta.Query{})
	assert.ErrorContains(t, err, "403 Forbidden: insufficient_scope: The access token provided does not contain the required scopes (grant the app")
}

func TestServiceAppInProcess(t *testing.T) {
	org := oktatest.New(oktatest.Options{ClientID: "0oaApp", Key: &appKey().PublicKey, BaseURL: "https://example.okta.com"})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	c, err := okta.New(okta.Config{
		OrgURL: "https://example.okta.com/", ClientID: "0oaApp", PrivateKey: pkcs1PEM(), PrivateKeyID: "k", Transport: org.Transport(),
	})
	require.NoError(t, err)
	got, err := c.User(t.Context(), u.ID)
	require.NoError(t, err)
	assert.Equal(t, u.ID, got.ID)
}
