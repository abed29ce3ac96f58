package reconcile

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// approvals are the last n log rows of a user, the latest first: action,
// outcome, and the approval that each names.
func (w *world) approvals(id string, n int64) (all [][3]any) {
	for _, row := range w.report("log", store.ReportArgs{User: id, Limit: n}) {
		changes := map[string]store.Change{}
		if text, any := row["changes"].(string); any {
			require.NoError(w, json.Unmarshal([]byte(text), &changes))
		}
		all = append(all, [3]any{row["action"], row["outcome"], changes[fieldApproval].New})
	}
	return all
}

func (w *world) approve(reason string) {
	w.Helper()
	require.NoError(w, Ruling{Actor: "olga", Reason: reason}.Approve(w.Context(), w.db, w.holds()))
}

// approvedBy is what rows that follow the last approval say.
func (w *world) approvedBy(id, reason string) string {
	approval, found := store.Approval{}, false
	w.view(func(tx *store.Tx) (err error) {
		for _, action := range []store.Action{store.ActDeactivate, store.ActActivate, store.ActRemoveRole} {
			if approval, found, err = tx.LastApproval(id, action); found || err != nil {
				return err
			}
		}
		return err
	})
	require.True(w, found)
	return fmt.Sprintf("row %d, olga: %s", approval.Seq, reason)
}

func TestA1_WhatWasApprovedNamesTheApprovalAndItsReason(t *testing.T) {
	t.Run("a leaver, whom it takes two attempts", func(t *testing.T) {
		w := newWorld(t)
		u := w.staff(1)[0]
		w.w.Brake.Deactivations = Limit{}
		w.org.SetStatus(u.ID, "DEPROVISIONED")
		w.sync()
		assert.Equal(t, [][3]any{{"deactivate", "held", nil}}, w.approvals(u.ID, 1))
		w.approve("he has left")
		said := w.approvedBy(u.ID, "he has left")
		w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 503})
		w.drain()
		assert.Equal(t, [3]any{"deactivate", "failed", said}, w.approvals(u.ID, 1)[0], "A1: an attempt that failed as well")
		w.pass(time.Hour)
		w.drain()
		assert.Equal(t, [3]any{"deactivate", "ok", said}, w.approvals(u.ID, 1)[0])
	})
	t.Run("what comes besides is not its", func(t *testing.T) {
		m := newMapped(t)
		u := m.hire("Ada", "Byron", "ACTIVE")
		m.org.AddMember(m.qa, u.ID)
		m.org.DropAll()
		m.walk(store.InitialRun)
		m.w.Brake.RoleRemovals = Limit{}
		m.org.RemoveMember(m.qa, u.ID)
		m.sync()
		m.approve("she has moved")
		said := m.approvedBy(u.ID, "she has moved")
		m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
		m.sync()
		assert.ElementsMatch(t, [][3]any{{"remove_role", "ok", said}, {"update", "ok", nil}}, m.approvals(u.ID, 2))
	})
	t.Run("what is wanted no more", func(t *testing.T) {
		w := newWorld(t)
		u := w.staff(1)[0]
		w.w.Brake.Deactivations = Limit{}
		w.org.SetStatus(u.ID, "DEPROVISIONED")
		w.sync()
		w.org.SetStatus(u.ID, "ACTIVE")
		w.org.DropAll()
		w.approve("he has left")
		w.drain()
		assert.Equal(t, [3]any{"none", "unchanged", w.approvedBy(u.ID, "he has left")}, w.approvals(u.ID, 1)[0])
	})
}
