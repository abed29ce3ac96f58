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

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	ends time.Time
	used int
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
	if l.perMinute <= 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets == nil {
		l.buckets = map[string]*bucket{}
	}
	b := l.buckets[name]
	if b == nil || !now.Before(b.ends) {
		b = &bucket{ends: now.Add(window)}
		l.buckets[name] = b
	}
	if b.used >= l.perMinute {
		setRate(h, l.perMinute, 0, b.ends)
		return false
	}
	b.used++
	setRate(h, l.perMinute, l.perMinute-b.used, b.ends)
	return true
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
