package reconcile

import (
	"time"

	"github.com/zensync/zensync/store"
)

// directoryAge is how old a walk's reading may be for the worker to act on it
// (rule K1).
const directoryAge = time.Hour

// basis is how far an attempt may rest on what a walk has read.
type basis int

const (
	// askAnew is not at all: both sides are asked.
	askAnew basis = iota
	// oldReading is one that directoryAge is over for. Okta is asked for the
	// user, and ZenQMS for the accounts that the index finds. Where he has not
	// moved, and they are as they were read, the walk has searched, and nobody
	// has to search again: an initial sync of many takes days.
	oldReading
	// youngReading is enough by itself.
	youngReading
)

// basisOf is rule K1's condition: only walks want this user, the first time. A
// late look is for what Okta says now.
func (w *Worker) basisOf(claim store.Claim) basis {
	b := youngReading
	for _, row := range claim.Rows {
		walk, age := row.Origin == store.FromInitial || row.Origin == store.FromReconcile, w.DB.Now().Sub(row.RunStarted)
		if !walk || row.Cleared == store.Approved || row.Attempts > 1 || row.Looks > 0 || row.RunStarted.IsZero() ||
			age < 0 { // a clock that was set back cannot tell how old it is
			return askAnew
		}
		if age > directoryAge {
			b = oldReading
		}
	}
	return b
}
