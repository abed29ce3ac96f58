package store

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (f *fixture) append(rows ...LogRow) {
	f.Helper()
	f.do(func(tx *Tx) error { return tx.AppendLog(rows...) })
}

func (f *fixture) head() (h Head) {
	f.Helper()
	f.see(func(tx *Tx) (err error) {
		h, err = tx.LogHead()
		return err
	})
	return h
}

func (f *fixture) checkLog() (h Head, err error) {
	f.Helper()
	err = f.db.View(f.Context(), func(tx *Tx) (err error) {
		h, err = tx.CheckLog(Head{}, nil)
		return err
	})
	return h, err
}

// tamper does behind the log's back what its triggers refuse.
func (f *fixture) tamper(statement string) {
	f.Helper()
	f.do(func(tx *Tx) error {
		for _, s := range []string{`DROP TRIGGER log_no_update`, `DROP TRIGGER log_no_delete`, statement} {
			if err := tx.run(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// someRows are three attempts: of two rows, of one, and of one.
func (f *fixture) someRows() {
	f.append(
		LogRow{Origin: string(FromHook), Event: "e", Actor: "admin@example.com", OktaID: "00u1", ZenQMSID: "z1", Action: ActUpdate, Outcome: OutcomeOK,
			Changes: map[string]Change{"title": {Old: "QA", New: "R&D <lead>"}, "active": {Old: true, New: false}}},
		LogRow{Origin: string(FromHook), Event: "e", OktaID: "00u1", ZenQMSID: "z1", Action: ActSkip, Outcome: OutcomeSkipped, Error: "no last name"},
	)
	f.now = f.now.Add(time.Second)
	f.append(LogRow{Origin: string(FromReconcile), Run: 7, OktaID: "00u2", Action: ActNone, Outcome: OutcomeUnchanged})
	f.append(LogRow{Origin: "operator", Actor: "root", Action: ActDeploy, Outcome: OutcomeOK})
}

func TestA1_RowsOfOneAttemptShareItsNumber(t *testing.T) {
	f := setup(t)
	assert.Zero(t, f.head())
	f.someRows()
	assert.Equal(t, []string{"1 1", "2 1", "3 3", "4 4"}, f.texts(`SELECT seq || ' ' || attempt FROM log ORDER BY seq`))
	assert.Equal(t, `{"active":{"old":true,"new":false},"title":{"old":"QA","new":"R&D <lead>"}}`, f.texts(`SELECT changes FROM log WHERE seq = 1`)[0])
	f.append()
	assert.EqualValues(t, 4, f.head().Seq, "no rows, no attempt")
}

// TestA1_ChainIsWhatTheSchemaSays reckons two hashes by hand, as anyone with
// the file and the table's comment may.
func TestA1_ChainIsWhatTheSchemaSays(t *testing.T) {
	f := setup(t)
	f.someRows()
	before := ""
	for seq, row := range []string{
		`1,1,"2026-03-01T12:00:00.000Z","hook",null,"e","admin@example.com","00u1","z1","update","ok",` +
			`"{\"active\":{\"old\":true,\"new\":false},\"title\":{\"old\":\"QA\",\"new\":\"R&D <lead>\"}}",null`,
		`2,1,"2026-03-01T12:00:00.000Z","hook",null,"e",null,"00u1","z1","skip","skipped",null,"no last name"`,
		`3,3,"2026-03-01T12:00:01.000Z","reconcile",7,null,null,"00u2",null,"none","unchanged",null,null`,
	} {
		sum := sha256.Sum256([]byte(`["` + before + `",` + row + `]`))
		before = hex.EncodeToString(sum[:])
		assert.Equal(t, []string{before}, f.texts(`SELECT hash FROM log WHERE seq = ?`, seq+1))
	}
}

func TestA1_LogIsAppendOnly(t *testing.T) {
	f := setup(t)
	f.someRows()
	before := f.head()
	for _, statement := range []string{
		`UPDATE log SET outcome = 'ok'`,
		`UPDATE log SET seq = seq + 10`,
		`DELETE FROM log WHERE seq = 4`,
		`DELETE FROM log`,
		`INSERT OR REPLACE INTO log SELECT seq, attempt, time, origin, run, event, actor, okta_id, zenqms_id, action, 'failed', changes, error, hash FROM log WHERE seq = 2`,
	} {
		assert.Error(t, f.db.Update(t.Context(), func(tx *Tx) error { return tx.run(statement) }), statement)
	}
	head, err := f.checkLog()
	require.NoError(t, err)
	assert.Equal(t, before, head)
}

func TestA1_CheckNamesTheFirstBadRow(t *testing.T) {
	for statement, want := range map[string]string{
		`UPDATE log SET outcome = 'failed' WHERE seq = 2`:              "row 2 is not as it was written",
		`UPDATE log SET error = NULL WHERE seq = 2`:                    "row 2 is not as it was written",
		`UPDATE log SET actor = 'root' WHERE seq >= 3`:                 "row 3 is not as it was written",
		`UPDATE log SET run = 8 WHERE seq = 3`:                         "row 3 is not as it was written",
		`UPDATE log SET attempt = 1 WHERE seq = 3`:                     "row 3 is not as it was written",
		`UPDATE log SET time = '2026-03-01T12:00:02.000Z'`:             "row 1 is not as it was written",
		`UPDATE log SET changes = replace(changes, 'QA', 'QB')`:        "row 1 is not as it was written",
		`UPDATE log SET zenqms_id = 'z9', okta_id = '' WHERE seq = 4`:  "row 4 is not as it was written",
		`UPDATE log SET hash = (SELECT hash FROM log l WHERE seq = 4)`: "row 1 is not as it was written",
		`DELETE FROM log WHERE seq = 1`:                                "row 1 is missing",
		`DELETE FROM log WHERE seq = 3`:                                "row 3 is missing",
		`UPDATE log SET seq = 0 WHERE seq = 1`:                         "row 0 was not written by zensync",
		`INSERT INTO log SELECT -7, attempt, time, origin, run, event, actor, okta_id, zenqms_id, action, outcome, changes, error, hash FROM log WHERE seq = 4`: "row -7 was not written",
		`UPDATE log SET actor = CAST(x'61ff' AS TEXT) WHERE seq = 2`: "row 2 is not as it was written",
	} {
		t.Run(statement, func(t *testing.T) {
			f := setup(t)
			f.someRows()
			head, err := f.checkLog()
			require.NoError(t, err)
			assert.Equal(t, f.head(), head)
			f.tamper(statement)
			_, err = f.checkLog()
			assert.ErrorContains(t, err, want)
		})
	}
}

func TestA1_CutTailShowsInTheHead(t *testing.T) {
	f := setup(t)
	f.someRows()
	noted := f.head()
	f.tamper(`DELETE FROM log WHERE seq = 4`)
	head, err := f.checkLog()
	require.NoError(t, err, "what is left is in order")
	assert.NotEqual(t, noted, head, "so whoever noted the head sees it")
}

func TestA1_CheckOfAnEmptyLog(t *testing.T) {
	f := setup(t)
	head, err := f.checkLog()
	require.NoError(t, err)
	assert.Zero(t, head)
	f.do(func(tx *Tx) error { return tx.SetSetting(VersionSeen, "1.2.3") })
	_, err = f.checkLog()
	assert.ErrorContains(t, err, "row 1 is missing: it is empty, and this store was worked with", "A1: a log that was deleted as a whole")
}

func TestA1_RowIsWrittenWithItsOutcomeOrNotAtAll(t *testing.T) {
	f := setup(t)
	f.someRows()
	before := f.head()
	require.Error(t, f.db.Update(t.Context(), func(tx *Tx) error {
		return tx.AppendLog(LogRow{Origin: string(FromHook), Action: ActNone, Outcome: OutcomeOK}, LogRow{Origin: "gossip", Action: ActNone, Outcome: OutcomeOK})
	}))
	assert.Equal(t, before, f.head())
	f.append(LogRow{Origin: string(FromHook), Action: ActNone, Outcome: OutcomeOK})
	_, err := f.checkLog()
	assert.NoError(t, err)
}

func TestLastLog(t *testing.T) {
	f := setup(t)
	f.someRows()
	last := func(user string, action Action, outcome Outcome) (at time.Time) {
		f.see(func(tx *Tx) (err error) {
			at, err = tx.LastLog(user, action, outcome)
			return err
		})
		return at
	}
	assert.Equal(t, noon, last("00u1", ActUpdate, OutcomeOK))
	assert.Zero(t, last("00u1", ActUpdate, OutcomeFailed))
	assert.Zero(t, last("00u2", ActUpdate, OutcomeOK))
	f.now = noon.Add(time.Hour)
	f.append(LogRow{Origin: string(FromHook), OktaID: "00u1", Action: ActUpdate, Outcome: OutcomeOK})
	assert.Equal(t, f.now, last("00u1", ActUpdate, OutcomeOK))
}
