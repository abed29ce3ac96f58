package zenqmstest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// answer is what a call got.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// fields gives the fields a 422 names.
func (a answer) fields() []string {
	var out []string
	list, _ := a.body["errors"].([]any)
	for _, e := range list {
		out = append(out, e.(map[string]any)["field"].(string))
	}
	return out
}

// rows gives the ids of a search's rows.
func (a answer) rows() []string {
	out := []string{}
	list, _ := a.body["data"].([]any)
	for _, row := range list {
		switch id := row.(map[string]any)["id"].(type) {
		case json.Number:
			out = append(out, id.String())
		case string:
			out = append(out, id)
		}
	}
	return out
}

func request(t testing.TB, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://zenqms.test"+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+zenqmstest.DefaultToken)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func send(t *testing.T, account *zenqmstest.Account, r *http.Request) answer {
	t.Helper()
	resp, err := account.Transport().RoundTrip(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, int64(len(raw)), resp.ContentLength)
	out := answer{status: resp.StatusCode, header: resp.Header}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&out.body), "%s", raw)
	return out
}

func call(t *testing.T, account *zenqmstest.Account, method, path, body string) answer {
	t.Helper()
	return send(t, account, request(t, method, path, body))
}

// withUsers gives an account with ada (1) and bob (2).
func withUsers(opts zenqmstest.Options) *zenqmstest.Account {
	account := zenqmstest.New(opts)
	account.AddUser(zenqmstest.User{Email: "Ada@example.com", FirstName: "Ada", LastName: "Byron", Title: "Analyst", Active: true, ExternalID: "00u1"})
	account.AddUser(zenqmstest.User{Email: "bob@example.com", FirstName: "Bob", LastName: "Bell"})
	return account
}
