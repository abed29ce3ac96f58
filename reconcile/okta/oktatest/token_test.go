package oktatest_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

const tokenURL = orgURL + "/oauth2/v1/token"

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func assertion(t *testing.T, key *rsa.PrivateKey, alg string, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	signed := part(map[string]string{"alg": alg, "kid": "key-1"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func claims() map[string]any {
	return map[string]any{"iss": "0oaapp", "sub": "0oaapp", "aud": tokenURL, "exp": time.Now().Add(time.Hour).Unix()}
}

func form(assertion, scope string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
}

// token asks for a token with the parameters in the query, as Okta's SDK does,
// or in a form.
func (a *api) token(params url.Values, asForm bool) (status int, body map[string]any) {
	a.t.Helper()
	address, in := tokenURL+"?"+params.Encode(), ""
	if asForm {
		address, in = tokenURL, params.Encode()
	}
	resp, err := a.client.Post(address, "application/x-www-form-urlencoded", strings.NewReader(in))
	require.NoError(a.t, err)
	defer resp.Body.Close()
	require.NoError(a.t, json.NewDecoder(resp.Body).Decode(&body))
	return resp.StatusCode, body
}

func TestToken_OpensWhatItsScopesAllow(t *testing.T) {
	key := newKey(t)
	for name, asForm := range map[string]bool{"query": false, "form": true} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			a := start(t, oktatest.Options{ClientID: "0oaapp", Key: &key.PublicKey, Now: func() time.Time { return now }})
			u := a.org.Seed(person("ann"), oktatest.Active)
			status, body := a.token(form(assertion(t, key, "RS256", claims()), "okta.users.read okta.eventHooks.manage"), asForm)
			require.Equal(t, http.StatusOK, status, "%v", body)
			assert.Equal(t, "Bearer", body["token_type"])
			assert.Equal(t, 3600.0, body["expires_in"])
			assert.Equal(t, "okta.users.read okta.eventHooks.manage", body["scope"])

			a.auth = "Bearer " + body["access_token"].(string)
			assert.Equal(t, []string{u.ID}, a.get("/api/v1/users").ids(t))
			assert.Empty(t, a.get(hooksPath).ids(t), "manage is enough to read hooks")
			assert.Equal(t, http.StatusNotFound, a.get("/api/v1/users/me").status, "a service app is nobody")
			denied := a.get("/api/v1/groups")
			assert.Equal(t, http.StatusForbidden, denied.status)
			assert.Equal(t, "E0000006", denied.code(t))

			now = now.Add(time.Hour)
			assert.Equal(t, "E0000011", a.get("/api/v1/users").code(t), "expired")
		})
	}
}

func TestToken_Revoked(t *testing.T) {
	key := newKey(t)
	a := start(t, oktatest.Options{HookReadScope: true})
	_, body := a.token(form(assertion(t, key, "RS256", claims()), strings.Join(oktatest.DefaultScopes, " ")), false)
	a.auth = "Bearer " + body["access_token"].(string)
	assert.Equal(t, http.StatusOK, a.get("/api/v1/groups").status)
	assert.Equal(t, http.StatusForbidden, a.get(hooksPath).status, "manage does not imply read here")
	a.org.RevokeTokens()
	r := a.get("/api/v1/groups")
	assert.Equal(t, http.StatusUnauthorized, r.status)
	assert.Equal(t, "E0000011", r.code(t))
}

func TestToken_Refusals(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	with := func(name string, value any) string {
		c := claims()
		c[name] = value
		return assertion(t, key, "RS256", c)
	}
	good := assertion(t, key, "RS256", claims())
	both := claims()
	both["iss"], both["sub"] = "0oaother", "0oaother"
	for name, c := range map[string]struct {
		params url.Values
		status int
		code   string
	}{
		"no parts":          {form("abc", "okta.users.read"), 401, "invalid_client"},
		"not base64":        {form("a.b!.c", "okta.users.read"), 401, "invalid_client"},
		"another key":       {form(assertion(t, stranger, "RS256", claims()), "okta.users.read"), 401, "invalid_client"},
		"another alg":       {form(assertion(t, key, "none", claims()), "okta.users.read"), 401, "invalid_client"},
		"issuer":            {form(with("iss", "0oaother"), "okta.users.read"), 401, "invalid_client"},
		"another client":    {form(assertion(t, key, "RS256", both), "okta.users.read"), 401, "invalid_client"},
		"audience":          {form(with("aud", orgURL), "okta.users.read"), 401, "invalid_client"},
		"expired":           {form(with("exp", time.Now().Add(-time.Second).Unix()), "okta.users.read"), 401, "invalid_client"},
		"valid too long":    {form(with("exp", time.Now().Add(2*time.Hour).Unix()), "okta.users.read"), 401, "invalid_client"},
		"scope not granted": {form(good, "okta.users.read okta.logs.read"), 400, "invalid_scope"},
		"no scope":          {form(good, ""), 400, "invalid_scope"},
		"grant type":        {url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"assertion type":    {url.Values{"grant_type": {"client_credentials"}, "client_secret": {"x"}}, 401, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, oktatest.Options{ClientID: "0oaapp", Key: &key.PublicKey})
			status, body := a.token(c.params, false)
			assert.Equal(t, c.status, status)
			assert.Equal(t, c.code, body["error"])
			assert.NotEmpty(t, body["error_description"])
		})
	}
	t.Run("audience among several", func(t *testing.T) {
		a := start(t, oktatest.Options{Key: &key.PublicKey})
		status, body := a.token(form(with("aud", []string{"x", tokenURL}), "okta.users.read"), false)
		assert.Equal(t, http.StatusOK, status, "%v", body)
	})
	t.Run("DPoP", func(t *testing.T) {
		a := start(t, oktatest.Options{RequireDPoP: true})
		status, body := a.token(form(good, "okta.users.read"), false)
		assert.Equal(t, http.StatusBadRequest, status)
		assert.Equal(t, map[string]any{"error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing."}, body)
	})
}

func TestAPI_NeedsACredential(t *testing.T) {
	a := start(t, oktatest.Options{})
	for _, auth := range []string{"", "SSWS", "SSWS wrong", "Bearer " + apiToken, "Basic " + apiToken} {
		a.auth = auth
		for _, path := range []string{"/api/v1/users", "/api/v1/users/x", "/api/v1/groups", hooksPath} {
			r := a.get(path)
			assert.Equal(t, http.StatusUnauthorized, r.status, "%s with %q", path, auth)
			assert.Equal(t, "E0000011", r.code(t))
		}
	}
	none := oktatest.New(oktatest.Options{})
	req, err := http.NewRequest(http.MethodGet, orgURL+"/api/v1/users", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "SSWS ")
	resp, err := none.Transport().RoundTrip(req)
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, resp.StatusCode, "an org without API token takes none")
}
