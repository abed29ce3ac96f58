package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/stage"
)

const (
	// samplesPerSecond is how many hooks are sent for each second of a round:
	// with the gaps between them a round takes twice its seconds, and at the
	// usual length of 3 s gives some 60 of them.
	samplesPerSecond = 20
	// The gaps are random, so that no poll or ticker keeps in step with them.
	gapMin, gapMax = 5 * time.Millisecond, 205 * time.Millisecond
	// warmSamples are not counted: the first hooks open connections and have
	// tokens fetched.
	warmSamples = 5
	// lost is how long a hook may take before it counts as lost.
	lost = 10 * time.Second
)

// latencyMeasurement is the time from a hook to the call of ZenQMS that it
// brings about, while nothing else waits.
func latencyMeasurement(program string, seconds float64) measure.Measurement {
	const name = "relay and worker"
	samples := max(1, int(seconds*samplesPerSecond))
	return measure.Measurement{
		Name: "latency",
		Contestants: []measure.Contestant{
			{Name: name, Run: func(ctx context.Context, folder string) (measure.Figures, error) {
				return runLatency(ctx, program, folder, samples)
			}},
			{Name: bare, Run: func(ctx context.Context, folder string) (measure.Figures, error) {
				return runBare(ctx, folder, samples)
			}},
		},
		Claims: []measure.Claim{
			{What: "hook to ZenQMS call, idle: p50", Figure: "p50 ms", Of: name, Target: measure.AtMost(3)},
			{What: "hook to ZenQMS call, idle: p99", Figure: "p99 ms", Of: name, Target: measure.AtMost(15)},
			{What: "the same, p50, against its exchanges and flushes alone", Figure: "p50 ms", Of: name, To: []string{bare}},
		},
	}
}

// gap is the time from one hook to the next.
func gap() time.Duration { return gapMin + rand.N(gapMax-gapMin) }

// courier notes when a hook's POST is handed to the network.
type courier struct{ sent time.Time }

func (c *courier) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent = time.Now()
	return http.DefaultTransport.RoundTrip(r)
}

// arrival is a write at ZenQMS.
type arrival struct {
	at   time.Time
	path string
}

func runLatency(ctx context.Context, program, folder string, samples int) (_ measure.Figures, err error) {
	hooks := &courier{}
	arrivals := make(chan arrival, 1000)
	s, err := stage.New(stage.Options{Program: program, Folder: folder, Hooks: hooks, ZenQMS: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch {
				arrivals <- arrival{time.Now(), r.URL.Path}
			}
			h.ServeHTTP(w, r)
		})
	}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var users []oktatest.User
	for i := range warmSamples + samples {
		users = append(users, s.Org.Seed(oktatest.Profile{Email: fmt.Sprintf("p%d@example.com", i), FirstName: "P", LastName: fmt.Sprint(i)}, oktatest.Active))
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	var all []time.Duration
	for i, u := range users {
		time.Sleep(gap())
		took, err := sample(ctx, s, hooks, arrivals, u)
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, s.Log("worker"))
		}
		if i >= warmSamples {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return measure.Figures{"p50 ms": milliseconds(measure.Quantile(all, 0.5)), "p99 ms": milliseconds(measure.Quantile(all, 0.99))}, nil
}

// sample changes one user in Okta and waits for ZenQMS to be told.
func sample(ctx context.Context, s *stage.Stage, hooks *courier, arrivals <-chan arrival, u oktatest.User) (time.Duration, error) {
	account, found := s.Account.ByExternalID(u.ID)
	if !found {
		return 0, fmt.Errorf("%s has no account", u.ID)
	}
	s.Org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Analyst" })
	if err := s.Org.DeliverAll(ctx); err != nil {
		return 0, err
	}
	select {
	case a := <-arrivals:
		if !strings.HasSuffix(a.path, fmt.Sprintf("/users/%d", account.ID)) {
			return 0, fmt.Errorf("a call of %s arrived instead of one about the account %d", a.path, account.ID)
		}
		return a.at.Sub(hooks.sent), nil
	case <-time.After(lost):
		return 0, fmt.Errorf("no call about %s within %s of the hook", u.ID, lost)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
