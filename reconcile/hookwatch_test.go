package reconcile

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

// hookSeen is the event hook as the store knows it.
func (w *world) hookSeen() (status, verified string) {
	w.view(func(tx *store.Tx) (err error) {
		if status, err = tx.Setting(store.HookStatus); err != nil {
			return err
		}
		verified, err = tx.Setting(store.HookVerified)
		return err
	})
	return status, verified
}

func TestAWalkLooksAfterTheHook(t *testing.T) {
	cases := map[string]struct {
		change   func(w *world, id string)
		status   string
		verified bool
	}{
		"it is as it was": {func(*world, string) {}, "ACTIVE", true},
		"switched off": {func(w *world, id string) {
			require.NoError(w, w.w.Okta.DeactivateHook(w.Context(), id))
		}, "INACTIVE", true},
		"deleted": {func(w *world, id string) {
			require.NoError(w, w.w.Okta.DeactivateHook(w.Context(), id))
			require.NoError(w, w.w.Okta.DeleteHook(w.Context(), id))
		}, store.HookMissing, false},
		"given another URL": {func(w *world, id string) {
			url, _ := w.listener("s")
			_, err := w.w.Okta.UpdateHook(w.Context(), id, okta.HookSpec{Name: "x", URL: url, Secret: "s", Events: []string{store.UserCreate}})
			require.NoError(w, err)
		}, "ACTIVE", false},
		"verified by hand": {func(w *world, _ string) {
			w.update(func(tx *store.Tx) error { return tx.SetSetting(store.HookVerified, "") })
		}, "ACTIVE", true},
		"not to be read": {func(w *world, id string) {
			w.org.Fail(oktatest.Match{Method: http.MethodGet, Prefix: "/api/v1/eventHooks"}, -1, oktatest.Fault{Status: 403})
			require.NoError(w, w.w.Okta.DeactivateHook(w.Context(), id))
		}, "ACTIVE", true},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, httpHooks)
			w.hire("Ada", "Byron", "ACTIVE")
			url, _ := w.listener("s")
			require.NoError(t, w.deployment(url, "s").ensure(t))
			status, verified := w.hookSeen()
			require.Equal(t, "ACTIVE", status)
			require.Equal(t, store.FormatTime(w.now()), verified)
			w.pass(time.Hour)
			test.change(w, w.org.Hooks()[0].ID)

			run := w.walk(store.ReconcileRun)
			require.Equal(t, store.RunDone, run.State, "no state of the hook fails a walk: %s", run.Error)
			status, verified = w.hookSeen()
			assert.Equal(t, test.status, status)
			assert.Equal(t, test.verified, verified != "")
		})
	}
}

func TestE4_AWalkThatFailsForACredentialIsRemembered(t *testing.T) {
	w := newWorld(t)
	w.hire("Ada", "Byron", "ACTIVE")
	refused := func() (text string) {
		w.view(func(tx *store.Tx) (err error) {
			text, err = tx.Setting(store.WalkRefused)
			return err
		})
		return text
	}
	w.org.Fail(oktatest.Match{Prefix: "/api/v1/users"}, 1, oktatest.Fault{Status: 401})
	require.Equal(t, store.RunFailed, w.walk(store.ReconcileRun).State)
	assert.Contains(t, refused(), "okta: list users: status 401")
	require.Equal(t, store.RunDone, w.walk(store.ReconcileRun).State)
	assert.Empty(t, refused())
}

func TestAWalkDoesNotUndoWhatADeployFoundOutMeanwhile(t *testing.T) {
	w := newWorld(t, httpHooks)
	w.hire("Ada", "Byron", "ACTIVE")
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.HookID, "whoNoSuchHook0000001") })
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		answer, err := w.org.Transport().RoundTrip(r)
		if strings.HasPrefix(r.URL.Path, "/api/v1/eventHooks") {
			w.update(func(tx *store.Tx) error {
				require.NoError(t, tx.SetSetting(store.HookStatus, "ACTIVE"))
				require.NoError(t, tx.SetSetting(store.HookVerified, store.FormatTime(w.now())))
				return tx.SetSetting(store.HookID, "whoAnother0000000001")
			})
		}
		return answer, err
	})})
	require.NoError(t, err)
	w.w.Okta = client
	w.walk(store.ReconcileRun)
	status, verified := w.hookSeen()
	assert.Equal(t, "ACTIVE", status)
	assert.NotEmpty(t, verified)
}
