package reconcile

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// benchWorld is an org of n people and a worker in front of an empty account.
func benchWorld(b *testing.B, n int) (*Worker, *oktatest.Org, *zenqmstest.Account) {
	b.Helper()
	org := oktatest.New(oktatest.Options{Token: "token"})
	for i := range n {
		org.Seed(oktatest.Profile{Email: fmt.Sprintf("p%d@example.com", i), FirstName: "P", LastName: fmt.Sprint(i), Title: "Analyst"}, "ACTIVE")
	}
	account := zenqmstest.New(zenqmstest.Options{NoJournal: true})
	oktaClient, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", Transport: org.Transport()})
	require.NoError(b, err)
	zenqmsClient, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: zenqms.NoLimit, MaxInFlight: 8, Transport: account.Transport()})
	require.NoError(b, err)
	db, err := store.Open(context.Background(), filepath.Join(b.TempDir(), "zensync.db"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	require.NoError(b, db.Update(context.Background(), func(tx *store.Tx) error { return tx.SetSetting(store.LifeState, string(Active)) }))
	return &Worker{DB: db, Okta: oktaClient, ZenQMS: zenqmsClient, Brake: Brake{Limit{10, 5}, Limit{10, 5}, Limit{10, 5}}, Concurrency: 8, MaxAttempts: 12, BatchSize: 100,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, org, account
}

func (w *Worker) benchRun(b *testing.B, kind store.RunKind) {
	b.Helper()
	var id int64
	require.NoError(b, w.DB.Update(b.Context(), func(tx *store.Tx) (err error) {
		id, err = tx.WantRun(kind, "", tx.Now)
		return err
	}))
	require.NoError(b, w.Attend(b.Context(), "bench", RunOver(id, nil)))
}

// The initial sync against its bound: one call a new user, Concurrency of them
// at once. At 5 ms a call the processor is what binds.
func BenchmarkInitialSync(b *testing.B) {
	for _, c := range []struct {
		people  int
		latency time.Duration
	}{{2000, 5 * time.Millisecond}, {1000, 50 * time.Millisecond}} {
		b.Run(c.latency.String(), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w, _, account := benchWorld(b, c.people)
				account.Latency(c.latency)
				b.StartTimer()
				start := time.Now()
				w.benchRun(b, store.InitialRun)
				bound := time.Duration(c.people) * c.latency / time.Duration(w.Concurrency)
				b.ReportMetric(float64(time.Since(start))/float64(bound), "x_bound")
				require.Equal(b, c.people, account.Len())
			}
		})
	}
}

// A reconcile with nothing to do, against paging the same users through the
// adapter alone.
func BenchmarkQuietReconcile(b *testing.B) {
	const people = 20_000
	w, _, _ := benchWorld(b, people)
	w.benchRun(b, store.InitialRun)
	for b.Loop() {
		start := time.Now()
		for after := ""; ; {
			page, err := w.Okta.ListUsers(b.Context(), okta.Query{Limit: 100, After: after})
			require.NoError(b, err)
			if after = page.Next; after == "" {
				break
			}
		}
		paging := time.Since(start)
		start = time.Now()
		w.benchRun(b, store.ReconcileRun)
		b.ReportMetric(float64(time.Since(start))/float64(paging), "x_paging")
	}
}
