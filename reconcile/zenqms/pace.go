package zenqms

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// defaultPause follows a 429 that names no time.
	defaultPause = time.Second
	// maxPause bounds what a Retry-After may ask for: one call an hour is
	// harmless, and a wrong date must not stop the client for good.
	maxPause = time.Hour
)

// pace holds the calls of one client to the rate agreed on and stops all of
// them while ZenQMS asks for a pause.
type pace struct {
	limiter *rate.Limiter

	mu    sync.Mutex
	until time.Time // no call before this
}

// newPace allows a tenth of a second's calls at once, at least one: more
// would double the rate in the first second after a rest.
func newPace(perSecond float64) *pace {
	if perSecond < 0 || math.IsInf(perSecond, 1) {
		return &pace{limiter: rate.NewLimiter(rate.Inf, 0)}
	}
	burst := max(1, int(min(perSecond/10, 1000)))
	return &pace{limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// Pace is how many calls a second are allowed, +Inf without a limit, and how
// much longer a pause lasts that ZenQMS has asked for; 0: none does.
func (c *Client) Pace() (perSecond float64, pause time.Duration) {
	perSecond = float64(c.pace.limiter.Limit())
	if c.pace.limiter.Limit() == rate.Inf {
		perSecond = math.Inf(1)
	}
	return perSecond, max(c.pace.remaining(), 0)
}

// wait returns when the next call may be made, or when ctx ends. A pause that
// begins while a call waits for its turn holds that call too.
func (p *pace) wait(ctx context.Context) error {
	for {
		if err := p.rest(ctx); err != nil {
			return err
		}
		if err := p.limiter.Wait(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
		}
		if p.remaining() <= 0 {
			return nil
		}
	}
}

// rest sleeps until no pause is in force.
func (p *pace) rest(ctx context.Context) error {
	for d := p.remaining(); d > 0; d = p.remaining() {
		timer := time.NewTimer(d)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
	return ctx.Err()
}

func (p *pace) remaining() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.until)
}

// pause lets no call through for d. Of several pauses the one that ends last
// counts.
func (p *pace) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until) {
		p.until = until
	}
}

// retryAfter reads the wait a refusal asks for, 0 when it asks for none. A
// date is compared with the answer's own Date, so that a clock that is wrong
// here does not matter.
func retryAfter(h http.Header, now time.Time) time.Duration {
	raw := strings.TrimSpace(h.Get("Retry-After"))
	if raw == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(raw, 64); err == nil {
		if math.IsNaN(seconds) {
			return 0
		}
		seconds = min(max(seconds, 0), maxPause.Seconds())
		return time.Duration(seconds * float64(time.Second))
	}
	until, err := http.ParseTime(raw)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxPause)
}
