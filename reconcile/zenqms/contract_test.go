package zenqms_test

import (
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest/contract"
)

// The contract holds for the fake in every shape the contract leaves open.
func TestContract_Fake(t *testing.T) {
	for name, opts := range map[string]zenqmstest.Options{
		"as assumed":                     {},
		"ids are text":                   {TextIDs: true},
		"ids beyond 2^53":                {FirstID: 1<<53 + 1},
		"the external id filter ignored": {IgnoreExternalIDFilter: true},
		"the external id filter refused": {RefuseExternalIDFilter: true},
		"all filters ignored":            {IgnoreFilters: true},
		"titles required":                {RequireTitle: true},
		"external ids unique":            {UniqueExternalIDs: true},
		"short pages":                    {PageCap: 3},
		"no total":                       {Total: func(int) int { return -1 }},
		"a total too small":              {Total: func(int) int { return 1 }},
		"a total too large":              {Total: func(n int) int { return n + 1000 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account := zenqmstest.New(opts)
			account.AddRole("Account Super User")
			account.AddRole("Reviewer")
			for range 7 {
				account.AddUser(zenqmstest.User{Email: "someone@example.com", FirstName: "Some", LastName: "One"})
			}
			server := httptest.NewServer(account)
			t.Cleanup(server.Close)
			client, err := zenqms.New(zenqms.Config{
				BaseURL: server.URL, APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: zenqms.NoLimit,
			})
			require.NoError(t, err)
			contract.Run(t, client)
		})
	}
}

// The same contract, held against a real ZenQMS sandbox.
func TestContract_Sandbox(t *testing.T) {
	url, key := os.Getenv("ZENSYNC_SANDBOX_URL"), os.Getenv("ZENSYNC_SANDBOX_KEY")
	if url == "" || key == "" {
		t.Skip("set ZENSYNC_SANDBOX_URL and ZENSYNC_SANDBOX_KEY to hold a ZenQMS sandbox to the contract; it is left with two inactive users")
	}
	client, err := zenqms.New(zenqms.Config{BaseURL: url, APIKey: key})
	require.NoError(t, err)
	contract.Run(t, client)
}
