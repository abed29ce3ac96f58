package qualify

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// Ensure that a run against a foreign ZenQMS leaves everybody else's accounts
// alone, and its own ones inactive and linked to nobody.
func TestSandboxTouchesItsOwnAccountsAlone(t *testing.T) {
	account := zenqmstest.New(zenqmstest.Options{})
	server := httptest.NewServer(account)
	t.Cleanup(server.Close)
	strangers := map[int64]zenqmstest.User{}
	for _, u := range []zenqmstest.User{
		{Email: "eve@example.com", FirstName: "Eve", LastName: "Alone", Title: "Visitor", Active: true},
		{Email: "ada@example.invalid", FirstName: "Ada", LastName: "Byron", Title: "Somebody of that name", Active: true},
		{Email: "linked@example.com", FirstName: "Lin", LastName: "Ked", Active: true, ExternalID: "00un5iux4giFzp1k91d7"},
		{Email: "left@example.com", FirstName: "Le", LastName: "Ft"},
	} {
		u = account.AddUser(u)
		strangers[u.ID] = u
	}
	box, err := NewSandbox(zenqms.Config{BaseURL: server.URL, APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: zenqms.NoLimit})
	require.NoError(t, err)
	record, err := Run(t.Context(), Options{Sandbox: box})
	require.NoError(t, err)
	for _, r := range record.Results {
		assert.NotEqual(t, Failed, r.Verdict, "%s: %+v", r.ID, r.Missed())
		if r.Verdict == NotRun {
			assert.NotEmpty(t, r.Why, "%s: what is not run says why", r.ID)
		}
	}
	assert.Greater(t, record.Count(Passed), 15, "most rules about ZenQMS make sense against a foreign one")

	mine := map[string]bool{}
	for _, a := range record.Accounts {
		mine[a.ID] = true
		assert.True(t, strings.HasPrefix(a.Email, box.Prefix()), "%s is an address of this run", a.Email)
		assert.Equal(t, "inactive, without an external_id", a.Left, a.Email)
	}
	t.Logf("%d accounts, %d calls", len(mine), len(account.Calls()))
	assert.Equal(t, account.Len()-len(strangers), len(mine), "the evidence lists every account that was made")
	for _, u := range account.Users() {
		if stranger, known := strangers[u.ID]; known {
			assert.Equal(t, stranger, u, "a stranger is as he was")
			continue
		}
		assert.False(t, u.Active, "%s is left inactive", u.Email)
		assert.Empty(t, u.ExternalID, "%s is left without an external_id", u.Email)
	}
}

// Ensure that what would touch somebody else's account does not even leave the
// house, whatever the product wants.
func TestSandboxLetsNothingThroughToOthers(t *testing.T) {
	account := zenqmstest.New(zenqmstest.Options{})
	server := httptest.NewServer(account)
	t.Cleanup(server.Close)
	stranger := account.AddUser(zenqmstest.User{Email: "eve@example.com", FirstName: "Eve", LastName: "Alone", Active: true})
	cfg := zenqms.Config{BaseURL: server.URL, APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: zenqms.NoLimit}
	box, err := NewSandbox(cfg)
	require.NoError(t, err)
	cfg.Transport = box.way(http.DefaultTransport, box.Prefix())
	client, err := zenqms.New(cfg)
	require.NoError(t, err)

	_, err = client.Update(t.Context(), "1", zenqms.Patch{Active: no()})
	assert.ErrorContains(t, err, "an account that it has not made")
	_, err = client.Create(t.Context(), zenqms.NewUser{Email: "new@example.com", FirstName: "N", LastName: "Ew", Active: true})
	assert.Error(t, err, "an address that is not of this run")
	_, err = client.AddRoles(t.Context(), "1", []string{"1"})
	assert.Error(t, err)
	u, err := client.Create(t.Context(), zenqms.NewUser{Email: box.Prefix() + "n@example.invalid", FirstName: "N", LastName: "Ew", Active: true})
	require.NoError(t, err)
	_, err = client.Update(t.Context(), u.ID, zenqms.Patch{Email: text("eve2@example.com")})
	assert.Error(t, err, "an account of ours keeps an address of ours")
	assert.Equal(t, Failed, box.untouched().Verdict, "a call that was refused is a finding")
	still, _ := account.User(stranger.ID)
	assert.Equal(t, stranger, still)
	assert.Len(t, account.Writes(), 1)
}

func TestSandboxIsToldByItsAddress(t *testing.T) {
	for url, taken := range map[string]bool{
		"https://public-api-sandbox.zenqms.com": true,
		"http://127.0.0.1:8080":                 true,
		"http://localhost:8080":                 true,
		"https://public-api.zenqms.com":         false,
		"https://public-api.zenqms.com/sandbox": false,
	} {
		_, err := NewSandbox(zenqms.Config{BaseURL: url})
		if taken {
			assert.NoError(t, err, url)
		} else {
			assert.ErrorContains(t, err, "that is no sandbox", url)
		}
	}
}
