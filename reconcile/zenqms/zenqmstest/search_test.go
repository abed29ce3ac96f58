package zenqmstest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func TestSearch_Filters(t *testing.T) {
	none := zenqmstest.Options{}
	for name, c := range map[string]struct {
		opts zenqmstest.Options
		body string
		want []string
	}{
		"all":                  {none, `{}`, []string{"1", "2"}},
		"id":                   {none, `{"id": "2"}`, []string{"2"}},
		"id, unknown":          {none, `{"id": "9"}`, []string{}},
		"id, no number":        {none, `{"id": "two"}`, []string{}},
		"email":                {none, `{"email": "aDa@example.com"}`, []string{"1"}},
		"email, part":          {none, `{"email": "example.com"}`, []string{}},
		"external id":          {none, `{"external_id": "00u1"}`, []string{"1"}},
		"external id, case":    {none, `{"external_id": "00U1"}`, []string{}},
		"both":                 {none, `{"email": "ada@example.com", "external_id": "00u1"}`, []string{"1"}},
		"both, of two":         {none, `{"email": "bob@example.com", "external_id": "00u1"}`, []string{}},
		"id and email, of two": {none, `{"id": "1", "email": "bob@example.com"}`, []string{}},
		"ignored":              {zenqmstest.Options{IgnoreExternalIDFilter: true}, `{"external_id": "x"}`, []string{"1", "2"}},
		"ignored, by email":    {zenqmstest.Options{IgnoreExternalIDFilter: true}, `{"email": "bob@example.com"}`, []string{"2"}},
		"all ignored":          {zenqmstest.Options{IgnoreFilters: true}, `{"id": "9", "email": "x"}`, []string{"1", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, withUsers(c.opts), "POST", "/v2/users/search", c.body)
			assert.Equal(t, 200, got.status)
			assert.Equal(t, c.want, got.rows())
			assert.Equal(t, json.Number(fmt.Sprint(len(c.want))), got.body["total"])
		})
	}
}

func TestSearch_Refusals(t *testing.T) {
	for body, field := range map[string]string{
		`{"page_size": 101}`:             "page_size",
		`{"page_size": 0}`:               "page_size",
		`{"page_size": "10"}`:            "page_size",
		`{"page": 0}`:                    "page",
		`{"page": -1}`:                   "page",
		`{"page": 1.5}`:                  "page",
		`{"page": 99999999999999999999}`: "page",
		`{"page": null}`:                 "page",
		`{"id": 1}`:                      "id",
		`{"email": null}`:                "email",
		`{"status": "active"}`:           "status",
		`{"external_id": 7}`:             "external_id",
	} {
		got := call(t, withUsers(zenqmstest.Options{}), "POST", "/v2/users/search", body)
		assert.Equal(t, 422, got.status, body)
		assert.Equal(t, []string{field}, got.fields(), body)
	}
	got := call(t, withUsers(zenqmstest.Options{RefuseExternalIDFilter: true}), "POST", "/v2/users/search", `{"external_id": "00u1"}`)
	assert.Equal(t, 422, got.status)
	assert.Equal(t, []string{"external_id"}, got.fields())
	got = call(t, withUsers(zenqmstest.Options{}), "POST", "/v2/roles/search", `{"name": "x"}`)
	assert.Equal(t, []string{"name"}, got.fields())
}

func TestSearch_Pages(t *testing.T) {
	account := zenqmstest.New(zenqmstest.Options{})
	for i := range 205 {
		account.AddUser(zenqmstest.User{Email: fmt.Sprintf("u%d@example.com", i)})
		account.AddRole(fmt.Sprint("R", i))
	}
	for _, path := range []string{"/v2/users/search", "/v2/roles/search"} {
		for page, want := range map[int]int{1: 100, 2: 100, 3: 5, 4: 0, 2147483647: 0} {
			got := call(t, account, "POST", path, fmt.Sprintf(`{"page": %d}`, page))
			assert.Len(t, got.rows(), want)
			assert.Equal(t, json.Number(fmt.Sprint(page)), got.body["page"])
			assert.Equal(t, json.Number("100"), got.body["page_size"])
			assert.Equal(t, json.Number("205"), got.body["total"])
		}
		assert.Equal(t, []string{"3", "4"}, call(t, account, "POST", path, `{"page": 2, "page_size": 2}`).rows())
	}

	account = withUsers(zenqmstest.Options{PageCap: 1, Total: func(n int) int { return -n }})
	got := call(t, account, "POST", "/v2/users/search", `{"page": 2}`)
	assert.Equal(t, []string{"2"}, got.rows())
	assert.Equal(t, json.Number("1"), got.body["page_size"])
	assert.NotContains(t, got.body, "total")
}
