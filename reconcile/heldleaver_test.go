package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// refuseChief has a user become Chief, which ZenQMS does not take.
func (w *world) refuseChief(id string) {
	w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 422, Message: "not like this"})
	w.org.UpdateProfile(id, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.sync()
	require.Equal(w, store.SkipRefused, w.skip(id).Code)
}

func TestM3_ALeaverWhomTheBrakeHoldsIsNotInTheSkipReport(t *testing.T) {
	w := newWorld(t)
	w.hire("Bo", "Cole", "ACTIVE")
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.refuseChief(u.ID)

	w.w.Brake.Deactivations = Limit{}
	w.org.SetStatus(u.ID, "DEPROVISIONED")
	w.by("reconcile")
	assert.Len(t, w.report("held", store.ReportArgs{}), 1)
	assert.Empty(t, w.skip(u.ID).Code, "M3: a gone user is never in the skip report")
}

func TestB1_AWalkThatHoldsALeaversDeactivationLinksHimAllTheSame(t *testing.T) {
	w := newWorld(t)
	w.acct.AddUser(ada(true))
	u := w.hire("Ada", "Byron", "DEPROVISIONED")
	w.org.DropAll()
	w.w.Brake.Deactivations = Limit{}
	w.walk(store.InitialRun)
	assert.Equal(t, u.ID, w.account(u.ID).ExternalID, "B1: everything else goes on")
	assert.True(t, w.account(u.ID).Active)
	assert.Len(t, w.holds(), 1, "and what is held, once")
	w.acct.ResetCalls()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.writes(), "K4")
	assert.Len(t, w.holds(), 1)
	require.NoError(t, Ruling{Actor: "olga", Reason: "checked"}.Approve(t.Context(), w.db, w.holds()))
	w.drain()
	assert.False(t, w.account(u.ID).Active)
}

func TestK5_AReconcileWhereNobodyHasReadZenQMSFindsALeaversAccount(t *testing.T) {
	w := newWorld(t)
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.AccountsRead, "") })
	w.acct.AddUser(ada(true))
	u := w.hire("Ada", "Byron", "SUSPENDED")
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.False(t, w.account(u.ID).Active, "K5: a leaver who still has an account is linked and deactivated")
	w.acct.ResetCalls()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.acct.Calls(), "K4: and the next one has nothing to do, nor to ask")
}

func TestW4_WhoLeavesScopeWhileTheBrakeHoldsHimIsNotInTheSkipReport(t *testing.T) {
	w, qms, _ := scoped(t, true)
	u, other := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bo", "Cole", "ACTIVE")
	w.org.AddMember(qms, u.ID)
	w.org.AddMember(qms, other.ID)
	w.sync()
	w.refuseChief(u.ID)

	w.w.Brake.Deactivations = Limit{}
	w.org.RemoveMember(qms, u.ID)
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Len(t, w.holds(), 1)
	assert.Empty(t, w.skip(u.ID).Code, "W4: out of scope is no skip")
	w.acct.ResetCalls()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.acct.Calls(), "K4: the next one has nothing to do, nor to ask")
	assert.Len(t, w.holds(), 1)

	w.org.AddMember(qms, u.ID)
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.holds(), "B2: what is no longer wanted is dropped")
	assert.Equal(t, "Chief", w.account(u.ID).Title, "E4: what was refused is tried again")
	assert.True(t, w.account(u.ID).Active)
}

// Nobody has looked at him between the walk that held him and his return.
func TestB2_AWalkDropsTheHoldOfWhoIsBackInScopeAtTheNext(t *testing.T) {
	w, qms, _ := scoped(t, true)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.org.AddMember(qms, u.ID)
	w.sync()
	w.w.Brake.Deactivations = Limit{}
	w.org.RemoveMember(qms, u.ID)
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	require.Len(t, w.holds(), 1)
	w.org.AddMember(qms, u.ID)
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.holds(), "B2: what is no longer wanted is dropped")
	assert.True(t, w.account(u.ID).Active)
}
