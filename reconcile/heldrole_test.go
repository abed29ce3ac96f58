package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// The removal of a role that is held where a link is new waits for a person,
// whatever syncs go by meanwhile; and what he approves is done.
func TestB2_AnApprovedRemovalFromANewLinkIsCarriedOut(t *testing.T) {
	for name, meanwhile := range map[string]func(*mapped, string){
		"at once":           func(*mapped, string) {},
		"after a deploy":    func(m *mapped, _ string) { m.walk(store.InitialRun) },
		"after a reconcile": func(m *mapped, _ string) { m.walk(store.ReconcileRun) },
		"after a hook": func(m *mapped, id string) {
			m.tell("e", store.UserUpdateProfile, id)
			m.drain()
		},
	} {
		for how, first := range map[string]func(*mapped, string){
			"a deploy": func(m *mapped, _ string) { m.walk(store.InitialRun) },
			"a deploy and a hook at once": func(m *mapped, id string) {
				m.update(func(tx *store.Tx) error {
					_, err := tx.Enqueue(store.Promise{OktaID: id, Origin: store.FromInitial, Priority: store.WalkPriority})
					return err
				})
				m.tell("e0", store.UserUpdateProfile, id)
				m.drain()
			},
			"a sync and a hook at once": func(m *mapped, id string) {
				m.update(func(tx *store.Tx) error {
					_, err := tx.WantManualRun([]string{id}, "olga")
					return err
				})
				m.tell("e0", store.UserUpdateProfile, id)
				var run store.Run
				m.update(func(tx *store.Tx) (err error) {
					run, _, err = tx.StartRun()
					return err
				})
				require.NoError(m, m.w.walk(m.Context(), run))
				m.drain()
			},
		} {
			t.Run("asked for by "+how+", approved "+name, func(t *testing.T) {
				m := newMapped(t)
				account := m.acct.AddUser(ada(true))
				m.acct.Edit(account.ID, func(z *zenqmstest.User) { z.Roles = append(z.Roles, m.reviewer) })
				u := m.hire("Ada", "Byron", "ACTIVE")
				m.org.AddMember(m.boss, u.ID)
				m.org.DropAll()
				first(m, u.ID)
				require.Len(t, m.holds(), 1, "B1: where the link is new, every removal is held")
				meanwhile(m, u.ID)
				require.Len(t, m.holds(), 1, "B2: held rows stay")
				require.NoError(t, Ruling{Actor: "olga", Reason: "he has moved"}.Approve(t.Context(), m.db, m.holds()))
				m.drain()
				assert.Equal(t, []string{"Approver"}, m.roles(u.ID), "B2: what was approved is done")
				m.walk(store.ReconcileRun)
				assert.Empty(t, m.holds())
			})
		}
	}
}
