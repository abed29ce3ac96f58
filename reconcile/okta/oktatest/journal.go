package oktatest

import (
	"slices"
	"sync"
	"time"
)

// Call is one request the org has answered.
type Call struct {
	Time   time.Time
	Method string
	Path   string // as it was asked for, escapes undone
	// Route is the path's template, such as /api/v1/users/{id}; empty for a
	// path the org does not know.
	Route  string
	Query  string // raw
	Status int    // 0: the connection was cut before an answer
}

// journalMax bounds the calls kept, so that a demo may run for days. Counts
// are never cut.
const journalMax = 100_000

type journal struct {
	mu     sync.Mutex
	calls  []Call
	counts map[string]int
}

func (j *journal) add(c Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.calls) >= journalMax {
		j.calls = slices.Delete(j.calls, 0, journalMax/2)
	}
	j.calls = append(j.calls, c)
	if j.counts == nil {
		j.counts = map[string]int{}
	}
	j.counts[c.Method+" "+c.Route]++
}

// Calls returns the requests answered since New or ResetCalls in the order of
// their answers; of more than 100,000 only the newest.
func (o *Org) Calls() []Call {
	o.journal.mu.Lock()
	defer o.journal.mu.Unlock()
	return slices.Clone(o.journal.calls)
}

// Count returns how many requests met a route, such as
// "GET /api/v1/users/{id}", since New or ResetCalls.
func (o *Org) Count(route string) int {
	o.journal.mu.Lock()
	defer o.journal.mu.Unlock()
	return o.journal.counts[route]
}

// ResetCalls empties the journal.
func (o *Org) ResetCalls() {
	o.journal.mu.Lock()
	defer o.journal.mu.Unlock()
	o.journal.calls, o.journal.counts = nil, nil
}
