package oktatest

import (
	"context"
	"slices"
	"sync"
)

// courier delivers events in the background, one at a time and in their order.
type courier struct {
	bell   chan struct{} // holds one ring: something is pending
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// wake tells the courier of a new event; there may be no courier.
func (c *courier) wake() {
	if c == nil {
		return
	}
	select {
	case c.bell <- struct{}{}:
	default:
	}
}

// AutoDeliver, switched on, delivers each change right away in the background,
// beginning with what is pending; Options.Lost is told of events that a hook
// did not take. Switched off, it returns when the delivery under way has been
// given up or has ended; switch it off before the org is dropped.
func (o *Org) AutoDeliver(on bool) {
	o.mu.Lock()
	old := o.events.auto
	o.events.auto = nil
	if on {
		ctx, cancel := context.WithCancel(context.Background())
		c := &courier{bell: make(chan struct{}, 1), cancel: cancel}
		c.wake()
		c.done.Go(func() { o.courier(ctx, c) })
		o.events.auto = c
	}
	o.mu.Unlock()
	if old != nil {
		old.cancel()
		old.done.Wait()
	}
}

func (o *Org) courier(ctx context.Context, c *courier) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.bell:
		}
		for batch := range slices.Chunk(o.Pending(), o.opts.EventsPerDelivery) {
			if ctx.Err() != nil {
				return
			}
			if err := o.Deliver(ctx, batch...); err != nil && o.opts.Lost != nil {
				o.opts.Lost(err)
			}
		}
	}
}
