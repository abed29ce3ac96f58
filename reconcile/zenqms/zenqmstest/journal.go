package zenqmstest

import (
	"slices"
	"strings"
	"time"
)

// Call is one call as it arrived.
type Call struct {
	At     time.Time
	Method string
	Path   string
	// Body is the decoded JSON object, with numbers as json.Number; nil when
	// there was none.
	Body map[string]any
	// Status is what was answered, 0 when the connection broke before the
	// call acted.
	Status int
	// Lost tells that the call acted, but its answer was not sent.
	Lost bool
}

// Search tells whether the call only reads.
func (c Call) Search() bool { return strings.HasSuffix(c.Path, "/search") }

// Calls gives all calls since the start or the last ResetCalls, in the order
// in which they were done.
func (a *Account) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// Writes gives all calls but searches, refused ones among them.
func (a *Account) Writes() []Call {
	return slices.DeleteFunc(a.Calls(), Call.Search)
}

// ResetCalls empties the journal.
func (a *Account) ResetCalls() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = nil
}

func (a *Account) note(c Call) {
	if a.opts.NoJournal {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, c)
}
