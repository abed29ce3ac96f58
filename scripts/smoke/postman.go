package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

// postman carries Okta's calls to the hook, each over a connection of its own,
// and counts those that do not succeed: Okta's second try would hide them.
type postman struct {
	http.Transport
	delivered, failed atomic.Int64
	mu                sync.Mutex
	firstFailure      error
}

func newPostman() *postman {
	return &postman{Transport: http.Transport{DisableKeepAlives: true}}
}

func (p *postman) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.Transport.RoundTrip(req)
	if err == nil && resp.StatusCode < http.StatusBadRequest {
		p.delivered.Add(1)
		return resp, nil
	}
	if p.failed.Add(1) == 1 {
		why := err
		if err == nil {
			why = errors.New(resp.Status)
		}
		p.mu.Lock()
		p.firstFailure = why
		p.mu.Unlock()
	}
	return resp, err
}

// underLoad does something while people are hired as fast as their hooks are
// delivered, and holds it to that no delivery fails and all arrive.
func (w *world) underLoad(ctx context.Context, kind string, do func() error) error {
	const hands = 4
	before := w.postman.delivered.Load()
	loading, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for i := 0; loading.Err() == nil; i++ {
				w.org.AddUser(person(fmt.Sprintf("%s%c", kind, 'a'+hand), i), oktatest.Active)
				_ = w.org.DeliverAll(ctx) // the postman counts
			}
		})
	}
	err := errors.Join(w.deliveries(ctx), do(), w.deliveries(ctx))
	stop()
	all.Wait()
	delivered := w.postman.delivered.Load() - before
	fmt.Printf("   %d deliveries\n", delivered)
	w.postman.mu.Lock()
	failure := w.postman.firstFailure
	w.postman.mu.Unlock()
	switch {
	case err != nil:
		return err
	case failure != nil:
		return fmt.Errorf("%d deliveries failed, the first: %w", w.postman.failed.Load(), failure)
	}
	return w.synced(ctx)
}

// deliveries waits for some.
func (w *world) deliveries(ctx context.Context) error {
	const some = 100
	enough := w.postman.delivered.Load() + some
	return eventually(ctx, fmt.Sprintf("%d deliveries", some), func() bool { return w.postman.delivered.Load() >= enough })
}
