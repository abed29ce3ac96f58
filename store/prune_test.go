package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prune deletes what is older than a time, in steps of a few rows.
func (f *fixture) prune(before time.Time) Pruning {
	f.Helper()
	p := Pruning{Before: before, Rows: 3}
	for !p.Done {
		f.do(func(tx *Tx) (err error) {
			p, err = tx.Prune(p)
			return err
		})
	}
	return p
}

// ended is an event about a user, and its promise that came to an end.
func (f *fixture) ended(uuid, user string, state State) {
	f.Helper()
	f.do(func(tx *Tx) error {
		return tx.addEvent(Event{UUID: uuid, Type: UserUpdateProfile, Users: []string{user}}, tx.Now)
	})
	f.do(func(tx *Tx) error {
		return tx.run(`UPDATE outbox SET state = ?, finished = CASE WHEN ?1 IN ('open', 'running', 'held') THEN NULL ELSE ? END,
			action = CASE WHEN ?1 = 'held' THEN 'deactivate' END WHERE event = (SELECT id FROM event WHERE uuid = ?)`, string(state), FormatTime(tx.Now), uuid)
	})
}

func TestPruneDeletesWhatHasEndedAndIsOld(t *testing.T) {
	f := setup(t)
	for n := range 10 {
		for _, state := range []State{StateDone, StateSkipped, StateDropped, StateIgnored, StateUnlinked} {
			f.ended(fmt.Sprint(state, n), fmt.Sprint("00u", state, n), state)
		}
	}
	f.do(func(tx *Tx) error {
		return tx.addEvent(Event{UUID: "nobody's", Type: "user.session.start", Ignored: "x"}, tx.Now)
	})
	f.someLog(3)
	f.now = noon.Add(24 * time.Hour)
	f.ended("young", "00uyoung", StateDone)

	p := f.prune(noon)
	assert.Zero(t, p.Deleted, "what is as old as the time is not older")
	assert.Empty(t, f.texts(`SELECT value FROM setting WHERE key = ?`, PrunedBefore))
	p = f.prune(noon.Add(time.Second))
	assert.EqualValues(t, 101, p.Deleted)
	assert.Equal(t, []string{"young"}, f.texts(`SELECT uuid FROM event`))
	assert.Equal(t, []string{"00uyoung"}, f.texts(`SELECT okta_id FROM outbox`))
	assert.EqualValues(t, 3, f.number(`SELECT count(*) FROM log`), "the log is never pruned")
	assert.Equal(t, []string{FormatTime(noon.Add(time.Second))}, f.texts(`SELECT value FROM setting WHERE key = ?`, PrunedBefore))
	f.prune(noon)
	assert.Equal(t, []string{FormatTime(noon.Add(time.Second))}, f.texts(`SELECT value FROM setting WHERE key = ?`, PrunedBefore), "a longer store.keep brings nothing back")
	assert.Empty(t, f.texts(`SELECT "table" FROM pragma_foreign_key_check`))
}

func TestPruneLeavesWhatReportsOfThePresentNeed(t *testing.T) {
	for name, stands := range map[string]func(f *fixture){
		"open":    func(f *fixture) { f.ended("b", "00u", StateOpen) },
		"running": func(f *fixture) { f.ended("b", "00u", StateRunning) },
		"held":    func(f *fixture) { f.ended("b", "00u", StateHeld) },
		"dead":    func(f *fixture) { f.ended("b", "00u", StateDead) },
		"skipped": func(f *fixture) {
			f.do(func(tx *Tx) error { return tx.PutSkip(Skip{OktaID: "00u", Code: SkipMissing}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.ended("a", "00u", StateDone)
			f.ended("x", "00uother", StateDone)
			stands(f)
			rows, events := f.number(`SELECT count(*) FROM outbox`), f.number(`SELECT count(*) FROM event`)
			f.now = noon.Add(24 * 365 * time.Hour)
			assert.EqualValues(t, 2, f.prune(f.now).Deleted, "the other's")
			assert.Equal(t, rows-1, f.number(`SELECT count(*) FROM outbox`))
			assert.Equal(t, events-1, f.number(`SELECT count(*) FROM event`))
		})
	}
}

func TestPruneDeletesWhatRunsHaveNoted(t *testing.T) {
	f := setup(t)
	var manual, wanted, unlink, unfinished int64
	f.do(func(tx *Tx) (err error) {
		if manual, err = tx.WantManualRun([]string{"00u1", "00u2", "00u3", "00u4"}, "ada"); err != nil {
			return err
		}
		if wanted, err = tx.WantManualRun([]string{"00u1"}, "ada"); err != nil {
			return err
		}
		if unlink, err = tx.UnlinkingRun("ada"); err != nil {
			return err
		}
		if err := tx.PutUnlinked(Unlinked{Run: unlink, ZenQMSID: "1", OktaID: "00u1", Outcome: OutcomeOK}); err != nil {
			return err
		}
		if err := tx.EndRun(manual, ""); err != nil {
			return err
		}
		return tx.EndRun(unlink, "")
	})
	f.do(func(tx *Tx) (err error) {
		if unfinished, err = tx.UnlinkingRun("ada"); err != nil {
			return err
		}
		return tx.PutUnlinked(Unlinked{Run: unfinished, ZenQMSID: "1", OktaID: "00u1", Outcome: OutcomeFailed})
	})
	f.now = noon.Add(time.Hour)
	assert.EqualValues(t, 5, f.prune(f.now).Deleted)
	assert.Equal(t, []int64{wanted}, []int64{f.number(`SELECT run FROM named`)}, "a run that has not ended needs its names")
	assert.Equal(t, []int64{unfinished}, []int64{f.number(`SELECT run FROM unlinked`)})
	assert.EqualValues(t, 4, f.number(`SELECT count(*) FROM run`), "runs stay")
}

// An event that Okta sends once more after its row went is a trigger like any
// other, and does no harm (E2).
func TestE2_AnEventThatWasPrunedMayComeAgain(t *testing.T) {
	f := setup(t)
	f.ended("a", "00u", StateDone)
	f.ended("b", "00u", StateDone)
	f.now = noon.Add(time.Hour)
	f.prune(f.now)
	f.do(func(tx *Tx) error {
		return tx.addEvent(Event{UUID: "a", Type: UserUpdateProfile, Users: []string{"00u"}}, tx.Now)
	})
	f.do(func(tx *Tx) error {
		return tx.addEvent(Event{UUID: "a", Type: UserUpdateProfile, Users: []string{"00u"}}, tx.Now)
	})
	assert.EqualValues(t, 1, f.number(`SELECT count(*) FROM outbox`))
	assert.Greater(t, f.number(`SELECT id FROM outbox`), int64(2), "ids of promises are not used twice")
}

func TestTheWriteAheadLogIsCut(t *testing.T) {
	f := setup(t)
	f.someLog(50)
	size, err := f.db.WAL()
	require.NoError(t, err)
	require.NotZero(t, size)
	f.see(func(tx *Tx) error { // somebody reads: he is not hindered, nor in the way for long
		var n int
		if err := tx.row(`SELECT count(*) FROM log`).Scan(&n); err != nil {
			return err
		}
		return f.db.CutLog(t.Context())
	})
	require.NoError(t, f.db.CutLog(t.Context()))
	size, err = f.db.WAL()
	require.NoError(t, err)
	assert.Zero(t, size)
	f.someLog(1)
	_, err = f.checkLog()
	assert.NoError(t, err)
}

// A foreign program that keeps a transaction open, and only that, keeps the
// write-ahead log from being cut.
func TestTheLogDoesNotStayLarge(t *testing.T) {
	f := setup(t)
	size := func() int64 {
		n, err := f.db.WAL()
		require.NoError(t, err)
		return n
	}
	foreign, err := sql.Open("sqlite", "file:"+(&url.URL{Path: f.db.Path()}).EscapedPath())
	require.NoError(t, err)
	defer foreign.Close()
	reading, err := foreign.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	var n int
	require.NoError(t, reading.QueryRow(`SELECT count(*) FROM log`).Scan(&n))

	f.do(func(tx *Tx) error { return tx.SetSetting("large", strings.Repeat("x", walLimit+1)) })
	f.someLog(2)
	assert.Greater(t, size(), int64(walLimit), "while somebody reads")
	require.NoError(t, reading.Rollback())
	f.someLog(2)
	assert.LessOrEqual(t, size(), int64(walLimit), "once he is done")
}

func TestOptimizeLearnsAboutTables(t *testing.T) {
	f := setup(t)
	for n := range 300 {
		f.ended(fmt.Sprint(n), fmt.Sprint("00u", n), StateDone)
	}
	require.NoError(t, f.db.Optimize(t.Context()))
	assert.Zero(t, f.number(`SELECT count(*) FROM sqlite_stat1`), "a small table may soon be a large one, which would be read whole by what is known of it")

	for n := range 2 * fewRows {
		f.ended(fmt.Sprint("more", n), fmt.Sprint("00u", n), StateDone)
	}
	require.NoError(t, f.db.Optimize(t.Context()), "now and then")
	assert.NotZero(t, f.number(`SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'outbox'`))
	assert.Zero(t, f.number(`SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'log'`), "which is small still")
	f.someLog(1)

	ended, end := context.WithCancel(t.Context())
	end()
	require.Error(t, f.db.Optimize(ended))
	require.NoError(t, f.db.Optimize(t.Context()), "one that was broken off is in nobody's way")
	f.someLog(1)
}
