package page

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// paths are all there is to ask for.
var paths = []string{"/", "/explain?user=ann", "/style.css", "/good.svg", "/chart/events-dark-narrow.svg", "/healthz", "/readyz", "/metrics", "/elsewhere"}

// request asks a page that is served on a port.
func request(t *testing.T, method, url, host string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	req.Host = host
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp, string(text)
}

func TestStatusPageRefusesForeignHostHeaders(t *testing.T) {
	f := setup(t)
	f.deployed()
	f.page.name = "monitor.example.com" // as worker.listen may have it
	address, stop := f.serve()
	defer stop()
	for _, path := range paths {
		for _, host := range []string{"evil.example", "evil.example:9180", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.5:9180", "[2001:db8::1]:9180", "page"} {
			resp, body := request(t, http.MethodGet, "http://"+address+path, host)
			assert.Equal(t, http.StatusMisdirectedRequest, resp.StatusCode, "%s as %s", path, host)
			assert.Contains(t, body, "names another host")
			assert.NotContains(t, body, "evil", "a foreign name is not repeated")
		}
		for _, host := range []string{address, "127.0.0.1", "localhost", "LOCALHOST:9180", "127.0.0.2:1", "[::1]:9180", "[::1]", "monitor.example.com:9180", "Monitor.Example.com"} {
			resp, _ := request(t, http.MethodGet, "http://"+address+path, host)
			assert.NotEqual(t, http.StatusMisdirectedRequest, resp.StatusCode, "%s as %s", path, host)
		}
	}
}

func TestStatusPageHasNoWriteAction(t *testing.T) {
	f := setup(t)
	f.deployed()
	address, stop := f.serve()
	defer stop()
	f.set("before", "all of it")
	for _, path := range paths {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
			resp, _ := request(t, method, "http://"+address+path, address)
			assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, "%s %s", method, path)
		}
	}
	_, body := request(t, http.MethodGet, "http://"+address+"/", address)
	assert.Equal(t, 1, strings.Count(body, "<form"), "the search alone")
	assert.Contains(t, body, `action="/explain" method="get"`)
	assert.NotContains(t, strings.ToLower(body), "<script", "it works without")
	assert.NotContains(t, body, "style=", "the policy forbids it")
}

func TestStatusPageIsStrictWithBrowsers(t *testing.T) {
	f := setup(t)
	f.deployed()
	for path, want := range map[string]struct{ kind, policy string }{
		"/":                             {"text/html; charset=utf-8", policyFront},
		"/explain":                      {"text/html; charset=utf-8", policyFront},
		"/style.css":                    {"text/css; charset=utf-8", policyStrict},
		"/bad.svg":                      {"image/svg+xml", policyStrict},
		"/chart/links-light-wide.svg":   {"image/svg+xml", policyChart},
		"/chart/gossip-light-wide.svg":  {"text/plain; charset=utf-8", policyStrict},
		"/chart/links-purple-round.svg": {"text/plain; charset=utf-8", policyStrict},
	} {
		header := f.ask(http.MethodGet, path).Header
		assert.Equal(t, want.kind, header.Get("Content-Type"), path)
		assert.Equal(t, want.policy, header.Get("Content-Security-Policy"), path)
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"), path)
		assert.Equal(t, "no-store", header.Get("Cache-Control"), path)
		assert.Equal(t, "same-origin", header.Get("Cross-Origin-Resource-Policy"), path)
	}
	for _, directive := range []string{"default-src 'none'", "style-src 'self'", "img-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		assert.Contains(t, policyFront, directive)
	}
	for _, policy := range []string{policyFront, policyStrict, policyChart} {
		assert.NotContains(t, policy, "script-src", "no script is allowed at all")
		assert.NotContains(t, policy, "http")
	}
}
