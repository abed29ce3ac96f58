package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/scripts/bench/crowd"
	"github.com/zensync/zensync/scripts/bench/curve"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/part"
	"github.com/zensync/zensync/store"
)

const (
	// Of four people each, in turn, two have no account yet, one has one that
	// lacks the link alone, and one is in step, but the store does not know.
	quarter = 500
	// callTakes is how long ZenQMS takes to answer a call.
	callTakes = 50 * time.Millisecond
	// overheadMost is how much longer than its calls an initial sync may take.
	overheadMost = 1.1
)

// smaller are the quarters of other orgs, for the curve.
var smaller = []int{50, 150}

// pages is how many pages of a hundred ZenQMS's list has: that none is left
// shows on one more.
func pages(quarter int) int { return 2*quarter/100 + 1 }

// initialMeasurement is the initial sync of an org against what its calls of
// ZenQMS take, if as many are always under way as may be: as reckoned, and as
// a program takes for as many calls that does nothing else.
func initialMeasurement() measure.Measurement {
	const name, control = "worker", "calls alone"
	claim := func(what, figure string, target measure.Target) measure.Claim {
		return measure.Claim{What: "initial sync: " + what, Figure: figure, Of: name, Target: target}
	}
	drawn := measure.Curve{Name: "initial", Lines: []measure.Line{{Name: "its calls, 8 at once"}, {Name: "initial sync"}}}
	var contestants []measure.Contestant
	for _, q := range append(smaller, quarter) {
		of := name
		if q != quarter {
			of = fmt.Sprintf("%s, %d users", name, 4*q)
		}
		contestants = append(contestants, measure.Contestant{Name: of, Run: func(ctx context.Context, folder string) (measure.Figures, error) {
			return runInitial(ctx, folder, q)
		}})
		drawn.Labels = append(drawn.Labels, curve.Label(4*q))
		for i, figure := range []string{"bound s", "took s"} {
			drawn.Lines[i].Spots = append(drawn.Lines[i].Spots, measure.Spot{Of: of, Figure: figure})
		}
	}
	return measure.Measurement{
		Name:        "initial",
		Contestants: append(contestants, measure.Contestant{Name: control, Run: runCalls}),
		Curves:      []measure.Curve{drawn},
		Claims: []measure.Claim{
			claim(fmt.Sprintf("time at %s a call / calls x latency / %d", callTakes, calls), "of bound x", measure.AtMost(overheadMost)),
			{What: "the same / as many calls by a program that does nothing else", Figure: "took s", Of: name, To: []string{control}, Target: measure.AtMost(overheadMost)},
			claim("calls per new user", "new calls", measure.AtMost(1)),
			claim("calls per user who needs the link alone", "link calls", measure.AtMost(1)),
			claim("calls per user in step, beside the pages of the list", "equal calls", measure.AtMost(0)),
		},
	}
}

// counter counts calls of ZenQMS by kind on their way.
type counter struct {
	next                http.Handler
	all, creates, links atomic.Int64
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.all.Add(1)
	switch {
	case r.Method == http.MethodPatch:
		c.links.Add(1)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/users"):
		c.creates.Add(1)
	}
	c.next.ServeHTTP(w, r)
}

func runInitial(ctx context.Context, folder string, quarter int) (_ measure.Figures, err error) {
	people := 4 * quarter
	org := crowd.New(people)
	account := zenqmstest.New(zenqmstest.Options{NoJournal: true})
	for i := range people {
		p := org.Person(i)
		u := zenqmstest.User{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Title: p.Title, Active: true}
		switch i % 4 {
		case 2:
			account.AddUser(u)
		case 3:
			u.ExternalID = p.OktaID
			account.AddUser(u)
		}
	}
	account.Latency(callTakes)
	counted := &counter{next: account}
	okta, stopOkta, err := serve(org)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopOkta()) }()
	zenqmsURL, stopZenQMS, err := serve(counted)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopZenQMS()) }()
	took, err := deploy(ctx, filepath.Join(folder, "zensync.db"), okta, zenqmsURL)
	if err != nil {
		return nil, err
	}
	if account.Len() != people {
		return nil, fmt.Errorf("%d accounts for %d people", account.Len(), people)
	}
	all, creates, links := counted.all.Load(), counted.creates.Load(), counted.links.Load()
	bound := time.Duration(all) * callTakes / calls
	return measure.Figures{
		"took s":      took.Seconds(),
		"bound s":     bound.Seconds(),
		"of bound x":  float64(took) / float64(bound),
		"new calls":   float64(creates) / float64(2*quarter),
		"link calls":  float64(links) / float64(quarter),
		"equal calls": float64(all-int64(pages(quarter))-creates-links) / float64(quarter),
	}, nil
}

// runCalls makes as many calls as an initial sync needs.
func runCalls(ctx context.Context, _ string) (figures measure.Figures, err error) {
	account := zenqmstest.New(zenqmstest.Options{NoJournal: true})
	account.Latency(callTakes)
	url, stop, err := serve(account)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	err = part.Do(ctx, &figures, "calls", url, strconv.Itoa(3*quarter+pages(quarter)))
	return figures, err
}

// callAlone is a part: it makes calls, as many at once as a worker may.
func callAlone(ctx context.Context, args []string, _ func(any) error) (any, error) {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, err
	}
	client, err := zenqms.New(zenqms.Config{BaseURL: args[0], APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: zenqms.NoLimit, MaxInFlight: calls})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(calls)
	for range n {
		group.Go(func() error {
			_, err := client.ByEmail(ctx, "nobody@example.com")
			return err
		})
	}
	err = group.Wait()
	return measure.Figures{"took s": time.Since(began).Seconds()}, err
}

// deploy has a worker, in a process of its own, do an initial sync, and returns
// how long it took until everybody had his first outcome.
func deploy(ctx context.Context, path, okta, zenqmsURL string) (took time.Duration, err error) {
	db, err := store.Open(ctx, path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	worker, err := part.Start(ctx, "work", path, okta, zenqmsURL)
	if err != nil {
		return 0, err
	}
	if err := worker.Hear(new(string)); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, worker.Stop(new(any))) }()
	began := time.Now()
	var run int64
	if err := db.Update(ctx, func(tx *store.Tx) (err error) {
		tx.Nudge()
		if err := tx.SetSetting(store.LifeState, string(reconcile.Active)); err != nil {
			return err
		}
		run, err = tx.WantRun(store.InitialRun, "", tx.Now)
		return err
	}); err != nil {
		return 0, err
	}
	done := reconcile.RunOver(run, nil)
	err = await(ctx, func() (over bool, err error) {
		err = db.View(ctx, func(tx *store.Tx) error {
			over, err = done(tx)
			return err
		})
		return over, err
	})
	return time.Since(began), err
}
