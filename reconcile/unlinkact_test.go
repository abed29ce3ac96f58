package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/zensync/zensync/store"
)

// TestA1_ThatItWasTakenDownIsInTheLog, by whom, and what came of it: also where
// there was no link to be cleared.
func TestA1_ThatItWasTakenDownIsInTheLog(t *testing.T) {
	for name, people := range map[string]int{"with links": 2, "without": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, httpHooks)
			url, _ := w.listener("s")
			assert.NoError(t, w.deployment(url, "s").ensure(t))
			if people > 0 {
				w.staffOf(t, people)
			}
			r := w.unlink(false)
			var acts []map[string]any
			for _, row := range w.report("acts", store.ReportArgs{}) {
				if row["action"] == "unlink" {
					acts = append(acts, row)
				}
			}
			if assert.Len(t, acts, 2, "A1: unlink is an act of an operator's: its begin and its end") {
				for _, row := range acts {
					assert.Equal(t, []any{"olga", "ok", r.Run}, []any{row["actor"], row["outcome"], row["run"]})
				}
				assert.JSONEq(t, `{"cleared":{"old":null,"new":`+map[int]string{0: "0", 2: "2"}[people]+`},"unchanged":{"old":null,"new":0},"hook":{"old":null,"new":"deleted"}}`,
					acts[0]["changes"].(string))
			}
		})
	}
}
