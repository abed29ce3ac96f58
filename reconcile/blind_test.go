package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
