package relay

import (
	"sync"
	"time"
)

// tallyEvery is how long a tally gathers before it reports again.
const tallyEvery = time.Minute

// tally reports the first of a kind of happening at once, and those that
// follow as a number once a minute, so that strangers cannot fill the log.
// The zero value is ready.
type tally struct {
	mu        sync.Mutex
	gathering bool
	n         int // not reported yet
}

// add counts one. report is called with how many there were, from here or
// later; it has to be the same at every call.
func (t *tally) add(report func(n int)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gathering {
		t.n++
		return
	}
	t.gathering = true
	report(1)
	time.AfterFunc(tallyEvery, func() { t.flush(report) })
}

func (t *tally) flush(report func(n int)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		t.gathering = false
		return
	}
	report(t.n)
	t.n = 0
	time.AfterFunc(tallyEvery, func() { t.flush(report) })
}
