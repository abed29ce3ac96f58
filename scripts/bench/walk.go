package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/scripts/bench/crowd"
	"github.com/zensync/zensync/scripts/bench/curve"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/part"
	"github.com/zensync/zensync/store"
)

const (
	// smallest is how many people the smallest org has; each other has ten
	// times those of the one before.
	smallest = 10_000
	// peakMost is what a walk may take at most, in MiB, whatever the org.
	peakMost = 128
	// hookMost is how long a hook may take meanwhile, p99, in milliseconds.
	hookMost = 50
	// linear is what is left to noise: a user of the largest org may take so
	// much longer than one of the smallest.
	linear = 0.8
)

// walkMeasurement is a reconcile that finds nothing to do, against the Okta
// SDK's ListUsers over the same people of the same server, which is this
// process: both are read over HTTP by a process of their own. It is done with
// orgs of ten thousand people and more, up to people, and once more with the
// largest while hooks come in.
func walkMeasurement(folder string, people int, seconds float64) measure.Measurement {
	m := measure.Measurement{Name: "walk"}
	var orgs []*walkOrg
	for n := smallest; ; n *= 10 {
		n = min(n, people)
		orgs = append(orgs, &walkOrg{people: n, folder: filepath.Join(folder, fmt.Sprintf("walk-%d", n))})
		if n == people {
			break
		}
	}
	for _, o := range orgs {
		m.Contestants = append(m.Contestants,
			measure.Contestant{Name: o.name("reconcile"), Run: func(ctx context.Context, _ string) (measure.Figures, error) { return o.reconcile(ctx, false) }},
			measure.Contestant{Name: o.name("SDK"), Run: func(ctx context.Context, _ string) (measure.Figures, error) { return o.list(ctx) }})
		what := func(text string) string {
			return fmt.Sprintf("reconcile of %d users, nothing to do: %s", o.people, text)
		}
		m.Claims = append(m.Claims,
			measure.Claim{What: what("users/s / the SDK's ListUsers alone"), Figure: "users/s", Of: o.name("reconcile"), To: []string{o.name("SDK")}, Target: measure.AtLeast(1)},
			measure.Claim{What: what("peak memory"), Figure: "peak MiB", Of: o.name("reconcile"), Target: measure.AtMost(peakMost)},
			measure.Claim{What: what("rows written"), Figure: "rows", Of: o.name("reconcile"), Target: measure.AtMost(0)})
	}
	first, last := orgs[0], orgs[len(orgs)-1]
	if first != last {
		m.Claims = append(m.Claims, measure.Claim{What: fmt.Sprintf("reconcile, users/s of %d / of %d", last.people, first.people),
			Figure: "users/s", Of: last.name("reconcile"), To: []string{first.name("reconcile")}, Target: measure.AtLeast(linear)})
	}
	m.Curves = []measure.Curve{walkCurve(orgs)}
	alone, meanwhile := last.name("hooks alone"), last.name("hooks, reconcile meanwhile")
	m.Contestants = append(m.Contestants,
		measure.Contestant{Name: alone, Run: func(ctx context.Context, _ string) (measure.Figures, error) { return last.hooksAlone(ctx, seconds) }},
		measure.Contestant{Name: meanwhile, Run: func(ctx context.Context, _ string) (measure.Figures, error) { return last.reconcile(ctx, true) }})
	m.Claims = append(m.Claims,
		measure.Claim{What: fmt.Sprintf("hook to ZenQMS call during a reconcile of %d users: p99", last.people),
			Figure: "p99 ms", Of: meanwhile, Target: measure.AtMost(hookMost)},
		measure.Claim{What: "the same, p50 / without a reconcile", Figure: "p50 ms", Of: meanwhile, To: []string{alone}})
	return m
}

// walkCurve is how long everybody takes, by how many they are.
func walkCurve(orgs []*walkOrg) measure.Curve {
	reconcile, list := measure.Line{Name: "reconcile"}, measure.Line{Name: "ListUsers alone"}
	c := measure.Curve{Name: "walk"}
	for _, o := range orgs {
		c.Labels = append(c.Labels, curve.Label(o.people))
		reconcile.Spots = append(reconcile.Spots, measure.Spot{Of: o.name("reconcile"), Figure: "took s"})
		list.Spots = append(list.Spots, measure.Spot{Of: o.name("SDK"), Figure: "took s"})
	}
	c.Lines = []measure.Line{list, reconcile}
	return c
}

// walkOrg is an org and the store that is in step with it, made when it is
// first needed and kept for all rounds.
type walkOrg struct {
	people int
	folder string

	org     *crowd.Org
	account *zenqmstest.Account
	calls   *patches
}

func (o *walkOrg) name(what string) string { return fmt.Sprintf("%s, %d users", what, o.people) }

func (o *walkOrg) store() string { return filepath.Join(o.folder, "zensync.db") }

// enlist makes both sides. Of the accounts only those exist that somebody asks
// for.
func (o *walkOrg) enlist() {
	o.org = crowd.New(o.people)
	o.account = zenqmstest.New(zenqmstest.Options{NoJournal: true})
	o.calls = &patches{next: o.account, arrivals: make(chan arrival, 1000)}
	for i := range min(o.people, movers) {
		p := o.org.Person(i)
		o.account.AddUser(zenqmstest.User{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Title: p.Title, Active: true, ExternalID: p.OktaID})
	}
}

// prepare makes org and store.
func (o *walkOrg) prepare(ctx context.Context) error {
	if o.org != nil {
		return nil
	}
	o.enlist()
	if err := os.MkdirAll(o.folder, 0o700); err != nil {
		return err
	}
	began := time.Now()
	db, err := store.Open(ctx, o.store())
	if err != nil {
		return err
	}
	if err := errors.Join(crowd.Fill(ctx, db, o.org), db.Optimize(ctx), db.Close(), crowd.CountWrites(ctx, o.store())); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "walk: a store of %d users was made in %s\n", o.people, time.Since(began).Round(time.Second))
	return nil
}

// list has the SDK list everybody.
func (o *walkOrg) list(ctx context.Context) (figures measure.Figures, err error) {
	if err := o.prepare(ctx); err != nil {
		return nil, err
	}
	url, stop, err := serve(o.org)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	err = part.Do(ctx, &figures, "list", url, strconv.Itoa(o.people))
	return figures, err
}

// reconcile has a worker find that there is nothing to do, with or without
// hooks that come in meanwhile: then once more and again until they are enough.
func (o *walkOrg) reconcile(ctx context.Context, hooks bool) (measure.Figures, error) {
	var run store.Run
	var latencies []time.Duration
	figures, err := o.employ(ctx, func(db *store.DB) error {
		over, err := o.want(ctx, db, &run)
		if err == nil && hooks {
			latencies, err = o.sendHooks(ctx, func(measured int) (bool, error) {
				done, err := over()
				if !done || measured >= hookSamples || err != nil || run.State != store.RunDone {
					return done, err
				}
				over, err = o.want(ctx, db, &run) // of one walk there are too few
				return false, err
			})
		}
		if err != nil {
			return err
		}
		return await(ctx, over)
	})
	if err != nil {
		return nil, err
	}
	if run.State != store.RunDone || run.Users != int64(o.people) {
		return nil, fmt.Errorf("the run is %s with %d of %d users: %s", run.State, run.Users, o.people, run.Error)
	}
	figures["took s"] = run.Finished.Sub(run.Started).Seconds()
	figures["users/s"] = float64(o.people) / figures["took s"]
	written, err := crowd.Written(ctx, o.store())
	if hooks {
		figures["p50 ms"], figures["p99 ms"] = quantiles(latencies)
	} else {
		figures["rows"] = float64(written)
	}
	return figures, err
}

// hooksAlone sends hooks while the worker has nothing else to do.
func (o *walkOrg) hooksAlone(ctx context.Context, seconds float64) (measure.Figures, error) {
	var latencies []time.Duration
	figures, err := o.employ(ctx, func(*store.DB) (err error) {
		end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
		latencies, err = o.sendHooks(ctx, func(measured int) (bool, error) { return time.Now().After(end) && measured >= hookSamples, nil })
		return err
	})
	if err != nil {
		return nil, err
	}
	figures["p50 ms"], figures["p99 ms"] = quantiles(latencies)
	_, err = crowd.Written(ctx, o.store())
	return figures, err
}

// employ puts a worker, in a process of its own, between the org and the
// account while fn runs, and returns what it says of itself.
func (o *walkOrg) employ(ctx context.Context, fn func(*store.DB) error) (figures measure.Figures, err error) {
	if err := o.prepare(ctx); err != nil {
		return nil, err
	}
	okta, stopOkta, err := serve(o.org)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopOkta()) }()
	zenqms, stopZenQMS, err := serve(o.calls)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopZenQMS()) }()
	db, err := store.Open(ctx, o.store())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	worker, err := part.Start(ctx, "work", o.store(), okta, zenqms)
	if err != nil {
		return nil, err
	}
	if err := worker.Hear(new(string)); err != nil {
		return nil, err
	}
	err = fn(db)
	return figures, errors.Join(err, worker.Stop(&figures))
}

// overPoll is how often the store is asked whether the run has ended. The time
// the run took is the store's own.
const overPoll = 20 * time.Millisecond

// want asks for a reconcile. over reads it into run, and tells whether it has
// ended.
func (o *walkOrg) want(ctx context.Context, db *store.DB, run *store.Run) (over func() (bool, error), err error) {
	var id int64
	err = db.Update(ctx, func(tx *store.Tx) (err error) {
		tx.Nudge()
		id, err = tx.WantRun(store.ReconcileRun, "", tx.Now)
		return err
	})
	return func() (bool, error) {
		err := db.View(ctx, func(tx *store.Tx) (err error) {
			*run, err = tx.Run(id)
			return err
		})
		return run.Over(), err
	}, err
}

func await(ctx context.Context, over func() (bool, error)) error {
	for {
		if done, err := over(); done || err != nil {
			return err
		}
		select {
		case <-time.After(overPoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serve serves a handler on loopback until stop.
func serve(h http.Handler) (url string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: lost}
	go server.Serve(l) // ends with stop; a failure shows in whoever calls
	return "http://" + l.Addr().String(), server.Close, nil
}

// peakMemory is the most memory that a process, "self" or by its number, has
// had resident until now, in MiB.
func peakMemory(process string) (float64, error) {
	text, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("/proc does not tell the peak of memory")
}
