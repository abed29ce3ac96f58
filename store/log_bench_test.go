package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// longLog is the number of rows of the log that BenchmarkCheckLog reads: some
// years of an org of ten thousand.
const longLog = 1_000_000

// longLogged is a store with a log of so many rows.
func longLogged(b *testing.B, rows int) *DB {
	db, err := Open(b.Context(), filepath.Join(b.TempDir(), "zensync.db"))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	attempt := []LogRow{
		{Origin: string(FromHook), Event: "7b9d8f2a-1c3e-4f5a-9b7c-0d1e2f3a4b5c", Actor: "admin@example.com", OktaID: "00ub0oNGTSWTBKOLGLNR", ZenQMSID: "48151",
			Action: ActUpdate, Outcome: OutcomeOK, Changes: map[string]Change{"title": {Old: "Analyst", New: "Senior Analyst"}, "last_name": {Old: "Lee", New: "Łęcka"}}},
		{Origin: string(FromReconcile), Run: 17, OktaID: "00ub0oNGTSWTBKOLGLNS", Action: ActSkip, Outcome: OutcomeSkipped, Error: "missing: Okta has no last name: fill it in there"},
	}
	const batch = 5000
	many := make([]LogRow, 0, batch)
	for range batch / len(attempt) {
		many = append(many, attempt...)
	}
	for range rows / batch {
		require.NoError(b, db.Update(context.Background(), func(tx *Tx) error { return tx.AppendLog(many...) }))
	}
	return db
}

func BenchmarkCheckLog(b *testing.B) {
	db := longLogged(b, longLog)
	for b.Loop() {
		require.NoError(b, db.View(b.Context(), func(tx *Tx) error {
			head, err := tx.CheckLog(Head{}, nil)
			require.EqualValues(b, longLog, head.Seq)
			return err
		}))
	}
	b.ReportMetric(float64(longLog)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkCheckExport(b *testing.B) {
	db := longLogged(b, longLog)
	name := filepath.Join(b.TempDir(), "log.jsonl")
	file, err := os.Create(name)
	require.NoError(b, err)
	require.NoError(b, db.View(b.Context(), func(tx *Tx) error {
		_, err := tx.ExportLog(file, 0, nil)
		return err
	}))
	require.NoError(b, file.Close())
	for b.Loop() {
		file, err := os.Open(name)
		require.NoError(b, err)
		proof, err := CheckExport(file, Head{}, nil)
		require.NoError(b, errors.Join(err, file.Close()))
		require.EqualValues(b, longLog, proof.Head.Seq)
	}
	b.ReportMetric(float64(longLog)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
