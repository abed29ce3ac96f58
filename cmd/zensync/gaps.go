package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/zensync/zensync/store"
)

// gaps are what a store has no more, so that a report of a period that begins
// before does not pass for all there was.
type gaps struct {
	pruned   time.Time     // what is older was deleted; zero: nothing was
	archived store.Segment // the last part of the log that was archived
	begins   time.Time     // when the first row of the log was written that is here
}

func gapsOf(tx *store.Tx) (g gaps, err error) {
	if g.pruned, err = tx.PrunedBefore(); err != nil {
		return g, err
	}
	if g.archived, err = tx.Archived(); err != nil || g.archived.First == 0 {
		return g, err
	}
	g.begins, err = tx.LogBegins()
	return g, err
}

var (
	// ofWhatIsPruned are the reports about what is deleted when it is old.
	ofWhatIsPruned = []string{"events", "latency", "leavers", "summary", "unlinked"}
	// ofTheLog are those about what the log says of a period.
	ofTheLog = []string{"log", "acts", "failures", "leavers", "summary"}
)

// since says what reports of a period that begins at a time do not have.
func (g gaps) since(from time.Time, names ...string) (all []string) {
	among := func(reports []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(reports, name) })
	}
	if from.Before(g.pruned) && among(ofWhatIsPruned) {
		all = append(all, fmt.Sprintf("events, and work that had ended, from before %s are deleted (store.keep); what was done stays in the log", store.FormatTime(g.pruned)))
	}
	if g.archived.First > 0 && from.Before(g.begins) && among(ofTheLog) {
		all = append(all, fmt.Sprintf("the log up to row %d, from before %s, is archived: the last of it in %s", g.archived.Head.Seq, store.FormatTime(g.begins), g.archived.File))
	}
	return all
}
