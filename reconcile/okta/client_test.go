package okta_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestNewNamesTheSettingThatIsWrong(t *testing.T) {
	const good = "https://example.okta.com"
	app := func(change func(*okta.Config)) okta.Config {
		c := okta.Config{OrgURL: good, ClientID: "0oaApp", PrivateKey: pkcs1PEM(), PrivateKeyID: "k"}
		change(&c)
		return c
	}
	for _, tc := range []struct {
		config okta.Config
		want   string
	}{
		{okta.Config{APIToken: "t"}, "org_url: it is not set"},
		{okta.Config{OrgURL: "example.okta.com", APIToken: "t"}, "org_url: "},
		{okta.Config{OrgURL: "https://", APIToken: "t"}, "org_url: "},
		{okta.Config{OrgURL: "https:example", APIToken: "t"}, "org_url: "},
		{okta.Config{OrgURL: "ftp://example.okta.com", APIToken: "t"}, "org_url: "},
		{okta.Config{OrgURL: good + "/api/v1", APIToken: "t"}, "has a path"},
		{okta.Config{OrgURL: good + "?x=1", APIToken: "t"}, "has a path"},
		{okta.Config{OrgURL: "http://example.okta.com", APIToken: "t"}, "use https"},
		{okta.Config{OrgURL: "http://localhost.example.com", APIToken: "t"}, "use https"},
		{okta.Config{OrgURL: "https://Example-admin.okta.com", APIToken: "t"}, "leave out -admin"},
		{okta.Config{OrgURL: "https://example-admin.oktapreview.com", APIToken: "t"}, "leave out -admin"},
		{okta.Config{OrgURL: good}, "client_id: no credentials"},
		{okta.Config{OrgURL: good, APIToken: "a b"}, "api_token: "},
		{okta.Config{OrgURL: good, APIToken: "a\n"}, "api_token: "},
		{okta.Config{OrgURL: good, APIToken: "t", Timeout: -1}, "timeout: "},
		{app(func(c *okta.Config) { c.APIToken = "t" }), "keep one of the two"},
		{app(func(c *okta.Config) { c.ClientID = "" }), "client_id: it is not set"},
		{app(func(c *okta.Config) { c.PrivateKey = nil }), "private_key: it is not set"},
		{app(func(c *okta.Config) { c.PrivateKeyID = "" }), "private_key_id: it is not set"},
	} {
		c, err := okta.New(tc.config)
		assert.ErrorContains(t, err, tc.want)
		assert.ErrorContains(t, err, "okta: ")
		assert.Nil(t, c)
	}
	for _, org := range []string{"https://user:hunter2@example.okta.com", "https://user:hunter2@%zz"} {
		_, err := okta.New(okta.Config{OrgURL: org, APIToken: "t"})
		assert.ErrorContains(t, err, "org_url: ")
		assert.NotContains(t, err.Error(), "hunter2")
	}
	for _, org := range []string{good, good + "/", "http://localhost:1", "http://127.0.0.2:1", "http://[::1]:1"} {
		_, err := okta.New(okta.Config{OrgURL: org, APIToken: "t"})
		assert.NoError(t, err, org)
	}
}

func TestKeysThatCannotServeSayWhatToDo(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ecDER, err := x509.MarshalECPrivateKey(ec)
	require.NoError(t, err)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }

	path := filepath.Join(t.TempDir(), "okta.pem")
	require.NoError(t, os.WriteFile(path, pkcs1PEM(), 0o600))

	for name, tc := range map[string]struct {
		key  []byte
		want string
	}{
		"EC":              {block("EC PRIVATE KEY", ecDER), "an EC key; register an RSA key"},
		"EC in PKCS8":     {pkcs8PEM(t, ec), "not an RSA key; register an RSA key"},
		"encrypted PKCS8": {block("ENCRYPTED PRIVATE KEY", []byte{1}), "openssl rsa -in"},
		"encrypted PKCS1": {[]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), "openssl rsa -in"},
		"public":          {block("PUBLIC KEY", []byte{1}), `it holds a "PUBLIC KEY" and no private key`},
		"JWK":             {[]byte(` {"kty":"RSA"}`), "choose PEM"},
		"path":            {[]byte(path), "it is not PEM text"},
		"garbage":         {[]byte("hunter2"), "it is not PEM text"},
		"cut PKCS1":       {block("RSA PRIVATE KEY", []byte{1}), "is it complete?"},
		"cut PKCS8":       {block("PRIVATE KEY", []byte{1}), "is it complete?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", ClientID: "0oaApp", PrivateKey: tc.key, PrivateKeyID: "k"})
			assert.ErrorContains(t, err, "okta: private_key: ")
			assert.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestPrivateKeyAfterOtherBlocks(t *testing.T) {
	key := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}}), pkcs1PEM()...)
	_, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", ClientID: "0oaApp", PrivateKey: key, PrivateKeyID: "k"})
	assert.NoError(t, err)
}

func TestEnvironmentHasNoSay(t *testing.T) {
	for key, value := range map[string]string{
		"OKTA_CLIENT_ORGURL":                 "https://elsewhere.example.com",
		"OKTA_CLIENT_TOKEN":                  "from-the-environment",
		"OKTA_CLIENT_AUTHORIZATIONMODE":      "Bearer",
		"OKTA_CLIENT_CLIENTID":               "0oaEnv",
		"OKTA_CLIENT_SCOPES":                 "okta.users.manage",
		"OKTA_CLIENT_PRIVATEKEY":             "env",
		"OKTA_CLIENT_PRIVATEKEYID":           "env",
		"OKTA_CLIENT_CLIENTASSERTION":        "env",
		"OKTA_CLIENT_CACHE_ENABLED":          "true",
		"OKTA_CLIENT_RATE_LIMIT_MAX_RETRIES": "5",
		"OKTA_CLIENT_RATE_LIMIT_MAX_BACKOFF": "1",
		"OKTA_CLIENT_REQUEST_TIMEOUT":        "1",
		"OKTA_CLIENT_PROXY_HOST":             "proxy.example.com",
		"OKTA_HTTPCLIENT_TIMEOUT":            "1ns",
		"OKTA_USERAGENTEXTRA":                "from-the-environment",
		"OKTA_TESTING_DISABLE_HTTPS_CHECK":   "false",
	} {
		t.Setenv(key, value)
	}
	var headers []http.Header
	org := oktatest.New(oktatest.Options{Token: apiToken})
	u := org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		org.ServeHTTP(w, r)
	}))
	for range 2 {
		_, err := c.User(t.Context(), u.ID)
		require.NoError(t, err)
	}
	org.Fail(oktatest.Match{}, 1, oktatest.Fault{Status: 429})
	_, err := c.User(t.Context(), u.ID)
	assert.Equal(t, 429, okta.StatusOf(err))
	require.Len(t, headers, 3, "no cache and no repetition")
	for _, h := range headers {
		assert.Equal(t, "SSWS "+apiToken, h.Get("Authorization"))
		assert.NotContains(t, h.Get("User-Agent"), "environment")
		assert.Contains(t, h.Get("User-Agent"), "zensync")
	}

	org, app := newAppOrg(t, oktatest.Options{})
	u = org.Seed(oktatest.Profile{Email: "a@example.com"}, oktatest.Active)
	_, err = app.User(t.Context(), u.ID)
	require.NoError(t, err)
	assert.Contains(t, org.Calls()[0].Query, "scope=okta.users.read+okta.groups.read+okta.eventHooks.manage")
}
