package reconcile

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// refuseLink has ZenQMS refuse every change of an external_id, without a word
// on which field it means.
func (w *world) refuseLink(status int) {
	w.acct.Fail(zenqmstest.Match{Method: http.MethodPatch, Path: "/v2/users/*", Body: "external_id"}, zenqmstest.Always,
		zenqmstest.Fault{Status: status, Message: "it cannot be set"})
}

func TestM6_ALeaverWhoseLinkIsRefusedLosesAccess(t *testing.T) {
	for _, status := range []int{400, 409, 422} {
		w := newWorld(t)
		w.acct.AddUser(ada(true))
		u := w.hire("Ada", "Byron", "DEPROVISIONED")
		w.org.DropAll()
		w.refuseLink(status)
		w.walk(store.InitialRun)
		assert.Zero(t, w.activeCount(), "M6, %d: what would be refused beside it must not keep him in", status)
		assert.Equal(t, []string{"skip skipped", "deactivate ok"}, w.lastLog(u.ID, 2), "A1")
		assert.Empty(t, w.skip(u.ID).Code, "M3: a gone user is never in the skip report")
	}
}

func TestL4_ALiveUserWhoseLinkIsRefusedIsActivated(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(u.ID, "SUSPENDED")
	w.sync()
	id := w.account(u.ID).ID
	w.acct.Edit(id, func(z *zenqmstest.User) { z.ExternalID = "" })
	w.refuseLink(422)
	w.org.SetStatus(u.ID, "ACTIVE")
	w.sync()
	assert.Equal(t, 1, w.activeCount(), "L4: activation above all")
	assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
	assert.Contains(t, w.skip(u.ID).Reason, "ZenQMS does not take external_id")
	w.acct.Heal()
	w.pass(time.Minute)
	w.walk(store.ReconcileRun)
	assert.Equal(t, id, w.account(u.ID).ID, "L4: the link is tried again")
	assert.Empty(t, w.skip(u.ID).Code)
}

// Where it is the activity that is refused, the link is made.
func TestL4_AUserWhoseActivationIsRefusedIsLinked(t *testing.T) {
	w := newWorld(t)
	account := w.acct.AddUser(ada(false))
	w.acct.Fail(zenqmstest.Match{Method: http.MethodPatch, Path: "/v2/users/*", Body: "is_active"}, zenqmstest.Always,
		zenqmstest.Fault{Status: 422, Message: "no seat is left"})
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	assert.Equal(t, account.ID, w.account(u.ID).ID, "L4")
	assert.Contains(t, w.skip(u.ID).Reason, "ZenQMS does not take is_active: no seat is left")
	assert.Equal(t, []string{"is_active"}, w.skip(u.ID).Fields)
}

// One that the other side does not answer after the first went through is no
// reason to forget the first.
func TestA1_AnActivityThatWentThroughIsInTheLogThoughTheLinkDidNot(t *testing.T) {
	w := newWorld(t)
	w.acct.AddUser(ada(true))
	u := w.hire("Ada", "Byron", "DEPROVISIONED")
	w.org.DropAll()
	w.acct.Fail(zenqmstest.Match{Method: http.MethodPatch, Path: "/v2/users/*", Body: "is_active"}, 1, zenqmstest.Fault{Status: 422, Message: "no"})
	w.acct.Fail(zenqmstest.Match{Method: http.MethodPatch, Path: "/v2/users/*", Body: `{"external_id"`}, zenqmstest.Always, zenqmstest.Fault{Status: 503})
	w.walk(store.InitialRun)
	assert.Zero(t, w.activeCount())
	assert.Equal(t, []string{"skip skipped", "deactivate ok"}, w.lastLog(u.ID, 2), "A1")
}
