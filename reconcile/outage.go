package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

const (
	// outageAfter is how many calls in a row must fail before a side counts as
	// down: one user whom a server cannot digest is no outage.
	outageAfter = 5
	// outageProbe is how long a side that is down is left alone before one
	// call tries it again.
	outageProbe = 10 * time.Second
	// stopProbe is how often a refused credential is tried again (rule E4).
	stopProbe = time.Minute
)

// outages are the circuit breakers of the two sides. While one is open the
// failures cost no attempts (rule E4).
type outages struct{ okta, zenqms *side }

func newOutages() outages { return outages{okta: newSide(), zenqms: newSide()} }

// side is the circuit breaker of one side, and whom that side has failed since
// it last answered somebody. It is safe for concurrent use.
type side struct {
	circuitbreaker.CircuitBreaker[any]

	mu      sync.Mutex
	user    string // the last it failed, "" for nobody
	several bool   // and others
	writes  bool   // in a call that was to change something
}

func newSide() *side {
	return &side{CircuitBreaker: circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(outageAfter).WithSuccessThreshold(1).WithDelay(outageProbe).Build()}
}

// answered notes that a call went through. While writes fail, readings that
// go through say nothing: a side may be read when it takes no changes.
func (s *side) answered(write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if write || !s.writes {
		s.forget()
	}
}

// forgive notes that the side is well, whatever it has failed.
func (s *side) forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

func (s *side) forget() {
	s.user, s.several, s.writes = "", false, false
	s.RecordSuccess()
}

func (s *side) failed(user string, write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.several = s.several || s.user != "" && s.user != user
	s.user, s.writes = user, s.writes || write
	s.RecordFailure()
}

// hasFailedOnly tells whether a user is the only one the side has failed.
func (s *side) hasFailedOnly(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user == user && !s.several
}

// of is the side an error came from, nil when it came from neither.
func (o outages) of(err error) *side {
	var z *zenqms.Error
	if errors.As(err, &z) {
		return o.zenqms
	}
	var k *okta.Error
	if errors.As(err, &k) {
		return o.okta
	}
	return nil
}

// on tells whether the side an error came from is down.
func (o outages) on(err error) bool {
	b := o.of(err)
	return b != nil && !b.IsClosed()
}

// note counts the failure of an attempt that looks like an outage.
func (o outages) note(a *attempt) {
	if b := o.of(a.err); b != nil && judge(a.err) == retryLater && !cutOff(a.err) {
		b.failed(a.claim.OktaID, a.wrote)
	}
}

// A Breaker tells whether a side is taken for down.
type Breaker string

const (
	Closed   Breaker = "closed"    // it is up
	HalfOpen Breaker = "half_open" // it was down, and one call tries it
	Open     Breaker = "open"      // it is down, and left alone for a while
)

// Breakers are those of the two sides; both closed before the first Run. It
// may be called while the worker runs.
func (w *Worker) Breakers() (okta, zenqms Breaker) {
	o := w.breakers.Load()
	if o == nil {
		return Closed, Closed
	}
	return o.okta.breaker(), o.zenqms.breaker()
}

func (s *side) breaker() Breaker {
	switch {
	case s.IsClosed():
		return Closed
	case s.IsOpen():
		return Open
	}
	return HalfOpen
}

// down names the sides that are taken for down.
func (o outages) down() string {
	var names []string
	for _, s := range []struct {
		name string
		*side
	}{{"okta", o.okta}, {"zenqms", o.zenqms}} {
		if !s.IsClosed() {
			names = append(names, s.name)
		}
	}
	return strings.Join(names, ", ")
}

// noteOutages keeps where status finds it which sides are down, when that has
// changed.
func (w *Worker) noteOutages(ctx context.Context) error {
	down := w.outages.down()
	if down == w.noted {
		return nil
	}
	if err := w.DB.Update(ctx, func(tx *store.Tx) error { return tx.SetSetting(store.SidesDown, down) }); err != nil {
		return ignoreStop(ctx, fmt.Errorf("note which sides are down: %w", err))
	}
	w.noted = down
	return nil
}

// slots is how many users may be taken now: none while a side is down, one at
// a time when it is due to be tried again, else as many as are free.
//
// No permit of the breaker is taken for it: the user who is claimed next may
// need no call to that side, and would keep the permit for ever.
func (o outages) slots(free int) int {
	for _, b := range []*side{o.okta, o.zenqms} {
		switch {
		case b.IsClosed():
			continue
		case b.IsOpen() && b.RemainingDelay() > 0:
			return 0
		case b.IsOpen():
			b.HalfOpen()
		}
		free = min(free, 1)
	}
	return free
}

// halt is a stopped drain: a refused credential, or a side that asked to be
// left alone. It is safe for concurrent use.
type halt struct {
	mu    sync.Mutex
	until time.Time
	why   string // "" when only a pause was asked for
}

// set stops the drain until a time; a longer stop stays. It tells whether
// why is a new reason: there was none before.
func (h *halt) set(until time.Time, why string) (fresh bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until.After(h.until) {
		h.until = until
	}
	if why == "" {
		return false
	}
	fresh = h.why == ""
	h.why = why
	return fresh
}

// left is how long the drain stays stopped.
func (h *halt) left(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.until.Sub(now)
}

// clear notes that a call went through, and tells whether there was a reason
// to stop until now.
func (h *halt) clear() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	stopped := h.why != ""
	h.why = ""
	return stopped
}
