package store

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// growing are the tables that grow for as long as there is an installation. A
// report may use another name for one, if that begins with its own.
const growing = `log|event|outbox`

var (
	scanned = regexp.MustCompile(`\bSCAN ((?:` + growing + `)\w*)`)
	renamed = regexp.MustCompile(`(?i)\b(?:FROM|JOIN)\s+(` + growing + `)\s+(?:AS\s+)?(\w+)`)
	keyword = regexp.MustCompile(`^(?i:WHERE|ON|INDEXED|LEFT|CROSS|JOIN|ORDER|GROUP|AS|UNION)$`)
)

func TestA2_ReportsOverAPeriodReadNoTableWhole(t *testing.T) {
	t.Run("of a young store", func(t *testing.T) { readNoTableWhole(lived(t)) })
	t.Run("of one that was tended", func(t *testing.T) { readNoTableWhole(tended(t)) })
}

func readNoTableWhole(f *fixture) {
	t := f.T
	plan := func(query string) string { return f.plan(query, reportArgs(ReportArgs{Since: noon})...) }
	for _, r := range Reports() {
		for _, name := range renamed.FindAllStringSubmatch(r.SQL, -1) {
			assert.True(t, strings.HasPrefix(name[2], name[1]) || keyword.MatchString(name[2]), "%s calls %s %s, which this test would not see", r.Name, name[1], name[2])
		}
		steps := strings.ReplaceAll(plan(r.SQL), "SCAN outbox USING INDEX outbox_pending", "") // what is under way is little
		assert.Empty(t, scanned.FindAllString(steps, -1), "%s:\n%s", r.Name, steps)
	}
	assert.NotEmpty(t, scanned.FindAllString(plan(`SELECT * FROM log WHERE (:since IS NULL OR time >= :since)`), -1), "this test sees what it is for")
	assert.Contains(t, plan(mustReport(t, "leavers").SQL), "event_gone", "departures are few")
	assert.Contains(t, plan(mustReport(t, "leavers").SQL), "log_deactivate")
	const events = "SEARCH outbox USING INDEX outbox_event (event=?) LEFT-JOIN\n"
	require.Contains(t, plan(mustReport(t, "events").SQL), events)
	assert.NotContains(t, plan(mustReport(t, "events").SQL), events+"USE TEMP B-TREE", "the latest events come in the order of the table")
	assert.Contains(t, plan(mustReport(t, "hourly").SQL), "USING COVERING INDEX event_received", "an org may have some hundred thousand events a day")
}

func mustReport(t *testing.T, name string) (r struct{ SQL string }) {
	report, err := ReportByName(name)
	require.NoError(t, err)
	r.SQL = report.SQL
	return r
}

// TestA2_ReportsRunInSQLite3 feeds the files to the sqlite3 program, as the
// README says anyone may.
func TestA2_ReportsRunInSQLite3(t *testing.T) {
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skipf("needs sqlite3: %v", err)
	}
	f := lived(t)
	for _, r := range Reports() {
		cmd := exec.Command(program, "-readonly", "-header", "-separator", " ", f.db.Path())
		cmd.Stdin = strings.NewReader(r.SQL)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", r.Name, out)
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		assert.Equal(t, reportColumns[r.Name], lines[0], r.Name)
		_, rows := f.report(r.Name, ReportArgs{})
		assert.Len(t, lines, len(rows)+1, r.Name)
	}
}

// TestA2_LogSinceHoldsWhenTheClockWasSetBack: numbers go up, times need not.
func TestA2_LogSinceHoldsWhenTheClockWasSetBack(t *testing.T) {
	f := setup(t)
	for _, minutes := range []int{0, 10, 5, 20} {
		f.now = noon.Add(time.Duration(minutes) * time.Minute)
		f.append(LogRow{Origin: string(FromHook), Action: ActNone, Outcome: OutcomeOK})
	}
	seqs := func(since int) (all []int64) {
		_, rows := f.report("log", ReportArgs{Since: noon.Add(time.Duration(since) * time.Minute)})
		for _, row := range rows {
			all = append(all, row[0].(int64))
		}
		return all
	}
	assert.Equal(t, []int64{4, 3, 2}, seqs(5))
	assert.Equal(t, []int64{4, 2}, seqs(6))
	assert.Equal(t, []int64{4, 2}, seqs(10))
	assert.Empty(t, seqs(21))
}

// TestWhatTheStatusPageListsReadsNoTableWhole: it is asked for by whoever looks.
func TestWhatTheStatusPageListsReadsNoTableWhole(t *testing.T) {
	f := lived(t)
	for name, steps := range map[string]string{
		"held": "USING INDEX outbox_stuck (state=?)", "dead": "USING INDEX outbox_stuck (state=?)",
		"runs": "SEARCH log USING INDEX log_run (run=?)", // of the latest: run is walked from its end
	} {
		plan := f.plan(mustReport(t, name).SQL, reportArgs(ReportArgs{Limit: 25})...)
		assert.Contains(t, plan, steps, name)
	}
	assert.NotContains(t, f.plan(mustReport(t, "runs").SQL, reportArgs(ReportArgs{Limit: 25})...), "TEMP B-TREE FOR ORDER BY", "runs")
}
