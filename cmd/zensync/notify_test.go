package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// A digest whose time came while no worker was up is sent as soon as one is:
// it shows that a worker has its alerts beside it, without a minute's wait.
func TestAWorkerSendsTheDigestThatIsDue(t *testing.T) {
	got := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	defer receiver.Close()
	in := &installation{
		Config: &config.Config{
			Okta:   config.Okta{OrgURL: "https://example.okta.com"},
			Store:  config.Store{Path: filepath.Join(t.TempDir(), "zensync.db")},
			Notify: config.Notify{URLs: []string{"generic+" + receiver.URL}, Digest: "@every 1h"},
		},
		log: slog.New(slog.DiscardHandler),
	}
	told, err := in.addresses()
	require.NoError(t, err)
	require.NoError(t, in.withStore(t.Context(), func(db *store.DB) error {
		require.NoError(t, db.Update(t.Context(), func(tx *store.Tx) error { return tx.SetSetting(store.LifeState, string(reconcile.Active)) }))
		begin := func() (end func()) {
			end, err := in.startAlerts(t.Context(), db, told)
			require.NoError(t, err)
			return end
		}
		end := begin() // the schedule is counted from here
		assert.Eventually(t, func() bool {
			known := 0
			require.NoError(t, db.View(t.Context(), func(tx *store.Tx) error {
				alerts, err := tx.Alerts()
				known = len(alerts)
				return err
			}))
			return known == 1
		}, 10*time.Second, 5*time.Millisecond)
		end()

		db.Now = func() time.Time { return time.Now().Add(3 * time.Hour) }
		end = begin()
		select {
		case body := <-got:
			assert.Contains(t, body, "zensync example.okta.com: digest\nState: active")
		case <-time.After(10 * time.Second):
			t.Error("no digest came")
		}
		end()
		return nil
	}))
}

func TestWithoutAddressesThereAreNoAlerts(t *testing.T) {
	in := &installation{Config: &config.Config{Notify: config.Notify{Digest: "0 7 * * 1"}}}
	end, err := in.startAlerts(t.Context(), nil, nil)
	require.NoError(t, err)
	end()
}
