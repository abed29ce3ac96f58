package oktatest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/okta/oktatest/oktaspec"
)

const (
	orgURL   = "https://fake.okta.test"
	apiToken = "s3cret"
)

// api is a client of a fake org; what passes between them is checked against
// Okta's OpenAPI document.
type api struct {
	t      *testing.T
	org    *oktatest.Org
	client *http.Client
	auth   string
}

func start(t *testing.T, opts oktatest.Options) *api {
	t.Helper()
	opts.Token = apiToken
	org := oktatest.New(opts)
	return &api{t, org, &http.Client{Transport: oktatest.InProcess(oktaspec.Wrap(t, org))}, "SSWS " + apiToken}
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *api) do(method, path string, body any) answer {
	a.t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(a.t, err)
		in = bytes.NewReader(raw)
	}
	if !strings.HasPrefix(path, orgURL) {
		path = orgURL + path
	}
	req, err := http.NewRequest(method, path, in)
	require.NoError(a.t, err)
	req.Header.Set("Authorization", a.auth)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.client.Do(req)
	require.NoError(a.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return answer{resp.StatusCode, resp.Header, raw}
}

func (a *api) get(path string) answer { a.t.Helper(); return a.do(http.MethodGet, path, nil) }

func (r answer) object(t *testing.T) map[string]any {
	t.Helper()
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	var v map[string]any
	require.NoError(t, json.Unmarshal(r.body, &v), "%s", r.body)
	return v
}

// code is the error code of an answer.
func (r answer) code(t *testing.T) string {
	t.Helper()
	code, _ := r.object(t)["errorCode"].(string)
	return code
}

// ids of the records listed.
func (r answer) ids(t *testing.T) []string {
	t.Helper()
	require.Equal(t, http.StatusOK, r.status, "%s", r.body)
	var list []struct{ ID string }
	require.NoError(t, json.Unmarshal(r.body, &list), "%s", r.body)
	ids := []string{}
	for _, v := range list {
		ids = append(ids, v.ID)
	}
	return ids
}

// next is the address of the next page; each Link header line holds one link.
func (r answer) next(t *testing.T) string {
	t.Helper()
	next := ""
	for _, line := range r.header.Values("Link") {
		require.Equal(t, 1, strings.Count(line, "rel="), "one link a line: %s", line)
		if addr, ok := strings.CutSuffix(line, `>; rel="next"`); ok {
			next = strings.TrimPrefix(addr, "<")
		}
	}
	return next
}

// walk collects the ids of all pages and their number.
func (a *api) walk(path string) (ids []string, pages int) {
	a.t.Helper()
	for path != "" {
		r := a.get(path)
		ids = append(ids, r.ids(a.t)...)
		path = r.next(a.t)
		pages++
		require.Less(a.t, pages, 1000, "the list never ends")
	}
	return ids, pages
}

func (a *api) filter(param, expression string) []string {
	a.t.Helper()
	return a.get("/api/v1/users?" + param + "=" + url.QueryEscape(expression)).ids(a.t)
}

func person(name string) oktatest.Profile {
	return oktatest.Profile{Email: name + "@example.com", FirstName: strings.ToUpper(name[:1]) + name[1:], LastName: "Example", Title: "Chemist"}
}
