package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// title is what somebody's n-th change gives him, so that a call tells which of
// them it is about.
func title(n int) string { return "Title " + strconv.Itoa(n) }

// send changes people in Okta and has it deliver a hook for each change, as
// many a second as a storm has. halfway is called when half are sent.
func (s *storm) send(ctx context.Context, events int, halfway func() error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(couriers)
	var mu sync.Mutex
	began := time.Now()
	leavers := len(s.users) / leaversIn
	leaveEvery := events / leavers
	for n := range events {
		if due := began.Add(time.Duration(float64(n) / stormPerSecond * float64(time.Second))); time.Until(due) > time.Millisecond {
			select {
			case <-time.After(time.Until(due)):
			case <-ctx.Done():
				return group.Wait()
			}
		}
		if n == events/2 {
			if err := halfway(); err != nil {
				return err
			}
		}
		if leaver := n / leaveEvery; n%leaveEvery == leaveEvery/2 && leaver < leavers {
			s.toll.leaves(leaver)
			s.Org.SetStatus(s.users[leaver].ID, oktatest.Deprovisioned)
		} else {
			who := leavers + rand.IntN(len(s.users)-leavers)
			change := s.toll.moves(who)
			s.Org.UpdateProfile(s.users[who].ID, func(p *oktatest.Profile) { p.Title = title(change) })
		}
		happened := s.Org.Pending()
		s.Org.DropAll()
		group.Go(func() error {
			asked := time.Now()
			err := s.Org.Deliver(ctx, happened...)
			mu.Lock()
			defer mu.Unlock()
			if s.answers = append(s.answers, time.Since(asked)); err != nil {
				s.lost++
			}
			return nil
		})
	}
	return group.Wait()
}

// toll is on ZenQMS's road: it notes when what was to come arrives. It is safe
// for concurrent use.
type toll struct {
	next http.Handler

	mu              sync.Mutex
	people          []traveller
	calls, refused  int
	latest          time.Time
	leavers, others []time.Duration
}

// traveller is somebody and what of him is under way.
type traveller struct {
	changes int         // made in Okta
	arrived int         // the last of them that ZenQMS knows
	sent    []time.Time // when those behind it were made
	left    time.Time   // when he left; zero: he stays
	out     bool        // ZenQMS knows that
}

func newToll(people int) *toll { return &toll{people: make([]traveller, people)} }

func (t *toll) on(next http.Handler) http.Handler {
	t.next = next
	return t
}

// moves notes that somebody changes, and returns which change of his it is.
func (t *toll) moves(who int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := &t.people[who]
	p.changes++
	p.sent = append(p.sent, time.Now())
	return p.changes
}

func (t *toll) leaves(who int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.people[who].left = time.Now()
}

// ServeHTTP passes a call on, and notes what it was about once it was accepted.
func (t *toll) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := &noted{ResponseWriter: w}
	t.next.ServeHTTP(answer, r)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls++
	t.latest = time.Now()
	switch {
	case answer.status == http.StatusTooManyRequests:
		t.refused++
	case r.Method == http.MethodPatch && answer.status == http.StatusOK:
		t.arrive(path.Base(r.URL.Path), body)
	}
}

// noted keeps the status of an answer.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// arrive notes a change. ZenQMS's id is somebody's number and 1.
func (t *toll) arrive(id string, body []byte) {
	var patch struct {
		Title  string `json:"title"`
		Active *bool  `json:"is_active"`
	}
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > len(t.people) || json.Unmarshal(body, &patch) != nil {
		return // whoever it is about is then out of step at the end
	}
	p := &t.people[n-1]
	if patch.Active != nil && !*patch.Active && !p.out {
		p.out = true
		t.leavers = append(t.leavers, t.latest.Sub(p.left))
	}
	var change int
	if _, err := fmt.Sscanf(patch.Title, title(0)[:len("Title ")]+"%d", &change); err != nil {
		return
	}
	for p.arrived < change && len(p.sent) > 0 {
		t.others = append(t.others, t.latest.Sub(p.sent[0]))
		p.arrived, p.sent = p.arrived+1, p.sent[1:]
	}
}

// standing is how many people wait for something to arrive, and how many calls
// there were.
func (t *toll) standing() (waiting, calls int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.people {
		if len(p.sent) > 0 || !p.left.IsZero() && !p.out {
			waiting++
		}
	}
	return waiting, t.calls
}

// last is when a call came last.
func (t *toll) last() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.latest
}

func (t *toll) refusals() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

func (t *toll) latencies() (leavers, others []time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leavers, t.others
}

// outOfStep counts those whose account is not as it was to become.
func (t *toll) outOfStep(account *zenqmstest.Account) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, p := range t.people {
		u, found := account.User(int64(i + 1))
		if !found || u.Title != title(p.changes) || u.Active != p.left.IsZero() {
			n++
		}
	}
	return n
}
