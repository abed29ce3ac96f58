package store

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aged is a store with 1200 rows in its log that are an hour old, and 5 new ones.
func aged(t *testing.T) *fixture {
	f := setup(t)
	for range 12 {
		rows := make([]LogRow, 100)
		for i := range rows {
			rows[i] = LogRow{Origin: "reconcile", OktaID: "00u1", Action: ActUpdate, Outcome: OutcomeOK}
		}
		f.append(rows...)
	}
	f.now = noon.Add(time.Hour)
	f.someLog(5)
	return f
}

func (f *fixture) archiving() Archiving {
	return Archiving{Before: noon.Add(time.Minute), File: filepath.Join(f.TempDir(), "segment.jsonl"), Actor: "ada", Reason: "old"}
}

func (f *fixture) archive(a Archiving) Segment {
	f.Helper()
	s, err := f.db.Archive(f.Context(), a)
	require.NoError(f, err)
	return s
}

// proof is what files prove together.
func proof(t *testing.T, earlier Head, files ...string) (Proof, error) {
	t.Helper()
	check := NewExportCheck(earlier)
	for _, name := range files {
		file, err := os.Open(name)
		require.NoError(t, err)
		err = check.Read(file, nil)
		require.NoError(t, file.Close())
		if err != nil {
			return Proof{}, err
		}
	}
	return check.End()
}

// exported writes the log that is in the store out.
func (f *fixture) exported() string {
	f.Helper()
	file, err := os.Create(filepath.Join(f.TempDir(), "export.jsonl"))
	require.NoError(f, err)
	f.see(func(tx *Tx) error {
		_, err := tx.ExportLog(file, 0, nil)
		return err
	})
	require.NoError(f, file.Close())
	return file.Name()
}

func TestArchiveMovesOldRowsIntoAFileThatProvesItself(t *testing.T) {
	f := aged(t)
	before, a := f.head(), f.archiving()
	s := f.archive(a)
	assert.EqualValues(t, 1, s.First)
	assert.EqualValues(t, 1200, s.Head.Seq)
	info, err := os.Stat(a.File)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	whole, err := proof(t, Head{}, a.File)
	require.NoError(t, err)
	assert.Equal(t, Proof{First: 1, Head: s.Head, Whole: true}, whole)
	sum, err := sumFile(a.File)
	require.NoError(t, err)
	assert.Equal(t, sum, s.SHA256)
	assert.Equal(t, []string{"segment.jsonl"}, names(t, filepath.Dir(a.File)))

	assert.EqualValues(t, 1201, f.number(`SELECT min(seq) FROM log`))
	assert.EqualValues(t, 6, f.number(`SELECT count(*) FROM log`))
	var row map[string]Change
	require.NoError(t, json.Unmarshal([]byte(f.texts(`SELECT changes FROM log WHERE seq = 1206 AND action = 'archive' AND actor = 'ada' AND origin = 'operator'`)[0]), &row))
	assert.Equal(t, map[string]Change{"first": {New: 1.0}, "last": {New: 1200.0}, "hash": {New: s.Head.Hash}, "file": {New: a.File}, "sha256": {New: sum}, "reason": {New: "old"}}, row)

	end, err := f.checkLog()
	require.NoError(t, err)
	assert.EqualValues(t, 1206, end.Seq)
	check := func(earlier Head) error {
		return f.db.View(t.Context(), func(tx *Tx) error {
			_, err := tx.CheckLog(earlier, nil)
			return err
		})
	}
	assert.NoError(t, check(before))
	assert.NoError(t, check(s.Head), "the end of what was archived is known")
	assert.ErrorContains(t, check(Head{1200, "abc"}), "row 1200 is not the one that was noted")
	assert.ErrorContains(t, check(Head{7, "abc"}), "row 7, which was noted, is archived: `zensync verify --head` with the file that has it")

	rest := f.exported()
	both, err := proof(t, before, a.File, rest)
	require.NoError(t, err, "segment and export are one log")
	assert.Equal(t, Proof{First: 1, Head: end, Whole: true}, both)
	_, err = proof(t, Head{}, rest, a.File)
	assert.ErrorContains(t, err, "row 1207 is missing", "in the wrong order they are not")
}

func TestArchiveAgainGoesOnWhereTheLastEnded(t *testing.T) {
	f := aged(t)
	first, second := f.archiving(), f.archiving()
	f.archive(first)
	second.Before = f.now.Add(time.Hour)
	s := f.archive(second)
	assert.EqualValues(t, 1201, s.First)
	assert.EqualValues(t, 1206, s.Head.Seq, "the row of the first among them")
	third := f.archiving()
	third.Before = noon
	assert.Zero(t, f.archive(third), "nothing is as old")
	assert.NoFileExists(t, third.File)
	end, err := f.checkLog()
	require.NoError(t, err)
	all, err := proof(t, Head{}, first.File, second.File, f.exported())
	require.NoError(t, err)
	assert.Equal(t, Proof{First: 1, Head: end, Whole: true}, all)
	f.someLog(3)
	_, err = f.checkLog()
	assert.NoError(t, err)
}

func TestArchiveCutsNoAttempt(t *testing.T) {
	f := setup(t)
	f.someLog(3)
	var attempt int64
	f.do(func(tx *Tx) (err error) {
		attempt, err = tx.ContinueLog(0, LogRow{Origin: "hook", OktaID: "00u1", Action: ActUpdate, Outcome: OutcomeOK})
		return err
	})
	f.someLog(2)
	f.now = noon.Add(time.Hour)
	f.do(func(tx *Tx) error {
		_, err := tx.ContinueLog(attempt, LogRow{Origin: "hook", OktaID: "00u1", Action: ActAddRole, Outcome: OutcomeOK})
		return err
	})
	s := f.archive(f.archiving())
	assert.EqualValues(t, 3, s.Head.Seq, "row 4 began what row 7 goes on with")
}

func TestA1_TheLogLosesNoRowThatIsNotArchived(t *testing.T) {
	f := aged(t)
	remove := func(seq int64) error {
		return f.db.Update(context.Background(), func(tx *Tx) error { return tx.run(`DELETE FROM log WHERE seq = ?`, seq) })
	}
	assert.ErrorContains(t, remove(1), "append-only")
	a := f.archiving()
	f.do(func(tx *Tx) error { return tx.noteArchived(a, Segment{First: 1, Head: Head{10, "abc"}, File: a.File}) })
	assert.NoError(t, remove(10))
	assert.ErrorContains(t, remove(11), "append-only")
	assert.ErrorContains(t, remove(1206), "append-only", "not the row itself")
	assert.ErrorContains(t, f.db.Update(t.Context(), func(tx *Tx) error { return tx.run(`UPDATE log SET actor = 'eve' WHERE seq = 1`) }), "append-only")
	assert.ErrorContains(t, f.db.Update(t.Context(), func(tx *Tx) error { return tx.run(`INSERT OR REPLACE INTO log SELECT * FROM log WHERE seq = 1`) }), "append-only")
}

// A segment that somebody swears to with another hash does not fit.
func TestVerifyHoldsTheLogToTheHashOfWhatWasArchived(t *testing.T) {
	f := aged(t)
	a := f.archiving()
	f.do(func(tx *Tx) error {
		return tx.noteArchived(a, Segment{First: 1, Head: Head{1200, "abc"}, File: a.File})
	})
	_, err := f.db.deleteArchived(t.Context())
	require.NoError(t, err)
	_, err = f.checkLog()
	assert.ErrorContains(t, err, "row 1201 is not as it was written")
}

// Whenever it is killed, nothing is lost, and the same command goes on.
func TestArchiveGoesOnWhereItWasBrokenOff(t *testing.T) {
	for name, broken := range map[string]func(f *fixture, a Archiving){
		"with the file written": func(f *fixture, a Archiving) {
			_, err := f.db.writeSegment(f.Context(), a)
			require.NoError(f, err)
			f.someLog(2) // it goes on meanwhile
		},
		"with its row written": func(f *fixture, a Archiving) {
			s, err := f.db.writeSegment(f.Context(), a)
			require.NoError(f, err)
			f.do(func(tx *Tx) error { return tx.noteArchived(a, s) })
		},
		"with some rows deleted": func(f *fixture, a Archiving) {
			s, err := f.db.writeSegment(f.Context(), a)
			require.NoError(f, err)
			f.do(func(tx *Tx) error { return tx.noteArchived(a, s) })
			f.do(func(tx *Tx) error { return tx.run(`DELETE FROM log WHERE seq <= 300`) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := aged(t)
			a := f.archiving()
			broken(f, a)
			_, err := f.checkLog()
			require.NoError(t, err, "the log holds at any moment")
			end, err := proof(t, Head{}, a.File)
			require.NoError(t, err)
			assert.EqualValues(t, 1200, end.Head.Seq)

			s := f.archive(a)
			assert.Equal(t, end.Head, s.Head)
			assert.EqualValues(t, 1201, f.number(`SELECT min(seq) FROM log`))
			assert.EqualValues(t, 1, f.number(`SELECT count(*) FROM log WHERE action = 'archive'`))
			last, err := f.checkLog()
			require.NoError(t, err)
			all, err := proof(t, Head{}, a.File, f.exported())
			require.NoError(t, err)
			assert.Equal(t, Proof{First: 1, Head: last, Whole: true}, all)
		})
	}
}

func TestArchiveTakesNoOtherFile(t *testing.T) {
	f := aged(t)
	a := f.archiving()
	for name, text := range map[string]string{"anything": "mine", "nothing": ""} {
		require.NoError(t, os.WriteFile(a.File, []byte(text), 0o600))
		_, err := f.db.Archive(t.Context(), a)
		assert.ErrorContains(t, err, "is there already and stays as it is", name)
	}
	assert.EqualValues(t, 1205, f.number(`SELECT count(*) FROM log`))
}

func TestArchiveOfALogThatDoesNotHoldIsRefused(t *testing.T) {
	f := aged(t)
	raw(t, f.db.Path(), `DROP TRIGGER log_no_update`, `UPDATE log SET actor = 'eve' WHERE seq = 7`)
	a := f.archiving()
	_, err := f.db.Archive(t.Context(), a)
	require.ErrorContains(t, err, "what was to be archived is not as it was written, and stays: line 7: row 7 is not as it was written")
	assert.Empty(t, names(t, filepath.Dir(a.File)))
	assert.EqualValues(t, 1205, f.number(`SELECT count(*) FROM log`))
}

func TestOneArchivesAtATime(t *testing.T) {
	f := aged(t)
	lock, err := f.db.TryLock(ArchivePart, "archive")
	require.NoError(t, err)
	_, err = f.db.Archive(t.Context(), f.archiving())
	assert.ErrorAs(t, err, new(*ErrLocked))
	require.NoError(t, lock.Release())
}

// Since when somebody holds a role is asked of the log, and has to be answered
// when that part is archived.
func TestArchiveKeepsSinceWhenRolesAreHeld(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error {
		for _, statement := range []string{
			`INSERT INTO role_map VALUES ('00g1', '7', 'Reviewer', 'x', NULL)`,
			`INSERT INTO account VALUES ('z1', '00u1', 'a@example.com', 'a@example.com', 'A', 'B', '', 1, '[{"ID": "7", "Name": "Reviewer"}]', 1, '')`,
		} {
			if err := tx.run(statement); err != nil {
				return err
			}
		}
		return tx.PutLink(Link{OktaID: "00u1", ZenQMSID: "z1", Active: true})
	})
	given := LogRow{Origin: "hook", OktaID: "00u1", Action: ActAddRole, Outcome: OutcomeOK, Changes: map[string]Change{"roles": {New: []string{"Reviewer"}}}}
	f.append(given)
	f.now = noon.Add(time.Minute)
	f.append(given)
	roles, err := ReportByName("roles")
	require.NoError(t, err)
	report := func() string {
		var since string
		f.see(func(tx *Tx) error {
			_, rows, err := tx.Report(roles, ReportArgs{})
			require.Len(t, rows, 1)
			since = fmt.Sprint(rows[0][6])
			return err
		})
		return since
	}
	before := report()
	require.Equal(t, FormatTime(f.now), before)
	a := f.archiving()
	a.Before = f.now.Add(time.Second)
	f.archive(a)
	assert.Equal(t, before, report())
	f.now = noon.Add(time.Hour)
	f.append(given)
	assert.Equal(t, FormatTime(f.now), report(), "what the log has counts, if it is later")
}

// The migration makes the table of the log anew.
func TestAMigrationKeepsTheLog(t *testing.T) {
	path := oldStore(t)
	made, err := Inspect(t.Context(), path, nil)
	require.NoError(t, err)
	f := &fixture{T: t, now: noon}
	f.db = f.open(path)
	end, err := f.checkLog()
	require.NoError(t, err)
	assert.Equal(t, made.Head, end)
	assert.ErrorContains(t, f.db.Update(t.Context(), func(tx *Tx) error { return tx.run(`DELETE FROM log`) }), "append-only")
	for _, index := range []string{"log_time", "log_user", "log_run", "log_deactivate", "log_archive"} {
		assert.Len(t, f.texts(`SELECT name FROM sqlite_schema WHERE type = 'index' AND name = ?`, index), 1, index)
	}
}
