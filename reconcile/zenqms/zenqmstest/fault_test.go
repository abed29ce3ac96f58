package zenqmstest_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

const carl = `{"email": "carl@example.com", "first_name": "Carl", "last_name": "Gauss"}`

func TestFail_Status(t *testing.T) {
	account := withUsers(zenqmstest.Options{})
	account.Fail(zenqmstest.OnCreate, 2, zenqmstest.Fault{
		Status: 503, Message: "later", Fields: []zenqmstest.FieldError{{Field: "f", Message: "m"}},
		RetryAfter: 1500 * time.Millisecond, Header: http.Header{"x-odd": {"1"}},
	})
	assert.Equal(t, 200, call(t, account, "POST", "/v2/users/search", `{}`).status, "no match")
	for range 2 {
		got := call(t, account, "POST", "/v2/users", carl)
		assert.Equal(t, 503, got.status)
		assert.Equal(t, "later", got.body["message"])
		assert.Equal(t, []string{"f"}, got.fields())
		assert.Equal(t, "2", got.header.Get("Retry-After"), "rounded up")
		assert.Equal(t, "1", got.header.Get("X-Odd"))
	}
	assert.Equal(t, 2, account.Len(), "it did not act")
	assert.Equal(t, 201, call(t, account, "POST", "/v2/users", carl).status, "twice, then no more")
}

func TestFail_Drop(t *testing.T) {
	account := withUsers(zenqmstest.Options{})
	account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Drop: true})
	account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{DropAfter: true})
	for _, users := range []int{2, 3} {
		_, err := account.Transport().RoundTrip(request(t, "POST", "/v2/users", carl))
		require.Error(t, err)
		assert.Equal(t, users, account.Len())
	}
	calls := account.Writes()
	require.Len(t, calls, 2)
	assert.Zero(t, calls[0].Status)
	assert.False(t, calls[0].Lost)
	assert.Equal(t, 201, calls[1].Status)
	assert.True(t, calls[1].Lost)
}

func TestFail_Body(t *testing.T) {
	account := withUsers(zenqmstest.Options{})
	account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Body: "<html>"})
	resp, err := account.Transport().RoundTrip(request(t, "POST", "/v2/users", carl))
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "<html>", string(raw))
	assert.Equal(t, 201, resp.StatusCode)
	assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
	assert.Equal(t, 3, account.Len(), "it acted")
}

func TestFail_Match(t *testing.T) {
	for name, c := range map[string]struct {
		match              zenqmstest.Match
		method, path, body string
		struck             bool
	}{
		"any":               {zenqmstest.OnAny, "PATCH", "/v2/users/1", `{}`, true},
		"update":            {zenqmstest.OnUpdate, "PATCH", "/v2/users/1", `{}`, true},
		"update, no create": {zenqmstest.OnUpdate, "POST", "/v2/users", carl, false},
		"update, no search": {zenqmstest.OnUpdate, "POST", "/v2/users/search", `{}`, false},
		"one user":          {zenqmstest.Match{Path: "/v2/users/2"}, "PATCH", "/v2/users/1", `{}`, false},
		"add":               {zenqmstest.OnAddRoles, "POST", "/v2/users/1/roles/add", `{}`, true},
		"remove":            {zenqmstest.OnRemoveRoles, "DELETE", "/v2/users/1/roles/remove", `{}`, true},
		"role search":       {zenqmstest.OnRoleSearch, "POST", "/v2/roles/search", `{}`, true},
		"by body":           {zenqmstest.Match{Body: "carl@"}, "POST", "/v2/users", carl, true},
		"by other body":     {zenqmstest.Match{Body: "dora@"}, "POST", "/v2/users", carl, false},
	} {
		t.Run(name, func(t *testing.T) {
			account := withUsers(zenqmstest.Options{})
			account.Fail(c.match, zenqmstest.Always, zenqmstest.Fault{Status: 599})
			for range 3 {
				assert.Equal(t, c.struck, call(t, account, c.method, c.path, c.body).status == 599)
			}
			account.Heal()
			assert.NotEqual(t, 599, call(t, account, c.method, c.path, c.body).status)
		})
	}
	assert.Panics(t, func() { withUsers(zenqmstest.Options{}).Fail(zenqmstest.Match{Path: "["}, 1, zenqmstest.Fault{}) })
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := withUsers(zenqmstest.Options{})
		account.Latency(50 * time.Millisecond)
		account.Fail(zenqmstest.OnAny, 1, zenqmstest.Fault{Latency: time.Second})
		start := time.Now()
		assert.Equal(t, 201, call(t, account, "POST", "/v2/users", carl).status, "a slow call acts all the same")
		assert.Equal(t, 1050*time.Millisecond, time.Since(start))
		call(t, account, "POST", "/v2/users/search", `{}`)
		assert.Equal(t, 1100*time.Millisecond, time.Since(start))

		account.Latency(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := account.Transport().RoundTrip(request(t, "PATCH", "/v2/users/1", `{"title": "Lead"}`).WithContext(ctx))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		u, _ := account.User(1)
		assert.Equal(t, "Analyst", u.Title, "given up before it acted")
		calls := account.Calls()
		assert.Zero(t, calls[len(calls)-1].Status)
	})
}

func TestJournal(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	account := withUsers(zenqmstest.Options{Now: func() time.Time { return now }})
	call(t, account, "POST", "/v2/users/search", `{"page": 1}`)
	call(t, account, "PATCH", "/v2/users/1", `{"is_active": false, "external_id": null}`)
	call(t, account, "POST", "/v2/roles/search", `broken`)

	calls := account.Calls()
	require.Len(t, calls, 3)
	assert.Equal(t, zenqmstest.Call{
		At: now, Method: "PATCH", Path: "/v2/users/1", Status: 200,
		Body: map[string]any{"is_active": false, "external_id": nil},
	}, calls[1])
	assert.Nil(t, calls[2].Body)
	assert.Equal(t, 400, calls[2].Status)
	assert.Equal(t, calls[1:2], account.Writes())
	account.ResetCalls()
	assert.Empty(t, account.Calls())

	account = withUsers(zenqmstest.Options{NoJournal: true})
	call(t, account, "POST", "/v2/users/search", `{}`)
	assert.Empty(t, account.Calls())
}
