package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

// Some of those unseen are to lose a role, for they are in no list of members
// either: their syncs would read the same 404s.
func TestK2_AWalkThatSawTooFewAsksForNobodyItDidNotSee(t *testing.T) {
	m := newMapped(t)
	users := m.staff(12)
	for _, u := range users[:3] {
		m.org.AddMember(m.qa, u.ID)
	}
	m.sync()
	for _, u := range users[:7] {
		m.org.Delete(u.ID)
	}
	m.org.DropAll()
	run := m.walk(store.ReconcileRun)
	assert.Equal(t, store.RunFailed, run.State)
	for _, u := range users[:7] {
		assert.True(t, m.account(u.ID).Active, "K2: nobody is taken for deleted")
	}
	assert.Equal(t, []string{"Reviewer"}, m.roles(users[0].ID), "K2: and nothing else is concluded of him")
}

// Those who are inactive are links as well: such an org is not small.
func TestK2_AnOrgIsSmallByAllItsLinks(t *testing.T) {
	w := newWorld(t)
	w.w.Brake.Deactivations = Limit{Max: 100, Percent: 100}
	users := w.staff(14)
	for _, u := range users[:5] {
		w.org.SetStatus(u.ID, "SUSPENDED")
	}
	w.sync()
	for _, u := range users[5:12] {
		w.org.Delete(u.ID)
	}
	w.org.DropAll()
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, store.RunFailed, run.State, "K2: 2 of 9 active links, of 14 in all")
	assert.Equal(t, 9, w.activeCount())
}

// One sick user never blocks another: least of all a leaver.
func TestE4_AnAbsentUserWhoCannotBeReadBlocksNobody(t *testing.T) {
	w := newWorld(t)
	users := w.staff(12)
	sick, leaver := users[0], users[1]
	w.org.SetStatus(sick.ID, "DEPROVISIONED")
	w.org.SetStatus(leaver.ID, "DEPROVISIONED")
	w.org.DropAll()
	w.org.Fail(oktatest.Match{Prefix: "/api/v1/users/" + sick.ID}, -1, oktatest.Fault{Status: 403})
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, store.RunDone, run.State, "E4: %s", run.Error)
	assert.False(t, w.account(leaver.ID).Active, "E4: the leaver beside him loses access")
	assert.True(t, w.account(sick.ID).Active, "of him nothing is known")
	assert.Equal(t, store.SkipRefused, w.skip(sick.ID).Code, "E4: and the skip report says so")
	w.org.ClearFaults()
	w.walk(store.ReconcileRun)
	assert.False(t, w.account(sick.ID).Active)
	assert.Empty(t, w.skip(sick.ID).Code)
}

// Where nobody can be read it is no user's own failure.
func TestE4_ACredentialThatReadsNobodyFailsTheWalk(t *testing.T) {
	w := newWorld(t)
	users := w.staff(12)
	w.org.SetStatus(users[0].ID, "DEPROVISIONED")
	w.org.DropAll()
	w.org.Fail(oktatest.Match{Prefix: "/api/v1/users/" + users[0].ID}, -1, oktatest.Fault{Status: 401})
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, store.RunFailed, run.State, "E4")
	require.Empty(t, w.skip(users[0].ID).Code)
}

// A run over named users goes on as well.
func TestE4_ANamedUserWhoCannotBeReadBlocksNobody(t *testing.T) {
	w := newWorld(t)
	w.w.Brake = Brake{Deactivations: Limit{Max: 1}, Activations: Limit{Max: 1}, RoleRemovals: Limit{Max: 1}}
	users := w.staff(12)
	var ids []string
	for _, u := range users[:3] {
		w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
		ids = append(ids, u.ID)
	}
	w.org.DropAll()
	w.org.Fail(oktatest.Match{Prefix: "/api/v1/users/" + users[0].ID}, -1, oktatest.Fault{Status: 403})
	var run store.Run
	w.update(func(tx *store.Tx) error {
		if _, err := tx.WantManualRun(ids, "olga"); err != nil {
			return err
		}
		var err error
		run, _, err = tx.StartRun()
		return err
	})
	require.NoError(t, w.w.walk(t.Context(), run))
	w.drain()
	assert.Equal(t, "Chief", w.account(users[1].ID).Title, "E4")
	assert.Equal(t, "Chief", w.account(users[2].ID).Title, "E4")
	assert.NotEqual(t, "Chief", w.account(users[0].ID).Title)
}
