package zenqmstest

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"
	"time"
)

// Match says which calls a fault strikes. Empty fields match every call.
type Match struct {
	Method string
	Path   string // a pattern of path.Match: "/v2/users/*"
	Body   string // a part of the request's body
}

// The calls of the API, for Fail.
var (
	OnAny         = Match{}
	OnCreate      = Match{Method: http.MethodPost, Path: "/v2/users"}
	OnUpdate      = Match{Method: http.MethodPatch, Path: "/v2/users/*"}
	OnSearch      = Match{Method: http.MethodPost, Path: "/v2/users/search"}
	OnRoleSearch  = Match{Method: http.MethodPost, Path: "/v2/roles/search"}
	OnAddRoles    = Match{Method: http.MethodPost, Path: "/v2/users/*/roles/add"}
	OnRemoveRoles = Match{Method: http.MethodDelete, Path: "/v2/users/*/roles/remove"}
)

// Always as the number of Fail strikes until Heal.
const Always = -1

// Fault is what goes wrong with a call.
type Fault struct {
	// Latency passes before anything else.
	Latency time.Duration
	// Drop breaks the connection before the call acts.
	Drop bool
	// DropAfter lets the call act and breaks the connection instead of
	// answering: the answer is lost, the write happened.
	DropAfter bool
	// Status, if not 0, is answered without acting, with Message and Fields.
	Status  int
	Message string
	Fields  []FieldError
	// RetryAfter is sent in whole seconds, rounded up, if not 0.
	RetryAfter time.Duration
	// Body, if not "", takes the place of the answer's body. Without Status
	// the call has acted.
	Body string
	// Header is added to the answer's; with Body, Content-Type is text/html
	// unless named here.
	Header http.Header
}

// armed is a fault with the number of strikes left, negative for no end.
type armed struct {
	match Match
	left  int
	fault Fault
}

// Fail makes the next n calls that match go wrong; Always is all of them. Of
// several faults that match one call, the one set first strikes.
func (a *Account) Fail(match Match, n int, fault Fault) {
	if _, err := path.Match(match.Path, ""); err != nil {
		panic("zenqmstest: " + match.Path + " is no pattern of path.Match")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = append(a.faults, &armed{match: match, left: n, fault: fault})
}

// Heal takes back all faults.
func (a *Account) Heal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = nil
}

// Latency makes every call take at least d.
func (a *Account) Latency(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.latency = d
}

// strike takes the fault that a call meets, and the time it must take.
func (a *Account) strike(method, target string, body []byte) (Fault, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.faults {
		if f.left != 0 && f.match.matches(method, target, body) {
			if f.left > 0 {
				f.left--
			}
			return f.fault, a.latency + f.fault.Latency
		}
	}
	return Fault{}, a.latency
}

func (m Match) matches(method, target string, body []byte) bool {
	if m.Method != "" && m.Method != method {
		return false
	}
	if m.Path != "" {
		if ok, _ := path.Match(m.Path, target); !ok { // Fail has checked the pattern
			return false
		}
	}
	return strings.Contains(string(body), m.Body)
}

// errDropped is a connection that broke.
var errDropped = errors.New("zenqmstest: connection broken")

// pass waits for d or until ctx ends.
func pass(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
