package page

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// lookWithin is how long a reading may take. Counting a million promises
// takes a tenth of it.
const lookWithin = 3 * time.Second

var errSlow = fmt.Errorf("the store does not answer within %s", lookWithin)

// glass keeps the last reading of something. Only one is made at a time; whoever
// comes meanwhile waits for it, but no longer than patience.
type glass[T any] struct {
	// read is one reading, given up when its context ends, which is after
	// within. It never fails: a T tells of that itself.
	read   func(context.Context) *T
	within time.Duration
	// patience is how long whoever looks waits for it.
	patience time.Duration
	// fresh is how long a reading that took so long serves.
	fresh func(took time.Duration) time.Duration
	// slow is what is shown to who has waited for too long. last is the reading
	// before, nil when there was none.
	slow func(last *T) *T

	mu    sync.Mutex
	last  *T        // nil: none yet
	until time.Time // for how long it serves
	under chan struct{}
}

// look returns a reading that is fresh.
func (g *glass[T]) look() *T {
	g.mu.Lock()
	if g.last != nil && time.Now().Before(g.until) {
		defer g.mu.Unlock()
		return g.last
	}
	if g.under == nil {
		g.under = make(chan struct{})
		go g.renew(g.under)
	}
	under := g.under
	g.mu.Unlock()
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case <-under:
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.last
	case <-timer.C: // a disk that hangs holds no scrape
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.slow(g.last)
	}
}

func (g *glass[T]) renew(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), g.within)
	defer cancel()
	began := time.Now()
	read := g.read(ctx)
	ended := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last, g.until, g.under = read, ended.Add(g.fresh(ended.Sub(began))), nil
	close(done)
}
