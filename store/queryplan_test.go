package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plan is how SQLite would answer a query, one step a line.
func (f *fixture) plan(query string, args ...any) string {
	f.Helper()
	var steps []string
	f.see(func(tx *Tx) error {
		rows, err := tx.query(`EXPLAIN QUERY PLAN `+query, args...)
		require.NoError(f, err)
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var step string
			require.NoError(f, rows.Scan(&id, &parent, &unused, &step))
			steps = append(steps, step)
		}
		return rows.Err()
	})
	require.NotEmpty(f, steps)
	return strings.Join(steps, "\n")
}

func TestWhatEveryTurnOfTheWorkerAsksReadsNoMoreThanItNeeds(t *testing.T) {
	f := setup(t)
	for name, c := range map[string]struct {
		query string
		args  []any
		want  []string
	}{
		"who is due": {dueQuery, []any{HookPriority, FormatTime(noon)},
			[]string{"SEARCH o USING INDEX outbox_open (priority=? AND due<?)", "SEARCH r USING INDEX outbox_pending (okta_id=?)"}},
		"when somebody is": {nextDueQuery, nil, []string{"SEARCH o USING COVERING INDEX outbox_open (priority=?)"}},
		"a glance at everybody": {glanceQuery, []any{0, 100},
			[]string{"SEARCH d USING INTEGER PRIMARY KEY (rowid>?)", "SEARCH o USING INDEX outbox_pending (okta_id=?)", "SEARCH l USING PRIMARY KEY (okta_id=?)"}},
	} {
		plan := f.plan(c.query, c.args...)
		for _, step := range c.want {
			assert.Contains(t, plan, step, name)
		}
		assert.NotContains(t, plan, "TEMP B-TREE FOR ORDER BY", name)
	}
}
