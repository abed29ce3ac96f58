package page

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// explainWithin is how long one explanation may take, the wait for its turn
	// included.
	explainWithin = 20 * time.Second
	// To explain somebody takes half a dozen calls and a copy of the store. So
	// one is made at a time, and after some at once one in so long.
	explainAtOnce = 5
	explainEvery  = 5 * time.Second
)

var errBusy = errors.New("too many questions in a short time; each takes calls to Okta and ZenQMS. Wait some seconds and ask again")

// turns lets one at a time do something that costs, and not too often.
type turns struct {
	one chan struct{}

	mu   sync.Mutex
	left float64 // that may be done at once
	at   time.Time
}

func newTurns() *turns {
	return &turns{one: make(chan struct{}, 1), left: explainAtOnce, at: time.Now()}
}

// take waits for a turn, which lasts until done is called. It does not wait
// for the pace.
func (t *turns) take(ctx context.Context) (done func(), err error) {
	select {
	case t.one <- struct{}{}:
	case <-ctx.Done():
		return nil, errBusy
	}
	if !t.pay() {
		<-t.one
		return nil, errBusy
	}
	return func() { <-t.one }, nil
}

func (t *turns) pay() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.left = min(explainAtOnce, t.left+float64(now.Sub(t.at))/float64(explainEvery))
	t.at = now
	if t.left < 1 {
		return false
	}
	t.left--
	return true
}
