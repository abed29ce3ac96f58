package oktaspec_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/reconcile/okta/oktatest/oktaspec"
)

// spy takes the failures that a check reports.
type spy struct {
	testing.TB
	failures []string
}

func (s *spy) Helper() {}

func (s *spy) Errorf(format string, args ...any) {
	s.failures = append(s.failures, fmt.Sprintf(format, args...))
}

func TestWrap_ReportsViolations(t *testing.T) {
	const hook = `{"name":"x","events":{"type":"EVENT_TYPE","items":["user.lifecycle.create"]}}`
	ok := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("[]"))
	}
	say := func(status int, kind, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, c := range map[string]struct {
		method, path, body string
		answer             func(http.ResponseWriter)
		want               string // "": no failure
	}{
		"all is well":                  {"GET", "/api/v1/users?limit=5", "", ok, ""},
		"token endpoint":               {"POST", "/oauth2/v1/token?x=1", "", say(418, "text/plain", "?"), ""},
		"unknown path":                 {"GET", "/api/v1/user", "", ok, "request GET /api/v1/user"},
		"unknown method":               {"PATCH", "/api/v1/users", "", ok, "request PATCH"},
		"unknown query parameter":      {"GET", "/api/v1/users?page=2", "", ok, `"page" is not documented`},
		"query parameter of no number": {"GET", "/api/v1/users?limit=x", "", ok, "limit"},
		"body of another shape":        {"POST", "/api/v1/eventHooks", `{"events":{"items":"x"}}`, say(200, "application/json", "{}"), "request POST"},
		"body as it should be":         {"POST", "/api/v1/eventHooks", hook, say(200, "application/json", hook), ""},
		"body where none belongs":      {"POST", "/api/v1/eventHooks/who1/lifecycle/verify", `{}`, say(200, "application/json", hook), "request POST"},
		"answer of another shape":      {"GET", "/api/v1/users", "", say(200, "application/json", "{}"), "answer 200 to GET"},
		"answer with a wrong time":     {"GET", "/api/v1/users/x", "", say(200, "application/json", `{"created":"yesterday"}`), "answer 200"},
		"answer of another type":       {"GET", "/api/v1/users", "", say(200, "text/html", "[]"), "answer 200"},
		"undocumented status":          {"GET", "/api/v1/users", "", say(500, "application/json", "{}"), "answer 500"},
		"documented error":             {"GET", "/api/v1/users/x", "", say(404, "application/json", `{"errorCode":"E0000007"}`), ""},
		"amended: 401":                 {"GET", "/api/v1/users/x", "", say(401, "application/json", `{"errorCode":"E0000011"}`), ""},
		"amended: null title":          {"GET", "/api/v1/users/x", "", say(200, "application/json", `{"profile":{"title":null}}`), ""},
		"fault on purpose": {"GET", "/api/v1/users", "", func(w http.ResponseWriter) {
			w.Header().Set(oktaspec.FaultHeader, "1")
			say(500, "text/html", "?")(w)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			watch := &spy{TB: t}
			var served string
			h := oktaspec.Wrap(watch, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				served = string(body)
				c.answer(w)
			}))
			r := httptest.NewRequest(c.method, "https://fake.okta.test"+c.path, strings.NewReader(c.body))
			if c.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			assert.Equal(t, c.body, served, "the check leaves the body to the handler")
			if c.want == "" {
				assert.Empty(t, watch.failures)
			} else if assert.NotEmpty(t, watch.failures) {
				assert.Contains(t, watch.failures[0], c.want)
			}
		})
	}
}

func TestSchema_ReportsViolations(t *testing.T) {
	watch := &spy{TB: t}
	oktaspec.Schema(watch, "LogEvent", []byte(`{"published":"2026-03-01T12:00:00.000Z","actor":null}`))
	assert.Empty(t, watch.failures)
	oktaspec.Schema(watch, "LogEvent", []byte(`{"target":{}}`))
	assert.Len(t, watch.failures, 1)
}
