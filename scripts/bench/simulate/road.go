package simulate

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// road is the way to one side: what passes on it takes its time, fails now and
// then, and is counted.
type road struct {
	next            http.Handler
	latency         time.Duration
	errors, refused float64 // shares of calls
	window          *windows
	list            func(*http.Request) bool

	mu    sync.Mutex
	dice  *rand.Rand
	calls Calls
	fault int       // how many have failed
	last  time.Time // when one was answered last, or was not
}

// ServeHTTP answers, or does not.
func (r *road) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	timer := time.NewTimer(r.latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-req.Context().Done():
		panic(http.ErrAbortHandler)
	}
	status := r.fate(req)
	if status == 0 && r.window != nil && !r.window.allow(w.Header(), req.URL.Path) {
		r.refuse()
		status = http.StatusTooManyRequests
	}
	switch status {
	case 0:
		counted := &watched{ResponseWriter: w}
		r.next.ServeHTTP(counted, req)
		if counted.status == http.StatusTooManyRequests {
			r.refuse()
		}
	case noAnswer:
		panic(http.ErrAbortHandler)
	default:
		if status == http.StatusTooManyRequests && w.Header().Get("X-Rate-Limit-Reset") == "" {
			w.Header().Set("Retry-After", "1")
			w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(ceilSeconds(time.Now().Add(time.Second)), 10))
			w.Header().Set("X-Rate-Limit-Limit", "0")
			w.Header().Set("X-Rate-Limit-Remaining", "0")
		}
		w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"errorCode":"E0000009","errorSummary":"It does not work just now."}`)) // whoever reads it finds out
	}
}

// noAnswer, in place of a status, is a connection that is cut.
const noAnswer = -1

// faults are what calls fail with, in turn.
var faults = []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, noAnswer}

// fate counts a call and tells what becomes of it: 0 is an answer.
func (r *road) fate(req *http.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls.All++
	r.last = time.Now()
	if r.list(req) {
		r.calls.Lists++
	}
	switch roll := r.dice.Float64(); {
	case roll < r.errors:
		r.calls.Failed++
		r.fault++
		return faults[r.fault%len(faults)]
	case roll < r.errors+r.refused:
		r.calls.Refused++
		return http.StatusTooManyRequests
	}
	return 0
}

func (r *road) refuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls.Refused++
}

func (r *road) counted() Calls {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// ended is when the last call was over.
func (r *road) ended() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// watched notes the status of an answer.
type watched struct {
	http.ResponseWriter
	status int
}

func (w *watched) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// windows are Okta's rate limits: calls a minute, from the first one on, of
// lists and of reads apart.
type windows struct {
	lists, reads int // 0: no limit

	mu   sync.Mutex
	used map[string]int
	ends map[string]time.Time
}

// allow counts a call, sets the headers, and tells whether it is within the
// limit.
func (l *windows) allow(h http.Header, path string) bool {
	limit := l.reads
	bucket, isList := "read", strings.HasSuffix(path, "/users")
	if isList {
		bucket, limit = "list", l.lists
	}
	if limit == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.used == nil || !now.Before(l.ends[bucket]) {
		if l.used == nil {
			l.used, l.ends = map[string]int{}, map[string]time.Time{}
		}
		l.used[bucket], l.ends[bucket] = 0, now.Add(time.Minute)
	}
	ok := l.used[bucket] < limit
	if ok {
		l.used[bucket]++
	}
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(limit-l.used[bucket]))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(ceilSeconds(l.ends[bucket]), 10))
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return ok
}

// ceilSeconds is the first whole epoch second not before t.
func ceilSeconds(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }
