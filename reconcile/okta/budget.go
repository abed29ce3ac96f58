package okta

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

const (
	// presumedLimit is what a bucket is taken to hold before Okta has told of it: the least of Okta's last published
	// limits for the endpoints used here, in calls a minute.
	presumedLimit = 100
	// urgentReserve is the part of a limit, one in so many, that even urgent calls leave to others: enough for an
	// administrator to find his way in Okta's console.
	urgentReserve = 20
	// lateness bounds the jitter behind the end of a window, so that not all who wait for it call in one instant.
	lateness = 500 * time.Millisecond
	// shortWait is told as the wait when it is calls of our own, still under way, that fill our share.
	shortWait = time.Second
)

type contextKey int

const (
	urgentKey contextKey = iota
	noWaitKey
)

// Urgent marks calls that other users' calls have to stand back for. Of the reads of a single user among them, all
// but a twentieth of Okta's rate limit may be used; lists never exceed our share.
func Urgent(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey, true) }

// WithoutWaiting makes calls fail with an *ErrShare where they would wait for the rate limit.
func WithoutWaiting(ctx context.Context) context.Context {
	return context.WithValue(ctx, noWaitKey, true)
}

func has(ctx context.Context, key contextKey) bool { return ctx.Value(key) != nil }

// ErrShare says that our share of one of Okta's rate limits is used up, and that the call was not made.
type ErrShare struct {
	Op     string        // what was to be done
	For    time.Duration // how long it is until there may be room
	budget *budget
	bucket string
	urgent bool
}

func (e *ErrShare) Error() string {
	return fmt.Sprintf("okta: %s: our share of the rate limit is used up for %s", e.Op, e.For.Round(time.Second))
}

// Wait returns when there is room for the call again, or when ctx ends.
func (e *ErrShare) Wait(ctx context.Context) error {
	return e.budget.wait(ctx, e.bucket, e.urgent, false)
}

// budget keeps our calls within our share of each of Okta's rate limits, by what Okta says of them in its answers. It
// is safe for concurrent use, and holds no lock while it waits.
type budget struct {
	share float64 // above 0 to 1; 1 is no restraint

	mu      sync.Mutex
	buckets map[string]*bucket
	waiting int
}

// enter makes room for a call: it waits, or fails with an *ErrShare if ctx says so. leave is called when the call is
// over, with whether Okta answered it.
func (b *budget) enter(ctx context.Context, r request) (leave func(answered bool), err error) {
	if b.share >= 1 {
		return func(bool) {}, nil
	}
	name := bucketOf(r.path)
	urgent := has(ctx, urgentKey) && ofOneUser(name)
	if has(ctx, noWaitKey) {
		if left, _ := b.ask(name, urgent, true); left > 0 {
			return nil, &ErrShare{Op: r.op, For: left + rand.N(lateness), budget: b, bucket: name, urgent: urgent}
		}
	} else if err := b.wait(ctx, name, urgent, true); err != nil {
		return nil, asError(r.op, err)
	}
	return func(answered bool) { b.leave(name, answered) }, nil
}

// wait returns when a bucket has room; with take it is then taken.
func (b *budget) wait(ctx context.Context, name string, urgent, take bool) error {
	left, changed := b.ask(name, urgent, take)
	if left == 0 {
		return nil
	}
	b.await(1)
	defer b.await(-1)
	for left > 0 {
		timer := time.NewTimer(left + rand.N(lateness))
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
		left, changed = b.ask(name, urgent, take)
	}
	return nil
}

func (b *budget) await(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += n
}

// calls is how many wait.
func (b *budget) calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// ask tells how long a bucket has no room for another call, 0 when it has. changed is closed when that may be other
// than was said.
func (b *budget) ask(name string, urgent, take bool) (left time.Duration, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bk := b.bucket(name)
	switch left = bk.left(time.Now(), b.share, urgent); {
	case left > 0:
		return left, bk.watch()
	case take:
		bk.inFlight++
	}
	return 0, nil
}

func (b *budget) leave(name string, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bucket(name).leave(answered)
}

// report takes in what an answer says of its bucket: ends is when the window ends by our clock.
func (b *budget) report(path string, r Rate, ends time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bucket(bucketOf(path)).report(r, ends)
}

// rates are the buckets that Okta has told of.
func (b *budget) rates() map[string]Rate {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]Rate{}
	for name, bk := range b.buckets {
		if !bk.reset.IsZero() {
			all[name] = Rate{Limit: bk.limit, Remaining: bk.remaining, Reset: bk.reset}
		}
	}
	return all
}

func (b *budget) bucket(name string) *bucket {
	if b.buckets == nil {
		b.buckets = map[string]*bucket{}
	}
	bk := b.buckets[name]
	if bk == nil {
		bk = &bucket{limit: presumedLimit, remaining: presumedLimit}
		b.buckets[name] = bk
	}
	return bk
}

// bucket is one of Okta's rate limits as far as it is known.
type bucket struct {
	limit     int       // calls in a window
	remaining int       // of them, the least that Okta has told in this window
	reset     time.Time // end of the latest window that Okta has told of, by Okta's clock
	ends      time.Time // the same by ours, and not too early; zero: nothing is known of the present window
	inFlight  int       // our calls that are not over
	watchers  []chan struct{}
}

// left is how long there is no room for another call. A window of which nothing is known yet is taken for a full one.
// Calls under way count, though Okta may have counted some of them already.
func (b *bucket) left(now time.Time, share float64, urgent bool) time.Duration {
	if !now.Before(b.ends) {
		b.remaining, b.ends = b.limit, time.Time{}
	}
	keep := reserve(b.limit, share, urgent)
	switch {
	case b.remaining-b.inFlight > keep:
		return 0
	case b.ends.IsZero() || b.remaining > keep: // one of those under way will tell
		return shortWait
	}
	return b.ends.Sub(now)
}

// report takes in what an answer says. Answers may overtake one another, within a window and from one to the next.
func (b *bucket) report(r Rate, ends time.Time) {
	switch {
	case r.Reset.Before(b.reset):
		return
	case r.Reset.After(b.reset) || b.ends.IsZero():
		b.remaining, b.ends = r.Remaining, ends
	default:
		b.remaining = min(b.remaining, r.Remaining)
		if ends.Before(b.ends) {
			b.ends = ends
		}
	}
	b.limit, b.reset = r.Limit, r.Reset
	b.wake()
}

// leave notes that a call is over. One that got no answer may have been counted by Okta.
func (b *bucket) leave(answered bool) {
	b.inFlight--
	if !answered {
		b.remaining--
	}
	b.wake()
}

// watch gives a channel that is closed at the next change. Each watcher makes his own, so that it is of his synctest
// bubble.
func (b *bucket) watch() <-chan struct{} {
	c := make(chan struct{})
	b.watchers = append(b.watchers, c)
	return c
}

func (b *bucket) wake() {
	for _, c := range b.watchers {
		close(c)
	}
	b.watchers = nil
}

// reserve is how many calls of a window are left to others. One in a window is always ours.
func reserve(limit int, share float64, urgent bool) int {
	const rounding = 1e-9 // 0.29 * 100 is a little less than 29
	ours := max(1, int(float64(limit)*share+rounding))
	keep := limit - ours
	if urgent {
		keep = min(keep, (limit+urgentReserve-1)/urgentReserve)
	}
	return keep
}

// apiPrefix is before the path of every endpoint but that for tokens.
const apiPrefix = "/api/v1/"

// endpointOf is bucketOf for whatever path is called.
func endpointOf(path string) string {
	if !strings.HasPrefix(path, apiPrefix) {
		return "token"
	}
	return bucketOf(path)
}

// bucketOf names the endpoint that a path belongs to. Okta counts by endpoint, and some of those told apart here may
// share a bucket: then each learns with its next answer what the others have used.
func bucketOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, apiPrefix), "/")
	if parts[0] == "eventHooks" || len(parts) == 1 {
		return parts[0]
	}
	parts[1] = "{id}"
	return strings.Join(parts, "/")
}

func ofOneUser(bucket string) bool { return strings.HasPrefix(bucket, "users/{id}") }
