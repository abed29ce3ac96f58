package reconcile

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// half is a client that leaves half of Okta's rate limits to others. It is made
// outside of the bubble that the org lives in: the SDK starts a goroutine.
func half(t *testing.T, org **oktatest.Org) *okta.Client {
	t.Helper()
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", RateShare: 0.5,
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) { return (*org).Transport().RoundTrip(r) })})
	require.NoError(t, err)
	return client
}

func TestK1_AWaitForOurShareOfTheRateLimitDoesNotCount(t *testing.T) {
	var org *oktatest.Org
	client := half(t, &org)
	synctest.Test(t, func(t *testing.T) {
		org = oktatest.New(oktatest.Options{Token: "token", RateLimits: map[string]int{"users": 2}})
		_, err := client.ListUsers(t.Context(), listing)
		require.NoError(t, err)
		start := time.Now()
		org.Fail(oktatest.Match{Route: "/api/v1/users"}, 3, oktatest.Fault{Status: 503})
		_, err = patiently(t.Context(), func(ctx context.Context) (okta.Page, error) { return client.ListUsers(ctx, listing) })
		require.NoError(t, err, "K1: the minute begins behind the wait")
		assert.Greater(t, time.Since(start), time.Minute)
		assert.Len(t, org.Calls(), 5)
	})
}

// The only place is taken by a rehire, who waits for a list while he claims the
// address of the account that the leaver has. Neither keeps the leaver waiting.
func TestE3_ALeaverIsServedWhileOthersWaitForTheRateLimit(t *testing.T) {
	var org *oktatest.Org
	client := half(t, &org)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		org = oktatest.New(oktatest.Options{Token: "token", RateLimits: map[string]int{"users": 2, "user": 4}})
		acct := zenqmstest.New(zenqmstest.Options{})
		zc, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: -1, Transport: acct.Transport()})
		require.NoError(t, err)
		db, err := store.Open(ctx, filepath.Join(t.TempDir(), "zensync.db"))
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		w := &Worker{DB: db, Okta: client, ZenQMS: zc, Brake: Brake{Limit{10, 5}, Limit{10, 5}, Limit{10, 5}}, Concurrency: 1, MaxAttempts: 12, BatchSize: 100,
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)), addresses: newAddressLocks(), outages: newOutages()}
		tell := func(kind string, id string) {
			require.NoError(t, receive(db, store.Event{UUID: kind + id, Type: kind, Users: []string{id}}))
		}
		require.NoError(t, db.Update(ctx, func(tx *store.Tx) (err error) {
			if w.epoch, err = tx.StartEpoch(); err != nil {
				return err
			}
			return tx.SetSetting(store.LifeState, string(Active))
		}))
		ended := make(chan error, 1)
		go func() { ended <- w.loop(ctx, ctx, nil) }()

		leaver := org.AddUser(oktatest.Profile{Login: "ada@old", Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}, oktatest.Active)
		tell(store.UserCreate, leaver.ID) // and his search uses up what is ours of the lists
		time.Sleep(5 * time.Second)
		account, found := acct.ByExternalID(leaver.ID)
		require.True(t, found)
		require.True(t, account.Active)

		rehire := org.AddUser(oktatest.Profile{Login: "ada@new", Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}, oktatest.Active)
		tell(store.UserCreate, rehire.ID)
		time.Sleep(5 * time.Second)
		require.Equal(t, 1, client.Waiting(), "the rehire")

		org.SetStatus(leaver.ID, oktatest.Deprovisioned)
		tell(store.UserDeactivate, leaver.ID)
		time.Sleep(2 * slowPoll)
		account, _ = acct.ByExternalID(leaver.ID)
		assert.False(t, account.Active, "E3: deactivations go first")
		assert.Equal(t, 1, client.Waiting(), "the rehire")

		time.Sleep(3 * time.Minute)
		account, found = acct.ByExternalID(rehire.ID)
		assert.True(t, found, "L3: and then the rehire has the account")
		assert.True(t, account.Active)
		for _, call := range org.Calls() {
			assert.NotEqual(t, http.StatusTooManyRequests, call.Status)
		}
		stop()
		require.NoError(t, <-ended)
	})
}
