package zenqmstest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func TestStrictness(t *testing.T) {
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		want               int
	}{
		"good":                 {"POST", "/v2/users/search", `{}`, nil, 200},
		"charset":              {"POST", "/v2/users/search", `{}`, set("Content-Type", "application/json; charset=utf-8"), 200},
		"no token":             {"POST", "/v2/users/search", `{}`, set("Authorization", ""), 401},
		"bad token":            {"POST", "/v2/users/search", `{}`, set("Authorization", "Bearer x"), 401},
		"bare token":           {"POST", "/v2/users/search", `{}`, set("Authorization", zenqmstest.DefaultToken), 401},
		"token before address": {"POST", "/nowhere", `{}`, set("Authorization", ""), 401},
		"wrong method":         {"GET", "/v2/users/search", `{}`, nil, 405},
		"list by GET":          {"GET", "/v2/users", ``, nil, 405},
		"read by GET":          {"GET", "/v2/users/1", ``, nil, 405},
		"delete a user":        {"DELETE", "/v2/users/1", ``, nil, 405},
		"delete all users":     {"DELETE", "/v2/users", ``, nil, 405},
		"delete by POST":       {"POST", "/v2/users/1/delete", `{}`, nil, 404},
		"replace a user":       {"PUT", "/v2/users/1", `{}`, nil, 405},
		"remove roles by POST": {"POST", "/v2/users/1/roles/remove", `{"role_ids": [1]}`, nil, 405},
		"nowhere":              {"POST", "/v2/groups", `{}`, nil, 404},
		"no version":           {"POST", "/users/search", `{}`, nil, 404},
		"trailing slash":       {"PATCH", "/v2/users/1/", `{}`, nil, 404},
		"no id":                {"PATCH", "/v2/users/", `{}`, nil, 404},
		"unknown id":           {"PATCH", "/v2/users/9", `{}`, nil, 404},
		"padded id":            {"PATCH", "/v2/users/01", `{}`, nil, 404},
		"plain text":           {"POST", "/v2/users/search", `{}`, set("Content-Type", "text/plain"), 415},
		"no content type":      {"POST", "/v2/users/search", `{}`, set("Content-Type", ""), 415},
		"no body":              {"POST", "/v2/users/search", ``, nil, 400},
		"broken":               {"POST", "/v2/users/search", `{"page": 1`, nil, 400},
		"two objects":          {"POST", "/v2/users/search", `{}{}`, nil, 400},
		"a list":               {"POST", "/v2/users/search", `[]`, nil, 400},
		"null":                 {"POST", "/v2/users/search", `null`, nil, 400},
		"too large":            {"POST", "/v2/users", `{"email": "` + strings.Repeat("a", 1<<20) + `"}`, nil, 413},
	} {
		t.Run(name, func(t *testing.T) {
			account := withUsers(zenqmstest.Options{})
			r := request(t, c.method, c.path, c.body)
			if c.change != nil {
				c.change(r)
			}
			got := send(t, account, r)
			assert.Equal(t, c.want, got.status)
			assert.Equal(t, c.want == 405, got.header.Get("Allow") != "")
			if c.want != 200 {
				assert.NotEmpty(t, got.body["message"])
			}
			assert.Equal(t, 2, account.Len())
			assert.Equal(t, c.want, account.Calls()[0].Status)
		})
	}
}

func TestToken(t *testing.T) {
	account := zenqmstest.New(zenqmstest.Options{Token: "s", AuthHeader: "X-Api-Key"})
	r := request(t, "POST", "/v2/users/search", `{}`)
	assert.Equal(t, 401, send(t, account, r).status)
	r = request(t, "POST", "/v2/users/search", `{}`)
	r.Header.Set("X-Api-Key", "s")
	assert.Equal(t, 200, send(t, account, r).status)
	account.SetToken("other")
	r = request(t, "POST", "/v2/users/search", `{}`)
	r.Header.Set("X-Api-Key", "s")
	assert.Equal(t, 401, send(t, account, r).status)
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := zenqmstest.New(zenqmstest.Options{RatePerSecond: 2})
		statuses := func() (out []int) {
			for range 3 {
				out = append(out, call(t, account, "POST", "/v2/users/search", `{}`).status)
			}
			return out
		}
		assert.Equal(t, []int{200, 200, 429}, statuses())
		assert.Equal(t, "1", call(t, account, "POST", "/v2/users/search", `{}`).header.Get("Retry-After"))
		time.Sleep(time.Second)
		assert.Equal(t, []int{200, 200, 429}, statuses())
	})
}

func TestOverTheNetwork(t *testing.T) {
	account := withUsers(zenqmstest.Options{})
	web := httptest.NewServer(account)
	t.Cleanup(web.Close)
	post := func() (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", web.URL+"/v2/users/search", strings.NewReader(`{}`))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+zenqmstest.DefaultToken)
		r.Header.Set("Content-Type", "application/json")
		return http.DefaultClient.Do(r)
	}
	resp, err := post()
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 200, resp.StatusCode)

	account.Fail(zenqmstest.OnSearch, 1, zenqmstest.Fault{DropAfter: true})
	resp, err = post()
	if err == nil {
		resp.Body.Close()
	}
	assert.Error(t, err)
	require.Len(t, account.Calls(), 2)
	assert.Equal(t, 200, account.Calls()[1].Status)
	assert.True(t, account.Calls()[1].Lost)
}
