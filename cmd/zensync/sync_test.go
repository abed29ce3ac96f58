package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// A command is told of the end of its work a moment later, and by then another
// may have synced the same user.
func TestOutcomeIsThatOfTheAttemptWhichClosedThePromise(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "zensync.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	actions := []store.Action{store.ActNone, store.ActCreate, store.ActUpdate}
	for i, action := range actions {
		db.Now = func() time.Time { return noon.Add(time.Duration(i) * time.Millisecond) }
		require.NoError(t, db.Update(t.Context(), func(tx *store.Tx) error {
			return tx.AppendLog(store.LogRow{Origin: "manual", OktaID: "00u1", Action: action, Outcome: store.OutcomeOK})
		}))
	}
	for finished, want := range map[time.Time]store.Action{
		noon: store.ActNone, noon.Add(time.Millisecond): store.ActCreate, {}: store.ActUpdate,
	} {
		require.NoError(t, db.View(t.Context(), func(tx *store.Tx) error {
			rows, _, err := outcomeOf(tx, wanted{asked: "ann", oktaID: "00u1"}, store.RowState{Finished: finished})
			require.Len(t, rows, 1)
			assert.Equal(t, []any{"ann", "00u1", nil, string(want), "ok"}, rows[0][:5], finished)
			return err
		}))
	}
}
