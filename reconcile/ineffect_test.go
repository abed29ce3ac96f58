package reconcile

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// inEffectRows are the rows of the log that notes have written so far.
func inEffectRows(t *testing.T, db *store.DB) (rows []store.LogRow) {
	t.Helper()
	require.NoError(t, db.View(t.Context(), func(tx *store.Tx) (err error) {
		rows, err = tx.LogAfter(0)
		return err
	}))
	return rows
}

func TestA1_ChangedConfigurationAndVersionAreRows(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "zensync.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	e := InEffect{Actor: "zensync", Version: "1.0", Hash: "h1", Values: map[string]any{
		"sync.batch_size": 100, "sync.groups": []string{"R&D <all>"}, "okta.org_url": "https://example.okta.com"}}
	note := func() {
		t.Helper()
		require.NoError(t, e.Note(t.Context(), db))
	}

	note()
	rows := inEffectRows(t, db)
	require.Len(t, rows, 2, "the first of a store logs everything")
	assert.Equal(t, store.LogRow{Origin: "operator", Actor: "zensync", Action: store.ActVersion, Outcome: store.OutcomeOK,
		Changes: map[string]store.Change{"version": {New: "1.0"}}}, rows[0])
	assert.Equal(t, store.LogRow{Origin: "operator", Actor: "zensync", Action: store.ActConfig, Outcome: store.OutcomeOK,
		Changes: map[string]store.Change{"sync.batch_size": {New: 100.0}, "sync.groups": {New: []any{"R&D <all>"}},
			"okta.org_url": {New: "https://example.okta.com"}, "sha256": {New: "h1"}}}, rows[1])

	note()
	require.Len(t, inEffectRows(t, db), 2, "nothing differs")

	e = InEffect{Actor: "Ada", Version: "1.0", Hash: "h2", Values: map[string]any{
		"sync.batch_size": 50, "sync.groups": []string{"R&D <all>"}, "sync.default_title": "Staff"}}
	note()
	note()
	rows = inEffectRows(t, db)
	require.Len(t, rows, 3)
	assert.Equal(t, store.LogRow{Origin: "operator", Actor: "Ada", Action: store.ActConfig, Outcome: store.OutcomeOK,
		Changes: map[string]store.Change{"sync.batch_size": {Old: 100.0, New: 50.0}, "sync.default_title": {New: "Staff"},
			"okta.org_url": {Old: "https://example.okta.com"}, "sha256": {Old: "h1", New: "h2"}}}, rows[2])

	e.Version = "1.1"
	note()
	rows = inEffectRows(t, db)
	require.Len(t, rows, 4)
	assert.Equal(t, map[string]store.Change{"version": {Old: "1.0", New: "1.1"}}, rows[3].Changes)

	require.NoError(t, db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.CheckLog(store.Head{}, nil)
		return err
	}))
}

func TestA1_TwoWhoStartAtOnceNoteOnce(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "zensync.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	failed := make(chan error)
	for range 8 {
		go func() {
			failed <- InEffect{Version: "1.0", Hash: "h", Values: map[string]any{"a": json.Number("1")}}.Note(t.Context(), db)
		}()
	}
	for range 8 {
		assert.NoError(t, <-failed)
	}
	assert.Len(t, inEffectRows(t, db), 2)
}
