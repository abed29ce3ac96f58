package okta_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestPagesDoNotLeakIntoEachOther(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{PageSizeMax: 1})
	org.Seed(oktatest.Profile{Email: "a@example.com", Title: "T1"}, oktatest.Active)
	org.Seed(oktatest.Profile{Email: "b@example.com"}, oktatest.Active)

	first, err := c.ListUsers(t.Context(), okta.Query{})
	require.NoError(t, err)
	second, err := c.ListUsers(t.Context(), okta.Query{After: first.Next})
	require.NoError(t, err)
	assert.Equal(t, "a@example.com", first.Users[0].Email)
	assert.Equal(t, "b@example.com", second.Users[0].Email)
	assert.Empty(t, second.Users[0].Title)
}

func TestEmptyPageIsNotTheLast(t *testing.T) {
	c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") == "" {
			page("[]", `</api/v1/users?after=2>; rel="next"`)(w, r)
			return
		}
		page(`[{"id":"00u1"}]`)(w, r)
	}))
	assert.Len(t, walk(t, c, okta.Query{}), 1)
}

func TestLinksOfManyForms(t *testing.T) {
	for name, links := range map[string][]string{
		"two lines":            {`<https://example.okta.com/api/v1/users>; rel="self"`, `<https://example.okta.com/api/v1/users?after=2&limit=1>; rel="next"`},
		"one line":             {`<https://example.okta.com/api/v1/users>; rel="self", <https://example.okta.com/api/v1/users?after=2>; rel="next"`},
		"one line, next ahead": {`<https://example.okta.com/api/v1/users?after=2>; rel="next",<https://example.okta.com/api/v1/users>; rel="self"`},
		"commas within":        {`</api/v1/users?a=1,2>; title="a, <b>"; rel=self, </api/v1/users?after=2&x=1,2>; Rel=Next`},
		"another host":         {`<https://login.example.com/api/v1/users?after=2>; rel="next"`},
		"other links":          {`broken`, `<%zz>; rel="self"`, `<>;`, `</api/v1/users?after=2>; rel="prefetch next"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				assert.Equal(t, `status eq "ACTIVE"`, q.Get("filter"), "whether or not the link repeats it")
				assert.Equal(t, "/api/v1/users", r.URL.Path)
				if q.Get("after") == "" {
					page(`[{"id":"00u1"}]`, links...)(w, r)
					return
				}
				page(`[{"id":"00u2"}]`, `</api/v1/users?after=2>; rel="self"`)(w, r)
			}))
			users := walk(t, c, okta.Query{Filter: `status eq "ACTIVE"`})
			require.Len(t, users, 2)
			assert.Equal(t, "00u2", users[1].ID)
		})
	}
}

func TestLinkThatCannotBeReadIsAnError(t *testing.T) {
	for _, link := range []string{`<https://example.okta.com/%zz?after=1>; rel="next"`, `<::>; rel="next"`, `</api/v1/users>; rel="next"`} {
		_, err := tokenClient(t, page(`[{"id":"00u1"}]`, link)).ListUsers(t.Context(), okta.Query{})
		assert.ErrorContains(t, err, "link to the next page", link)
	}
}

func TestRepeatedCursorIsAnError(t *testing.T) {
	// What follows after each cursor; the first page is "".
	for name, next := range map[string]map[string]string{
		"itself":           {"": "1", "1": "1"},
		"itself, later":    {"": "1", "1": "2", "2": "3", "3": "4", "4": "5", "5": "6", "6": "6"},
		"circle of two":    {"": "1", "1": "2", "2": "1"},
		"circle of five":   {"": "1", "1": "2", "2": "3", "3": "4", "4": "5", "5": "1"},
		"circle at length": {"": "1", "1": "2", "2": "3", "3": "4", "4": "5", "5": "6", "6": "7", "7": "4"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.Less(t, calls.Add(1), int64(50), "it goes on and on")
				after := r.URL.Query().Get("after")
				page(`[{"id":"00u1"}]`, fmt.Sprintf(`</api/v1/users?after=%s>; rel="next"`, next[after]))(w, r)
			}))
			var err error
			for q := (okta.Query{}); err == nil; {
				var p okta.Page
				p, err = c.ListUsers(t.Context(), q)
				q.After = p.Next
			}
			assert.ErrorContains(t, err, "the list would never end")
			_, err = c.FindUsers(t.Context(), "a@example.com")
			assert.ErrorContains(t, err, "the list would never end")
		})
	}
}

// A list that is read as a whole ends, too, where each page has a link that never came before.
func TestListWithoutAnEndIsAnError(t *testing.T) {
	for name, body := range map[string]string{"of nobody": `[]`, "of the same one": `[{"id":"00u1","profile":{"name":"QA"}}]`} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := calls.Add(1)
				if n > 3500 { // three lists of a thousand pages
					t.Error("it goes on and on")
					page(body)(w, r)
					return
				}
				page(body, fmt.Sprintf(`<%s?after=%d>; rel="next"`, r.URL.Path, n))(w, r)
			}))
			_, err := c.FindUsers(t.Context(), "a@example.com")
			assert.ErrorContains(t, err, "the list would never end", "nobody is concluded not to exist")
			_, err = c.UserGroups(t.Context(), "00u1")
			assert.ErrorContains(t, err, "the list would never end")
			_, err = c.FindGroups(t.Context(), "QA")
			assert.ErrorContains(t, err, "the list would never end")
		})
	}
}

func TestAfterMustBeANext(t *testing.T) {
	org, c := newOrg(t, oktatest.Options{})
	for _, after := range []string{"100u1", "after=x", "?after=x", "1.2.3?", "1.2.3?a=%zz"} {
		_, err := c.ListUsers(t.Context(), okta.Query{After: after})
		assert.Error(t, err, after)
	}
	assert.Empty(t, org.Calls())
}

// A list that is no list must not pass for the end of a walk, or everybody would seem to have left.
func TestBrokenListIsNotAnEmptyOne(t *testing.T) {
	for _, body := range []string{"", " ", "null", "{}", `""`, "[", `[{"id":"00u1"}`, `[{"id":"00u1"}] <html>`, `[{}]`, `[null]`, `[1]`,
		`[{"id":"00u1","lastUpdated":"yesterday"}]`, strings.Repeat("[", 20000)} {
		c := tokenClient(t, page(body))
		_, err := c.ListUsers(t.Context(), okta.Query{})
		assert.Error(t, err, "%.40s", body)
		assert.Equal(t, 0, okta.StatusOf(err), "%.40s", body)
		_, err = c.GroupMembers(t.Context(), "00g1", "")
		assert.Error(t, err, "%.40s", body)
		if !strings.Contains(body, "lastUpdated") {
			_, err = c.UserGroups(t.Context(), "00u1")
			assert.Error(t, err, "%.40s", body)
		}
	}
}
