package zenqms_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func TestNew_BaseURL(t *testing.T) {
	for url, wrong := range map[string]string{
		"https://public-api.zenqms.com":     "",
		"https://public-api.zenqms.com/":    "",
		"https://gw.example.com/zenqms//":   "",
		"http://localhost:8080":             "",
		"http://LOCALHOST":                  "",
		"http://127.0.0.1:8080":             "",
		"http://127.9.9.9":                  "",
		"http://[::1]:8080":                 "",
		" https://public-api.zenqms.com\n":  "",
		"":                                  "is empty",
		"   ":                               "is empty",
		"public-api.zenqms.com":             "is not a URL",
		"https://":                          "is not a URL",
		"https://a b":                       "is not a URL",
		"http://public-api.zenqms.com":      "must be https",
		"http://localhost.example.com":      "must be https",
		"http://128.0.0.1":                  "must be https",
		"ftp://public-api.zenqms.com":       "must begin with https",
		"https://me:hunter2@zenqms.com":     "must not hold a user",
		"https://public-api.zenqms.com/?a=": "must not have a query",
		"https://public-api.zenqms.com/#x":  "must not have a query",
	} {
		t.Run(url, func(t *testing.T) {
			_, err := zenqms.New(zenqms.Config{BaseURL: url, APIKey: key})
			if wrong == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, wrong)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestNew_RefusesWhatNoHeaderCarries(t *testing.T) {
	for name, cfg := range map[string]zenqms.Config{
		"no key":             {},
		"blank key":          {APIKey: " \n"},
		"line break in key":  {APIKey: key + "\nX:y"},
		"white space in key": {APIKey: key + "  x"},
		"key beyond ASCII":   {APIKey: key + "é"},
		"header with a tab":  {APIKey: key, AuthHeader: "X\tKey"},
		"header with colon":  {APIKey: key, AuthHeader: "Authorization:"},
		"prefix line break":  {APIKey: key, AuthPrefix: "Bearer\r\n"},
		"negative timeout":   {APIKey: key, Timeout: -time.Second},
		"not a number a sec": {APIKey: key, MaxRequestsPerSecond: nan()},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.BaseURL = "https://zenqms.test"
			_, err := zenqms.New(cfg)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), key)
		})
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestCredentialHeader(t *testing.T) {
	for name, c := range map[string]struct{ header, prefix, wantHeader, want string }{
		"default":              {"", "", "Authorization", "Bearer " + key},
		"own header":           {"X-Api-Key", "", "X-Api-Key", key},
		"own header lowercase": {"authorization", "", "Authorization", "Bearer " + key},
		"own prefix":           {"", "Token ", "Authorization", "Token " + key},
		"prefix without space": {"", "Token", "Authorization", "Token " + key},
		"prefix with sign":     {"", "Token token=", "Authorization", "Token token=" + key},
		"no prefix":            {"", zenqms.NoPrefix, "Authorization", key},
		"both":                 {"X-Api-Key", "Key ", "X-Api-Key", "Key " + key},
	} {
		t.Run(name, func(t *testing.T) {
			s := onServer(t, saysJSON(http.StatusOK, `{"data": []}`))
			client := newClient(t, zenqms.Config{BaseURL: s.url, AuthHeader: c.header, AuthPrefix: c.prefix})
			require.NoError(t, client.Ping(t.Context()))
			assert.Equal(t, c.want, s.seen()[0].header.Get(c.wantHeader))
			assert.Equal(t, "application/json", s.seen()[0].header.Get("Content-Type"))
		})
	}
}

func TestBaseURL_KeepsAPathInFront(t *testing.T) {
	account := zenqmstest.New(zenqmstest.Options{Token: key})
	web := httptest.NewServer(http.StripPrefix("/gateway", account))
	t.Cleanup(web.Close)
	client := newClient(t, zenqms.Config{BaseURL: web.URL + "/gateway/"})
	require.NoError(t, client.Ping(t.Context()))
	require.Len(t, account.Calls(), 1)
	assert.Equal(t, "/v2/users/search", account.Calls()[0].Path)
}

func TestPing(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	require.NoError(t, client.Ping(t.Context()))
	assert.Empty(t, account.Writes(), "it changes nothing")

	account.SetToken("another one")
	assert.Equal(t, http.StatusUnauthorized, asError(t, client.Ping(t.Context())).Status)
	assert.ErrorContains(t, client.Ping(t.Context()), "make sure that it is activated")

	account.SetToken(key)
	account.Fail(zenqmstest.OnSearch, 1, zenqmstest.Fault{Status: http.StatusForbidden, Message: "no"})
	assert.Equal(t, http.StatusForbidden, asError(t, client.Ping(t.Context())).Status)

	account.Fail(zenqmstest.OnSearch, 1, zenqmstest.Fault{Body: "<html>Sign in to the guest network</html>"})
	assert.Zero(t, asError(t, client.Ping(t.Context())).Status, "a portal's page is no acceptance")
	account.Fail(zenqmstest.OnSearch, 1, zenqmstest.Fault{Body: `{"ok": true}`})
	assert.Zero(t, asError(t, client.Ping(t.Context())).Status)
}
