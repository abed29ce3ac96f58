package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

// summary is what a run came to.
type summary struct {
	run     store.Run
	counts  []output.Pair // of the report `runs`
	work    store.Progress
	skipped output.Table // the first of those who are skipped now
	skips   map[store.SkipCode]int64
}

// shownSkips is how many skipped users a summary lists.
const shownSkips = 20

// counted are the columns of the report `runs` that a summary shows.
var counted = []string{"users", "created", "linked", "updated", "activated", "deactivated", "unchanged", "skipped", "failed", "held"}

// summarize reads what a run that is over came to.
func summarize(ctx context.Context, db *store.DB, run int64) (summary, error) {
	var s summary
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		if s.run, err = tx.Run(run); err != nil {
			return err
		}
		if s.work, err = tx.Progress(run); err != nil {
			return err
		}
		if s.skips, err = tx.SkipCount(); err != nil {
			return err
		}
		if s.skipped, err = readReport(tx, "skipped", store.ReportArgs{Limit: shownSkips}); err != nil {
			return err
		}
		runs, err := readReport(tx, "runs", store.ReportArgs{Run: run})
		if err != nil {
			return err
		}
		for i, column := range runs.Columns {
			if slices.Contains(counted, column) && len(runs.Rows) == 1 {
				s.counts = append(s.counts, output.Pair{Key: column, Value: runs.Rows[0][i]})
			}
		}
		slices.SortFunc(s.counts, func(a, b output.Pair) int {
			return slices.Index(counted, a.Key) - slices.Index(counted, b.Key)
		})
		return nil
	})
	return s, err
}

// readReport runs a report by its name.
func readReport(tx *store.Tx, name string, args store.ReportArgs) (output.Table, error) {
	report, err := store.ReportByName(name)
	if err != nil {
		return output.Table{}, usageError{err}
	}
	columns, rows, err := tx.Report(report, args)
	if err != nil {
		return output.Table{}, err
	}
	return tableOf(columns, rows), nil
}

// print writes the summary: the counts, and for a person who is skipped. What
// is left to do is talk.
func (s summary) print(stdout, talk io.Writer, format string) error {
	pairs := append([]output.Pair{
		{Key: "run", Value: s.run.ID}, {Key: "kind", Value: string(s.run.Kind)}, {Key: "state", Value: string(s.run.State)},
	}, s.counts...)
	pairs = append(pairs, output.Pair{Key: "waiting", Value: s.work.Left}, output.Pair{Key: "again", Value: timeCell(s.work.Next)},
		output.Pair{Key: "error", Value: orNil(s.run.Error)})
	if err := output.WriteObject(stdout, format, pairs); err != nil {
		return err
	}
	if format == "table" && len(s.skipped.Rows) > 0 {
		if _, err := fmt.Fprintln(stdout); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
		if err := output.Write(stdout, format, only(s.skipped, "okta_id", "email", "reason")); err != nil {
			return err
		}
	}
	s.comment(talk)
	return nil
}

// comment says what is left to do, and where to look.
func (s summary) comment(talk io.Writer) {
	total := int64(0)
	for _, n := range s.skips {
		total += n
	}
	if total > 0 {
		fmt.Fprintf(talk, "%s skipped; `zensync report skipped` lists them all\n", count(total, "user is", "users are"))
	}
	s.commentHeld(talk)
	if s.work.Left > 0 {
		fmt.Fprintf(talk, "%s for another attempt, the first tried again at %s\n",
			count(s.work.Left, "user waits", "users wait"), store.FormatTime(s.work.Next))
	}
	if s.work.Dead > 0 {
		fmt.Fprintf(talk, "%s given up; `zensync report dead` says why\n", count(s.work.Dead, "user was", "users were"))
	}
}

// commentHeld says what the brake holds of the run.
func (s summary) commentHeld(talk io.Writer) {
	if held := s.held(); held > 0 {
		fmt.Fprintf(talk, "the brake holds %s; `zensync report held` lists them, `zensync approve --run %d --reason ...` carries it out\n",
			count(held, "user", "users"), s.run.ID)
	}
}

// verdict is the error that a summary ends its command with.
func (s summary) verdict() error {
	if s.run.State == store.RunFailed {
		return fmt.Errorf("run %d failed: %w", s.run.ID, errors.New(s.run.Error))
	}
	if s.held() > 0 {
		return errHeld
	}
	if s.work.Left > 0 || s.work.Dead > 0 || s.skips[store.SkipConflict]+s.skips[store.SkipAmbiguous]+s.skips[store.SkipRefused] > 0 {
		return errAttention
	}
	return nil
}

// held is for how many users the brake held something in this run.
func (s summary) held() int64 {
	i := slices.IndexFunc(s.counts, func(p output.Pair) bool { return p.Key == "held" })
	if i < 0 {
		return 0
	}
	n, _ := s.counts[i].Value.(int64)
	return n
}

// count is a number with the words that go with it.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
