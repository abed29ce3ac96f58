package oktatest

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// window is how long Okta counts requests before it starts afresh.
	window = time.Minute
	// announced is the limit told when none is enforced: Okta's last
	// published figure for /api/v1/users, requests a minute.
	announced = 600
)

// limiter counts requests per bucket in windows that begin with their first
// request, as Okta's do.
type limiter struct {
	perMinute int
	limits    map[string]int // by bucket, instead of perMinute

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	ends time.Time
	used int
}

// limit is what a bucket takes in a window, 0 for anything.
func (l *limiter) limit(name string) int {
	if limit, found := l.limits[name]; found {
		return limit
	}
	return l.perMinute
}

// announce sets the headers of an answer whose bucket is not known.
func (l *limiter) announce(h http.Header, now time.Time) {
	limit := announced
	if l.perMinute > 0 {
		limit = l.perMinute
	}
	setRate(h, limit, limit-1, now.Add(window))
}

// allow counts a request, sets the headers, and reports whether it is within
// the limit.
func (l *limiter) allow(h http.Header, name string, now time.Time) bool {
	limit := l.limit(name)
	if limit <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(name, now)
	ok := b.used < limit
	if ok {
		b.used++
	}
	setRate(h, limit, limit-b.used, b.ends)
	return ok
}

// bucket is that of a name in the window that now belongs to.
func (l *limiter) bucket(name string, now time.Time) *bucket {
	if l.buckets == nil {
		l.buckets = map[string]*bucket{}
	}
	b := l.buckets[name]
	if b == nil || !now.Before(b.ends) {
		b = &bucket{ends: now.Add(window)}
		l.buckets[name] = b
	}
	return b
}

// SpendRate makes n requests of other apps count against the present window of
// a bucket (see Options.RateLimits), as far as there are any left in it.
func (o *Org) SpendRate(bucket string, n int) {
	l := &o.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(bucket, o.now())
	b.used = min(l.limit(bucket), b.used+n)
}

func setRate(h http.Header, limit, remaining int, reset time.Time) {
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(ceilSeconds(reset), 10))
}

// ceilSeconds is the first whole epoch second not before t.
func ceilSeconds(t time.Time) int64 {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return s
}
