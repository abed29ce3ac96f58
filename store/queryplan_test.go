package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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

// tended is a store with a past, which SQLite has looked at.
func tended(t *testing.T) *fixture {
	f := setup(t)
	for n := range 1000 {
		user := fmt.Sprint("00u", n%300)
		f.do(func(tx *Tx) error {
			_, err := tx.PutPerson(Person{OktaID: user, Email: user + "@example.com"})
			return errors.Join(err, tx.addEvent(Event{UUID: fmt.Sprint(n), Type: UserDeactivate, Users: []string{user}}, tx.Now),
				tx.PutLink(Link{OktaID: user, ZenQMSID: "z" + user, Active: true}),
				tx.AppendLog(LogRow{Origin: "hook", OktaID: user, Action: ActDeactivate, Outcome: OutcomeOK}),
				tx.run(`UPDATE outbox SET state = 'done', finished = created WHERE id < ?`, n-3))
		})
		f.now = f.now.Add(time.Minute)
	}
	require.NoError(t, f.db.Optimize(t.Context()))
	f.reopen() // SQLite reads what it has learnt
	require.NotZero(t, f.number(`SELECT count(*) FROM sqlite_stat1`), "this test must see what it is for")
	return f
}

// tendedYoung is a store that SQLite has looked at before it had much of a past,
// as it does when the first worker starts.
func tendedYoung(t *testing.T) *fixture {
	f := lived(t)
	require.NoError(t, f.db.Optimize(t.Context()))
	f.reopen()
	return f
}

func TestWhatEveryTurnOfTheWorkerAsksReadsNoMoreThanItNeeds(t *testing.T) {
	t.Run("of a new store", func(t *testing.T) { asksLittle(setup(t)) })
	t.Run("of one that was tended", func(t *testing.T) { asksLittle(tended(t)) })
	t.Run("of one that was tended when it was new", func(t *testing.T) { asksLittle(tendedYoung(t)) })
}

func asksLittle(f *fixture) {
	t := f.T
	for name, c := range map[string]struct {
		query string
		args  []any
		want  []string
	}{
		"who is due": {dueQuery, []any{HookPriority, FormatTime(noon)},
			[]string{"SEARCH o USING INDEX outbox_open (priority=? AND due<?)", "SEARCH r USING COVERING INDEX outbox_running (okta_id=?)"}},
		"taking some":      {takeQuery, []any{1, FormatTime(noon), `["00u1"]`}, []string{"SEARCH outbox USING INDEX outbox_pending (okta_id=?)"}},
		"what was taken":   {takenQuery, []any{`["00u1"]`}, []string{"SEARCH o USING INDEX outbox_pending (okta_id=?)"}},
		"when somebody is": {nextDueQuery, nil, []string{"SEARCH o USING COVERING INDEX outbox_open (priority=?)"}},
		"when the last is": {lastDueQuery, nil, []string{"SEARCH o USING COVERING INDEX outbox_open (priority=?)"}},
		"a glance at some": {glanceQuery, []any{"[1,2]"},
			[]string{"SEARCH d USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH o USING INDEX outbox_pending (okta_id=?)", "SEARCH l USING PRIMARY KEY (okta_id=?)"}},
		"a sight of a page": {sightQuery, []any{`["00u1"]`},
			[]string{"SEARCH d USING INDEX sqlite_autoindex_directory_1 (okta_id=?)", "SEARCH o USING INDEX outbox_pending (okta_id=?)", "SEARCH l USING PRIMARY KEY (okta_id=?)"}},
	} {
		plan := f.plan(c.query, c.args...)
		for _, step := range c.want {
			assert.Contains(t, plan, step, name)
		}
		assert.NotContains(t, plan, "TEMP B-TREE FOR ORDER BY", name)
	}
}

// TestALongQueueIsCountedWithoutReadingItsRows looks into the program that
// SQLite makes of a query: its plan says "USING INDEX" of one that could read
// the table as well.
func TestALongQueueIsCountedWithoutReadingItsRows(t *testing.T) {
	f := setup(t)
	root := f.number(`SELECT rootpage FROM sqlite_schema WHERE name = 'outbox'`)
	for name, query := range map[string]string{"the queue": backlogQuery, "the users who wait": readyUsersQuery} {
		f.see(func(tx *Tx) error {
			rows, err := tx.query(`EXPLAIN `+query, FormatTime(noon))
			require.NoError(t, err)
			defer rows.Close()
			tables, read := map[int]bool{}, map[int]bool{}
			for rows.Next() {
				var op string
				var p1, p2 int
				var rest any
				require.NoError(t, rows.Scan(&rest, &op, &p1, &p2, &rest, &rest, &rest, &rest))
				tables[p1] = tables[p1] || op == "OpenRead" && int64(p2) == root
				read[p1] = read[p1] || op == "Column" || op == "Rowid"
			}
			for cursor, table := range tables {
				assert.False(t, table && read[cursor], "%s: each row of the outbox is read", name)
			}
			return rows.Err()
		})
	}
}
