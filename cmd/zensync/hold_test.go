package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// What is held while the command is at work was not shown to whoever said --all.
func TestB2_AllMeansWhatIsHeldWhenTheCommandBegins(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "zensync.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	hold := func(user string) {
		require.NoError(t, db.Update(t.Context(), func(tx *store.Tx) error {
			return tx.AddHold(store.Promise{OktaID: user, Origin: store.FromReconcile}, store.ActDeactivate, "too many")
		}))
	}
	held := func() (holds []store.Hold) {
		require.NoError(t, db.View(t.Context(), func(tx *store.Tx) (err error) {
			holds, err = meantHolds(tx, nil, 0)
			return err
		}))
		return holds
	}
	hold("00u1")
	hold("00u2")
	meant := held()
	hold("00u3")
	require.NoError(t, reconcile.Ruling{Actor: "olga", Reason: "they have left"}.Approve(t.Context(), db, idsOf(meant)))
	left := held()
	require.Len(t, left, 1, "B2")
	assert.Equal(t, "00u3", left[0].OktaID, "B2")
}
