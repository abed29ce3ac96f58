package reconcile

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// A ZenQMS that lists nobody, as while its search is rebuilt or where the key was
// given less to see, does not say that everybody is gone: of a leaver's account
// nobody would ever think again.
func TestL5_ASearchThatShowsNobodyDropsNoLink(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile", "initial"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			c := newCrisis(w)
			w.acct.Fail(zenqmstest.OnSearch, zenqmstest.Always, zenqmstest.Fault{Body: `{"data": [], "page": 1, "page_size": 100, "total": 0}`})
			switch how {
			case "reconcile":
				w.walk(store.ReconcileRun)
			case "initial": // reads the list of all
				run := w.walk(store.InitialRun)
				assert.Equal(t, store.RunFailed, run.State)
				assert.Contains(t, run.Error, "ZenQMS lists no user at all", "K1: nothing was concluded")
			}
			c.rage(3)
			assert.NotEmpty(t, w.link(c.leaver).OktaID, "L5: nobody at all is no 404")
			assert.NotEmpty(t, w.link(c.mover).OktaID)
			c.says("zenqms", "lists no user at all")
			w.acct.Heal()
			w.breathe()
			c.settle()
		})
	}
}

// Nor does an unlink take them for cleared.
func TestC3_ASearchThatShowsNobodyClearsNothing(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.acct.Fail(zenqmstest.OnSearch, zenqmstest.Always, zenqmstest.Fault{Body: `{"data": [], "page": 1, "page_size": 100, "total": 0}`})
	r := w.unlink(false)
	assert.NotZero(t, r.Left, "C3: what could not be read is not cleared")
	assert.EqualValues(t, 1, w.links())
	w.acct.Heal()
	w.unlink(false)
	assert.Zero(t, w.links())
	for _, z := range w.acct.Users() {
		assert.Empty(t, z.ExternalID, "C3: %s", u.ID)
	}
}

// An account that has no user yet lists none, and the worker makes the first ones
// while the list is on its way: that is no search that fails.
func TestK5_TheFirstUserMadeWhileNobodyIsListedFailsNoDeploy(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	listed := false
	whole := w.acct.Transport()
	client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: -1,
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := whole.RoundTrip(r)
			if !listed {
				listed = true // what the worker asks comes here as well
				w.hooks()
				w.drain()
			}
			return resp, err
		})})
	require.NoError(t, err)
	w.w.ZenQMS = client
	run := w.walk(store.InitialRun)
	assert.Equal(t, store.RunDone, run.State, "K5: %s", run.Error)
	assert.True(t, listed)
	assert.True(t, w.account(u.ID).Active)
	assert.Equal(t, 1, w.acct.Len(), "C5: nobody is created twice")
}
