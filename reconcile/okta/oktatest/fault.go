package oktatest

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Match selects requests. Every field that is set must hold; the zero Match
// selects all.
type Match struct {
	Method string         // such as "GET"
	Route  string         // template, such as "/api/v1/users/{id}"
	Prefix string         // of the path
	Path   *regexp.Regexp // found in the path
	Query  string         // found in the raw query
}

func (m Match) matches(route string, r *http.Request) bool {
	return (m.Method == "" || m.Method == r.Method) &&
		(m.Route == "" || m.Route == route) &&
		(m.Prefix == "" || strings.HasPrefix(r.URL.Path, m.Prefix)) &&
		(m.Path == nil || m.Path.MatchString(r.URL.Path)) &&
		(m.Query == "" || strings.Contains(r.URL.RawQuery, m.Query))
}

// Fault is what goes wrong with a request. Latency may stand alone or before
// any of the others, of which the first that is set counts, in this order.
type Fault struct {
	// Latency delays the answer; a request that is cancelled meanwhile gets
	// none.
	Latency time.Duration
	// Drop cuts the connection before an answer.
	Drop bool
	// Status answers with an error body such as Okta's. 429 comes with a spent
	// rate limit that is reset after ResetAfter.
	Status     int
	ResetAfter time.Duration // 0 means 1 s
	// Body answers 200 (or Status) with this body and ContentType instead.
	Body        []byte
	ContentType string // empty means application/json
	// CutAfter lets the request do its work, and cuts the connection after so
	// many bytes of the answer's body, if it has more.
	CutAfter int
}

// FaultHeader marks an answer that a Fault made, so that a check of the
// answers' form can leave it out.
const FaultHeader = "X-Oktatest-Fault"

type armed struct {
	match Match
	left  int
	fault Fault
}

type faults struct {
	mu    sync.Mutex
	armed []*armed
}

// Fail gives the next n requests that match the fault; n below 0 means all of
// them, until ClearFaults. Faults are tried in the order they were set.
func (o *Org) Fail(match Match, n int, fault Fault) {
	if n == 0 {
		return
	}
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	o.faults.armed = append(o.faults.armed, &armed{match, n, fault})
}

// ClearFaults forgets all faults that are still to come.
func (o *Org) ClearFaults() {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	o.faults.armed = nil
}

// take returns the fault for a request and counts it.
func (f *faults) take(route string, r *http.Request) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, a := range f.armed {
		if !a.match.matches(route, r) {
			continue
		}
		if a.left > 0 {
			a.left--
		}
		if a.left == 0 {
			f.armed = append(f.armed[:i], f.armed[i+1:]...)
		}
		return a.fault, true
	}
	return Fault{}, false
}

// answer carries the fault out. It reports whether the request is answered;
// if not, it goes on to the API.
func (f Fault) answer(w http.ResponseWriter, r *http.Request, now time.Time) bool {
	if !wait(r.Context(), f.Latency) || f.Drop {
		panic(http.ErrAbortHandler)
	}
	if f.Status == 0 && f.Body == nil {
		return false
	}
	status := f.Status
	if status == 0 {
		status = http.StatusOK
	}
	w.Header().Set(FaultHeader, "1")
	if status == http.StatusTooManyRequests {
		after := f.ResetAfter
		if after == 0 {
			after = time.Second
		}
		w.Header().Set("X-Rate-Limit-Remaining", "0")
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(ceilSeconds(now.Add(after)), 10))
	}
	if f.Body == nil {
		writeError(w, genericError(status))
		return true
	}
	ct := f.ContentType
	if ct == "" {
		ct = "application/json"
	}
	w.Header().Set("Content-Type", ct)
	w.WriteHeader(status)
	write(w, f.Body)
	return true
}

// wait reports whether d passed before the request was given up.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
