package reconcile

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

// listener stands where the relay would: it answers Okta's verification.
func (w *world) listener(secret string) (url string, calls *atomic.Int32) {
	calls = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Header.Get("Authorization") != secret {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(`{"verification":"` + r.Header.Get("X-Okta-Verification-Challenge") + `"}`))
	}))
	w.Cleanup(server.Close)
	return server.URL + "/okta/events", calls
}

func (w *world) deployment(url, secret string) Deployment {
	return Deployment{DB: w.db, Okta: w.w.Okta, Binding: Binding{"https://example.okta.com", "https://zenqms.example.com"},
		HookURL: url, Secret: secret, Actor: "olga"}
}

func (d Deployment) ensure(t *testing.T) error {
	found, err := d.FindHook(t.Context())
	require.NoError(t, err)
	_, err = d.EnsureHook(t.Context(), found)
	return err
}

func httpHooks(o *worldOptions) { o.okta.AllowHTTPHooks = true }

func TestC4_DeployUpdatesItsOwnHookInsteadOfAddingOne(t *testing.T) {
	cases := map[string]func(*world, *Deployment){
		"again, by its stored id":         func(*world, *Deployment) {},
		"with another URL":                func(w *world, d *Deployment) { d.HookURL, _ = w.listener("s") },
		"found by name in a lost store":   func(w *world, d *Deployment) { w.update(forgetHook) },
		"with a stored id that Okta lost": func(w *world, d *Deployment) { w.update(wrongHook) },
		"inactive by hand": func(w *world, d *Deployment) {
			require.NoError(w, d.Okta.DeactivateHook(w.Context(), w.org.Hooks()[0].ID))
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, httpHooks)
			url, calls := w.listener("s")
			d := w.deployment(url, "s")
			require.NoError(t, d.ensure(t))
			first := w.org.Hooks()[0]
			assert.Equal(t, "ACTIVE", first.Status)
			assert.EqualValues(t, 1, calls.Load(), "verified by a call")
			change(w, &d)
			require.NoError(t, d.ensure(t))
			hooks := w.org.Hooks()
			require.Len(t, hooks, 1, "C4: updated, not added")
			assert.Equal(t, first.ID, hooks[0].ID)
			assert.Equal(t, d.HookURL, hooks[0].URI)
			assert.Equal(t, "ACTIVE", hooks[0].Status)
			assert.Equal(t, "VERIFIED", hooks[0].VerificationStatus)
		})
	}
}

func forgetHook(tx *store.Tx) error { return tx.SetSetting(store.HookID, "") }
func wrongHook(tx *store.Tx) error  { return tx.SetSetting(store.HookID, "whoNoSuchHook0000001") }

func TestC4_WithoutAReadScopeTheStoredIdServes(t *testing.T) {
	w := newWorld(t, httpHooks)
	w.org.Fail(oktatest.Match{Method: http.MethodGet, Prefix: "/api/v1/eventHooks"}, -1, oktatest.Fault{Status: 403})
	url, _ := w.listener("s")
	d := w.deployment(url, "s")
	found, err := d.FindHook(t.Context())
	require.NoError(t, err)
	assert.True(t, found.Blind, "C4: where neither does, say that an older one may be left")
	_, err = d.EnsureHook(t.Context(), found)
	require.NoError(t, err)
	require.NoError(t, d.ensure(t))
	assert.Len(t, w.org.Hooks(), 1)
}

func TestC4_AHookThatCannotBeVerifiedStopsTheDeploy(t *testing.T) {
	w := newWorld(t, httpHooks)
	url, _ := w.listener("another secret")
	d := w.deployment(url, "s")
	var unverified *ErrUnverified
	require.ErrorAs(t, d.ensure(t), &unverified)
	assert.NotContains(t, unverified.Error(), `"s"`)
	// The hook it made is found by the next deploy.
	d.HookURL, _ = w.listener("s")
	require.NoError(t, d.ensure(t))
	assert.Len(t, w.org.Hooks(), 1)
}

func TestC7_AStoreBelongsToOnePairOfServers(t *testing.T) {
	w := newWorld(t)
	d := w.deployment("https://hooks.example.com/okta", "s")
	w.view(func(tx *store.Tx) error {
		assert.NoError(t, d.Binding.Check(tx), "a new store is anybody's")
		return nil
	})
	_, err := d.Begin(t.Context())
	require.NoError(t, err)
	for _, other := range []Binding{
		{"https://sandbox.okta.com", d.Binding.ZenQMSURL},
		{d.Binding.OktaURL, "https://public-api-sandbox.zenqms.com"},
	} {
		e := d
		e.Binding = other
		var foreign *ErrForeign
		_, err := e.Begin(t.Context())
		require.ErrorAs(t, err, &foreign, "C7: any other pair is refused")
		assert.Contains(t, err.Error(), "store.path", "and the remedy named")
		w.view(func(tx *store.Tx) error {
			require.ErrorAs(t, other.Ready(tx), &foreign)
			return d.Binding.Ready(tx)
		})
	}
	rows := w.report("log", store.ReportArgs{})
	assert.Equal(t, "deploy", rows[0]["action"])
	assert.Equal(t, "olga", rows[0]["actor"])
}

func TestC1_NothingIsSentBeforeADeploy(t *testing.T) {
	w := newWorld(t)
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.LifeState, "") })
	w.hire("Ada", "Byron", "ACTIVE")
	w.hooks()
	n, err := w.w.claim(t.Context(), t.Context(), 10, nil)
	require.NoError(t, err)
	assert.Zero(t, n, "C1: hooks are stored, nothing is sent")
	_, started, err := w.w.startRun(t.Context())
	require.NoError(t, err)
	assert.False(t, started)
	assert.Empty(t, w.acct.Calls())
}
