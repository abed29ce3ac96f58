package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/schema"
)

// reportColumns are what the users' scripts may rely on.
var reportColumns = map[string]string{
	"skipped": "okta_id login email reason since last_seen",
	"log":     "seq attempt time origin run event actor okta_id zenqms_id action outcome changes error",
	"held":    "id run okta_id email action reason since",
	"links":   "okta_id zenqms_id email active roles okta_updated applied_at",
	"runs":    "id kind state started finished users created updated activated deactivated linked unchanged skipped failed held",
	"events":  "id type published received okta_id state attempts latency_ms error",
	"dead":    "id okta_id origin attempts error since",

	"unlinked": "okta_id zenqms_id email cleared_at outcome error",
	"latency":  "day events okta_p50 okta_p95 okta_max here_p50 here_p95 here_max",
	"leavers":  "okta_id zenqms_id email okta zenqms seconds state",
	"roles":    "okta_id zenqms_id email active role groups since",
	"summary":  "what value",
	"acts":     "time actor action outcome okta_id run changes error seq",
	"failures": "okta_id first last attempts action error ended outcome",
	"drift":    "kind okta_id zenqms_id email field okta zenqms reason settle",
	"hourly":   "hour events",
	"growth":   "day made links",
}

func (f *fixture) report(name string, args ReportArgs) (columns []string, rows [][]any) {
	f.Helper()
	r, err := ReportByName(name)
	require.NoError(f, err)
	f.see(func(tx *Tx) (err error) {
		columns, rows, err = tx.Report(r, args)
		return err
	})
	return columns, rows
}

// lived is a store with something in every table, and its clock an hour later.
func lived(t *testing.T) *fixture {
	f := setup(t)
	epoch := f.begin()
	run := f.want(ReconcileRun, "root", noon)
	f.start()
	f.add(
		Event{UUID: "e1", Type: UserCreate, Published: noon.Add(-1500 * time.Millisecond), Users: []string{"00u1", "00u2"}},
		Event{UUID: "e2", Type: UserLock, Ignored: "it is odd"},
	)
	f.do(func(tx *Tx) error {
		return errors.Join(tx.SetRolePairs([]RolePair{{Group: MappedGroup{Configured: "QA", ID: "00g1", Name: "QA"}, RoleID: "r1", RoleName: "Reviewer", Configured: "QA -> Reviewer"}}),
			tx.PutAccount(Account{ZenQMSID: "z1", Roles: []AccountRole{{"r1", "Reviewer"}, {"r2", "Author"}}}, 0), tx.SetMember("00g1", "00u1", true))
	})
	f.do(func(tx *Tx) error {
		_, err := tx.Enqueue(Promise{OktaID: "00u3", Origin: FromReconcile, Priority: WalkPriority, Run: run})
		return err
	})
	f.claim(epoch, 10)
	f.do(func(tx *Tx) error {
		for _, err := range []error{
			tx.CountRun(run, 10, 6, 1), tx.EndRun(run, ""),
			tx.Close(epoch, 1, StateDone, ""), tx.Close(epoch, 2, StateSkipped, "no last name"), tx.Close(epoch, 3, StateDead, "500 from ZenQMS"),
			tx.PutLink(Link{OktaID: "00u1", ZenQMSID: "z1", Email: "ann@example.com", Active: true, Roles: []string{"QA"}, OktaUpdated: noon}),
			tx.PutSkip(Skip{OktaID: "00u2", Code: SkipMissing, Reason: "no last name", Login: "bob", Email: "bob@example.com"}),
			tx.AddHold(Promise{OktaID: "00u1", Origin: FromReconcile, Run: run}, ActDeactivate, "too many"),
			tx.PutUnlinked(Unlinked{Run: run, OktaID: "00u8", ZenQMSID: "z8", Email: "fox@example.com", Outcome: OutcomeOK}),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	log := func(user string, action Action, outcome Outcome) LogRow {
		return LogRow{Origin: string(FromReconcile), Run: run, OktaID: user, Action: action, Outcome: outcome}
	}
	f.append(log("00u1", ActLink, OutcomeOK), log("00u1", ActActivate, OutcomeOK), log("00u1", ActActivate, OutcomeOK))
	f.append(log("00u2", ActSkip, OutcomeSkipped))
	f.append(log("00u3", ActUpdate, OutcomeFailed))
	f.append(log("00u4", ActNone, OutcomeUnchanged))
	f.append(LogRow{Origin: string(FromReconcile), OktaID: "00u1", Action: ActAddRole, Outcome: OutcomeOK, Changes: map[string]Change{"roles": {New: []string{"Reviewer"}}}})
	f.append(LogRow{Origin: "operator", Actor: "olga", Run: run, OktaID: "00u1", Action: ActDiscard, Outcome: OutcomeOK})
	f.now = noon.Add(time.Hour)
	return f
}

func TestA2_ReportsHaveTheColumnsThatAreDocumented(t *testing.T) {
	f := lived(t)
	names := map[string]bool{}
	for _, r := range Reports() {
		names[r.Name] = true
		t.Run(r.Name, func(t *testing.T) {
			require.Contains(t, reportColumns, r.Name, "a report's columns are promised")
			assert.NotEmpty(t, r.Help)
			for _, args := range []ReportArgs{
				{},
				{Since: noon.Add(-time.Hour), Until: noon.Add(time.Hour), User: "00u1", Run: 1, Limit: 1},
			} {
				columns, rows := f.report(r.Name, args)
				assert.Equal(t, strings.Fields(reportColumns[r.Name]), columns)
				require.Len(t, r.Columns, len(columns), "every column is described")
				for i, column := range r.Columns {
					assert.Equal(t, columns[i], column.Name)
					assert.NotEmpty(t, column.Meaning, column.Name)
				}
				if args == (ReportArgs{}) {
					assert.NotEmpty(t, rows, "it shows what there is")
				} else {
					assert.LessOrEqual(t, len(rows), 1)
				}
			}
		})
	}
	for name := range reportColumns {
		assert.True(t, names[name], "report %s is gone", name)
	}
}

func TestA2_ReportsShowWhatHappened(t *testing.T) {
	f := lived(t)
	at := FormatTime(noon)
	for name, want := range map[string][][]any{
		"skipped":  {{"00u2", "bob", "bob@example.com", "missing: no last name", at, at}},
		"links":    {{"00u1", "z1", "ann@example.com", int64(1), `["QA"]`, at, at}},
		"held":     {{int64(4), int64(1), "00u1", "ann@example.com", "deactivate", "too many", at}},
		"unlinked": {{"00u8", "z8", "fox@example.com", at, "ok", nil}},
		"latency":  {{"2026-03-01", int64(1), int64(1500), int64(1500), int64(1500), int64(0), int64(0), int64(0)}},
		"hourly":   {{"2026-03-01T12", int64(2)}}, // the odd one came as well
		"growth":   {{"2026-03-01", int64(1), int64(1)}},
		"leavers":  {{"00u1", "z1", "ann@example.com", nil, nil, nil, "held"}},
		"roles":    {{"00u1", "z1", "ann@example.com", int64(1), "Reviewer", `["QA"]`, at}},
		"acts":     {{at, "olga", "discard", "ok", "00u1", int64(1), nil, nil, int64(8)}},
		"failures": {{"00u3", at, at, int64(1), "update", nil, nil, "dead"}},
		"dead":     {{int64(3), "00u3", "reconcile", int64(1), "500 from ZenQMS", at}},
		"runs": {{int64(1), "reconcile", "done", at, at, int64(10), int64(0), int64(0), int64(1), int64(0), int64(1), int64(7), int64(2),
			int64(1), int64(0)}}, // distinct users: 00u1 was activated once, if in two rows
		"events": {
			{"e2", "user.account.lock", nil, at, nil, "ignored", int64(0), nil, "it is odd"},
			{"e1", "user.lifecycle.create", FormatTime(noon.Add(-1500 * time.Millisecond)), at, "00u2", "skipped", int64(1), nil, "no last name"},
			{"e1", "user.lifecycle.create", FormatTime(noon.Add(-1500 * time.Millisecond)), at, "00u1", "done", int64(1), int64(1500), nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, rows := f.report(name, ReportArgs{})
			assert.Equal(t, want, rows)
		})
	}
	_, rows := f.report("log", ReportArgs{})
	require.Len(t, rows, 8)
	assert.Equal(t, int64(8), rows[0][0], "the latest first")
}

func TestA2_ReportsAreLimitedByTheirArguments(t *testing.T) {
	f := lived(t)
	count := func(name string, args ReportArgs) int {
		_, rows := f.report(name, args)
		return len(rows)
	}
	for _, r := range Reports() {
		if r.Name == "summary" { // it has its figures in any case
			continue
		}
		all := count(r.Name, ReportArgs{})
		if r.Uses("since") {
			assert.Equal(t, all, count(r.Name, ReportArgs{Since: noon, Until: noon.Add(time.Millisecond)}), "%s: since is included", r.Name)
			assert.Zero(t, count(r.Name, ReportArgs{Since: noon.Add(time.Millisecond)}), "%s: since", r.Name)
			assert.Zero(t, count(r.Name, ReportArgs{Until: noon}), "%s: until is not included", r.Name)
		}
		assert.Equal(t, r.Name != "drift", r.Uses("since"), "%s: it compares what is", r.Name)
		assert.Equal(t, 1, count(r.Name, ReportArgs{Limit: 1}), "%s: limit", r.Name)
		assert.Equal(t, r.Name != "runs", r.Uses("user"), "%s: a run is about everybody", r.Name)
		if r.Uses("user") {
			assert.Zero(t, count(r.Name, ReportArgs{User: "00u9"}), "%s: user", r.Name)
		}
	}
	assert.Equal(t, 5, count("log", ReportArgs{User: "00u1"}))
	assert.Equal(t, 1, count("events", ReportArgs{User: "00u1"}))
	assert.Equal(t, 7, count("log", ReportArgs{Run: 1}))
	assert.Zero(t, count("log", ReportArgs{Run: 2}))
	assert.Zero(t, count("runs", ReportArgs{Run: 2}))
	assert.Zero(t, count("dead", ReportArgs{Run: 2}))
}

func TestA2_UnknownReportNamesThoseThereAre(t *testing.T) {
	_, err := ReportByName("gossip")
	require.ErrorContains(t, err, "gossip")
	assert.ErrorContains(t, err, "skipped")
}

func TestA2_ReportCannotWrite(t *testing.T) {
	f := lived(t)
	assert.Error(t, f.db.View(t.Context(), func(tx *Tx) error {
		_, _, err := tx.Report(schema.Report{Name: "bad", SQL: `DELETE FROM skip RETURNING okta_id`}, ReportArgs{})
		return err
	}))
	assert.EqualValues(t, 1, f.number(`SELECT count(*) FROM skip`))
}

// TestA2_GrowthCountsWhatWasThereBefore: a period has its own links as made, and
// all there are as links.
func TestA2_GrowthCountsWhatWasThereBefore(t *testing.T) {
	f := setup(t)
	for i, days := range []int{0, 0, 2, 5} {
		f.now = noon.AddDate(0, 0, days)
		user := string(rune('a' + i))
		f.do(func(tx *Tx) error {
			return tx.PutLink(Link{OktaID: "00u" + user, ZenQMSID: "z" + user, Active: i%2 == 0})
		})
	}
	_, rows := f.report("growth", ReportArgs{Since: noon.AddDate(0, 0, 1)})
	assert.Equal(t, [][]any{{"2026-03-06", int64(1), int64(4)}, {"2026-03-03", int64(1), int64(3)}}, rows)
	_, rows = f.report("growth", ReportArgs{Until: noon.AddDate(0, 0, 3)})
	assert.Equal(t, [][]any{{"2026-03-03", int64(1), int64(3)}, {"2026-03-01", int64(2), int64(2)}}, rows)
}

// TestA2_HourlyCountsWhatNobodyHasSortedYet: an event has reached the relay when
// it is in the inbox, and counts once, whomever it names.
func TestA2_HourlyCountsWhatNobodyHasSortedYet(t *testing.T) {
	f := setup(t)
	f.add(Event{UUID: "e1", Type: UserCreate, Users: []string{"00u1"}})
	d, err := Pack([]Event{{UUID: "e2", Type: UserCreate, Users: []string{"00u1", "00u2"}}, {UUID: "e1", Type: UserCreate, Users: []string{"00u1"}}})
	require.NoError(t, err)
	f.do(func(tx *Tx) error { return tx.Receive(d) })
	_, rows := f.report("hourly", ReportArgs{})
	assert.Equal(t, [][]any{{"2026-03-01T12", int64(2)}}, rows)
	_, rows = f.report("hourly", ReportArgs{User: "00u2"})
	assert.Equal(t, [][]any{{"2026-03-01T12", int64(1)}}, rows)
}
