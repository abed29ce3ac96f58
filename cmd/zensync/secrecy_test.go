package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

// echo stands before a fake. While it is on, it answers with the credential that
// it was sent, in whatever place of an answer a server could put one.
type echo struct {
	handler http.Handler
	on      atomic.Bool
	hooks   atomic.Bool // only what gives an event hook its secret is answered so

	mu    sync.Mutex
	turn  int
	heard map[string]bool // credentials that came by, those among them that the program was only lent
}

// take notes the credentials of a request and returns the last of them.
func (e *echo) take(r *http.Request) (credential string, turn int, ofHook bool) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	hook := hookSecret(r)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range []string{token, r.URL.Query().Get("client_assertion"), hook} {
		if c != "" {
			e.heard[c], credential = true, c
		}
	}
	e.turn++
	return credential, e.turn, hook != ""
}

// hookSecret is the secret that a request gives an event hook, "" for any other
// request, and leaves the request as it was.
func hookSecret(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "" // whoever asked has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var hook struct {
		Channel struct {
			Config struct {
				AuthScheme struct{ Value string }
			}
		}
	}
	if json.Unmarshal(body, &hook) != nil {
		return ""
	}
	return hook.Channel.Config.AuthScheme.Value
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	credential, turn, ofHook := e.take(r)
	if !e.on.Load() || e.hooks.Load() && !ofHook {
		e.handler.ServeHTTP(w, r)
		return
	}
	statuses := []int{400, 500, 403, 422, 200, 404, 503, 409, 302, 405, 401}
	status := statuses[turn%len(statuses)]
	said := "not with Bearer " + credential + ", thank you"
	w.Header().Set("Www-Authenticate", `Bearer error="invalid_token", error_description="`+said+`"`)
	w.Header().Set("Location", "https://elsewhere.example.com/"+credential)
	w.Header().Set("Retry-After", credential)
	w.Header().Set("X-Rate-Limit-Reset", credential)
	w.Header().Set("Link", "</api/v1/users?after="+credential+`>; rel="next"`)
	if turn%3 == 0 {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, said)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // whoever asked may have gone
		"errorCode": "E0000001", "errorSummary": said, "errorCauses": []any{map[string]any{"errorSummary": said}},
		"error": credential, "error_description": said,
		"message": said, "errors": []any{map[string]any{"field": "email", "message": said}, map[string]any{"field": credential, "message": said}},
	})
}

// TestSecretsAreNowhereWhateverAServerEchoes has both servers answer with the
// credentials, while every command runs that asks them anything and a worker
// works, and then searches all there is: what was printed and logged, status,
// reports in every form, plan, doctor, the page, metrics, alerts, the pack for an
// inspection, the log as it is written out and the database with what lies beside it.
func TestSecretsAreNowhereWhateverAServerEchoes(t *testing.T) {
	c := newSite(t)
	okta := &echo{handler: c.org, heard: map[string]bool{}}
	zenqms := &echo{handler: c.account, heard: map[string]bool{}}
	c.toOkta.handler, c.toZenQMS.handler = okta, zenqms
	var alerts atomic.Int64
	alerted := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if assert.NoError(t, err) {
			c.keep(fmt.Sprint("alert-", alerts.Add(1)), fmt.Sprint(r.URL, r.Header, string(body)))
		}
	}))
	t.Cleanup(alerted.Close)
	c.rewrite(regexp.MustCompile(`generic\+http://[0-9.:]+`), "generic+"+alerted.URL)
	c.deploy()

	okta.on.Store(true)
	zenqms.on.Store(true)
	worker := c.startWorker()
	c.org.UpdateProfile(c.names["ann"], func(p *oktatest.Profile) { p.Title = "Chief" })
	for range 2 {
		for _, args := range [][]string{
			{"sync", "$ann"}, {"sync", "$dan"}, {"reconcile"}, {"plan"}, {"deploy", "--yes"}, {"explain", "$ann"}, {"drift"},
			{"doctor"}, {"doctor", "--format", "json"}, {"config", "check", "--live"}, {"config", "check"},
			{"status"}, {"status", "--format", "json"}, {"verify"}, {"rotate-secret", "--grace", "1s"},
			{"report"}, {"report", "--format", "html"}, {"report", "log", "--format", "csv"}, {"report", "runs", "--format", "json"},
			{"report", "dead"}, {"report", "events"}, {"report", "skipped", "--format", "csv"}, {"report", "failures"},
		} {
			c.start(args...).wait()
		}
		for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/explain?user=" + c.names["ann"]} {
			resp, err := http.Get("http://" + c.vars["PAGE"] + path)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			c.keep("page"+regexp.MustCompile(`\W`).ReplaceAllString(path, "-"), fmt.Sprint(resp.Header, string(body)))
		}
	}
	zenqms.on.Store(false)
	okta.hooks.Store(true) // else a call before it fails, and Okta is not given any
	c.withRelay(func() {
		for range 3 {
			c.start("rotate-secret", "--grace", "1s").wait()
		}
	})
	worker.stop()
	c.must(exitDone, "notify", "test")
	c.must(exitDone, "backup", filepath.Join(c.folder, "copy.db"))
	c.must(exitDone, "export", "--output", filepath.Join(c.folder, "log.jsonl"))
	c.must(exitDone, "report", "pack", "--since", "1d", "--output", filepath.Join(c.folder, "pack"))

	okta.mu.Lock()
	zenqms.mu.Lock()
	require.NotEmpty(t, okta.heard, "this test must have had something to echo")
	require.Contains(t, zenqms.heard, c.secrets["zenqms.key"])
	require.Contains(t, okta.heard, c.secrets["hook.secret"], "a deploy gives Okta the hook's")
	previous := "hook.secret.previous" // as rotations that were not finished leave it
	require.FileExists(t, filepath.Join(c.folder, previous))
	c.secrets[previous] = c.secrets["hook.secret"]
	for _, e := range []*echo{okta, zenqms} {
		for credential := range e.heard {
			c.secrets[fmt.Sprintf("lent-%.12s", credential)] = credential // newSite searches for all of them in the end
		}
	}
}

// keep leaves a text where secrets are searched for in the end.
func (c *site) keep(name, text string) {
	c.Helper()
	assert.NoError(c, os.WriteFile(filepath.Join(c.folder, name), []byte(text), 0o600))
}

// rewrite changes the configuration.
func (c *site) rewrite(what *regexp.Regexp, with string) {
	c.Helper()
	text, err := os.ReadFile(c.vars["ZENSYNC_CONFIG"])
	require.NoError(c, err)
	require.Regexp(c, what, string(text))
	require.NoError(c, os.WriteFile(c.vars["ZENSYNC_CONFIG"], what.ReplaceAllLiteral(text, []byte(with)), 0o600))
}
