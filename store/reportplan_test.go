package store

import (
	"errors"
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
	// A search that uses nothing is a scan as well: SQLite walks the table from
	// its end for a min or max of its key.
	scanned = regexp.MustCompile(`(?m)\bSCAN (?:` + growing + `)\w*|\bSEARCH (?:` + growing + `)\w*$`)
	renamed = regexp.MustCompile(`(?i)\b(?:FROM|JOIN)\s+(` + growing + `)\s+(?:AS\s+)?(\w+)`)
	keyword = regexp.MustCompile(`^(?i:WHERE|ON|INDEXED|LEFT|CROSS|JOIN|ORDER|GROUP|AS|UNION)$`)
)

func TestA2_ReportsOverAPeriodReadNoTableWhole(t *testing.T) {
	t.Run("of a young store", func(t *testing.T) { readNoTableWhole(lived(t)) })
	t.Run("of one that was tended", func(t *testing.T) { readNoTableWhole(tended(t)) })
	t.Run("of one that was tended when it was new", func(t *testing.T) { readNoTableWhole(tendedYoung(t)) })
}

func readNoTableWhole(f *fixture) {
	t := f.T
	plan := func(query string) string { return f.plan(query, reportArgs(ReportArgs{Since: noon})...) }
	for _, r := range Reports() {
		for _, name := range renamed.FindAllStringSubmatch(r.SQL, -1) {
			assert.True(t, strings.HasPrefix(name[2], name[1]) || keyword.MatchString(name[2]), "%s calls %s %s, which this test would not see", r.Name, name[1], name[2])
		}
		sql := strings.ReplaceAll(r.SQL, "(SELECT max(seq) FROM log)", "1")                  // the last of all keys is where it begins to look
		steps := strings.ReplaceAll(plan(sql), "SCAN outbox USING INDEX outbox_pending", "") // what is under way is little
		assert.Empty(t, scanned.FindAllString(steps, -1), "%s:\n%s", r.Name, steps)
	}
	assert.NotEmpty(t, scanned.FindAllString(plan(`SELECT * FROM log WHERE (:since IS NULL OR time >= :since)`), -1), "this test sees what it is for")
	assert.NotEmpty(t, scanned.FindAllString(plan(`SELECT min(seq) FROM log WHERE time >= :since`), -1), "and that")
	assert.Contains(t, plan(mustReport(t, "leavers").SQL), "event_gone", "departures are few")
	assert.Contains(t, plan(mustReport(t, "leavers").SQL), "log_deactivate")
	assert.Contains(t, plan(mustReport(t, "leavers").SQL), "SEARCH log USING INDEX log_revived (okta_id=?)", "nobody's whole past is read for when he was active again")
	const said = "SEARCH outbox USING INDEX outbox_user (okta_id=?)\nSEARCH event USING INTEGER PRIMARY KEY (rowid=?)\n"
	require.Contains(t, plan(mustReport(t, "leavers").SQL), said)
	assert.NotContains(t, plan(mustReport(t, "leavers").SQL), said+"USE TEMP B-TREE", "nor for the event that said that he leaves")
	const events = "SEARCH outbox USING INDEX outbox_event (event=?) LEFT-JOIN\n"
	require.Contains(t, plan(mustReport(t, "events").SQL), events)
	assert.NotContains(t, plan(mustReport(t, "events").SQL), events+"USE TEMP B-TREE", "the latest events come in the order of the table")
	assert.Contains(t, plan(mustReport(t, "hourly").SQL), "USING COVERING INDEX event_received", "an org may have some hundred thousand events a day")
}

// TestStatusAndDrainReadNoTableWhole plans whatever was asked on the way, so
// that a question that is added is among them.
func TestStatusAndDrainReadNoTableWhole(t *testing.T) {
	t.Run("of a young store", func(t *testing.T) { statusReadsNoTableWhole(lived(t)) })
	t.Run("of one that was tended", func(t *testing.T) { statusReadsNoTableWhole(tended(t)) })
	t.Run("of one that was tended when it was new", func(t *testing.T) { statusReadsNoTableWhole(tendedYoung(t)) })
}

func statusReadsNoTableWhole(f *fixture) {
	f.reopen()
	asked := map[string]bool{}
	note := func(tx *Tx, errs ...error) error {
		for query := range tx.session.prepared {
			asked[query] = true
		}
		return errors.Join(errs...)
	}
	f.see(func(tx *Tx) error {
		_, queue := tx.Queue()
		_, links := tx.LinkCount()
		_, skips := tx.SkipCount()
		_, event := tx.LastEvent()
		_, _, run := tx.LastRun()
		_, _, next := tx.NextRun()
		_, groups := tx.MappedGroups()
		_, roles := tx.RoleRules()
		_, head := tx.LogHead()
		_, unsorted := tx.Unsorted()
		_, _, due := tx.NextDue()
		require.NoError(f, tx.row(paceQuery, FormatTime(noon)).Scan(new(any), new(any))) // asked only while somebody waits
		_, _, end := tx.ExpectedEnd()
		return note(tx, end, queue, links, skips, event, run, next, groups, roles, head, unsorted, due)
	})
	f.do(func(tx *Tx) error {
		epoch, err := tx.StartEpoch()
		require.NoError(f, err)
		_, err = tx.Enqueue(Promise{OktaID: "00u1", Origin: FromHook, Priority: HookPriority})
		require.NoError(f, err)
		claims, err := tx.Claim(epoch, 1)
		require.NoError(f, err)
		require.Len(f, claims, 1)
		_, err = tx.Standing(claims[0].OktaID)
		return note(tx, err, tx.AppendLog(LogRow{Origin: "hook", OktaID: claims[0].OktaID, Action: ActNone, Outcome: OutcomeOK}),
			tx.Close(epoch, claims[0].Rows[0].ID, StateDone, ""))
	})
	require.Greater(f, len(asked), 15, "this test must see what is asked")
	for query := range asked {
		if !regexp.MustCompile(`\bFROM\b|^\s*UPDATE\b`).MatchString(query) {
			continue // BEGIN, and rows that are added
		}
		steps := f.plan(query, make([]any, 16)...)
		for _, little := range []string{"SCAN outbox USING INDEX outbox_pending", "SCAN outbox USING INDEX outbox_stuck", // what is under way is little
			"SCAN outbox USING COVERING INDEX outbox_stuck", "SCAN outbox USING COVERING INDEX outbox_open", "SCAN outbox USING COVERING INDEX outbox_running",
			"SCAN outbox USING INDEX outbox_running"} {
			steps = strings.ReplaceAll(steps, little, "")
		}
		if strings.Contains(query, "DESC LIMIT 1") { // the last row is where it begins to look
			continue
		}
		assert.Empty(f, scanned.FindAllString(steps, -1), "%s:\n%s", query, steps)
	}
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
	leavers := f.plan(mustReport(t, "leavers").SQL, reportArgs(ReportArgs{Since: noon})...)
	for _, table := range []string{"account", "directory", "link"} { // where the accounts of a large org are, each is a million rows
		assert.NotRegexp(t, `SCAN `+table+`\n|SCAN `+table+` USING INDEX`, leavers, "leavers")
	}
	f.reopen()
	f.see(func(tx *Tx) error {
		_, links := tx.LinkCount()
		_, departures := tx.DeparturesSince(10)
		_, more := tx.LoggedMore(1, 10)
		for query := range tx.session.prepared {
			if !strings.Contains(query, "FROM") {
				continue // BEGIN
			}
			steps := strings.ReplaceAll(f.plan(query, make([]any, 16)...), "SCAN event USING INDEX event_gone", "") // from its end, and not all of it
			assert.NotRegexp(t, `SCAN \w+$|SCAN \w+\n|SCAN \w+ USING INDEX|TEMP B-TREE`, steps, query)
		}
		return errors.Join(links, departures, more)
	})
}
