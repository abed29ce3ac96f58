package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/scripts/bench/crowd"
	"github.com/zensync/zensync/store"
)

// today is when a simulation begins: behind the time at which the crowd was
// made, for a bubble begins in the year 2000.
var today = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// pageSize and maxAttempts are sync.batch_size and worker.max_attempts unless
// told otherwise.
const (
	pageSize    = 100
	maxAttempts = 12
)

// Run simulates a scenario.
func Run(t *testing.T, s Scenario) Outcome {
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	w := newWorld(s)
	// The SDK starts a goroutine that never ends, which a bubble would wait for.
	var err error
	if w.client, err = okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", RateShare: s.Share,
		Transport: oktatest.InProcess(w.okta)}); err != nil {
		t.Fatal(err)
	}
	var out Outcome
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(today))
		if out, err = w.deploy(t.Context(), filepath.Join(t.TempDir(), "zensync.db")); err != nil {
			t.Fatal(err)
		}
	})
	out.Scenario, out.Real = s, time.Since(began)
	return out
}

// world is what a scenario is played in.
type world struct {
	s            Scenario
	account      *zenqmstest.Account
	okta, zenqms *road
	client       *okta.Client
}

func newWorld(s Scenario) *world {
	org := crowd.New(s.Users)
	account := zenqmstest.New(zenqmstest.Options{NoJournal: true, RatePerSecond: s.ZenQMSPerSecond})
	for i := range s.Users {
		kind := s.kind(i)
		if kind == isNew {
			continue
		}
		p := org.Person(i)
		u := zenqmstest.User{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Title: p.Title, Active: true}
		if kind == inStep {
			u.ExternalID = p.OktaID
		}
		account.AddUser(u)
	}
	return &world{s: s, account: account,
		okta: &road{next: org, latency: s.OktaLatency, errors: s.OktaErrors, refused: s.OktaRefusals, dice: rand.New(rand.NewPCG(s.Seed, 1)),
			window: &windows{lists: s.OktaLists, reads: s.OktaReads}, list: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/users") }},
		zenqms: &road{next: account, latency: s.ZenQMSLatency, errors: s.ZenQMSErrors, refused: s.ZenQMSRefusals, dice: rand.New(rand.NewPCG(s.Seed, 2)),
			list: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/search") }},
	}
}

// deploy has a worker do the initial sync of a new store.
func (w *world) deploy(ctx context.Context, path string) (out Outcome, err error) {
	// A socket is no wait that time passes for, and none is to be had where a
	// folder lies: the worker falls back on its poll, once a second.
	if err := os.MkdirAll(filepath.Join(path+".wake", "taken"), 0o700); err != nil {
		return out, err
	}
	zenqmsClient, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: w.s.PerSecond, MaxInFlight: w.s.Concurrency, Transport: oktatest.InProcess(w.zenqms)})
	if err != nil {
		return out, err
	}
	db, err := store.Open(ctx, path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	worker := &reconcile.Worker{DB: db, Okta: w.client, ZenQMS: zenqmsClient, Concurrency: w.s.Concurrency, MaxAttempts: maxAttempts, BatchSize: pageSize,
		Brake: reconcile.Brake{Deactivations: reconcile.Limit{Max: 10, Percent: 5}}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	began := time.Now()
	var run int64
	if err := db.Update(ctx, func(tx *store.Tx) (err error) {
		if err := tx.SetSetting(store.LifeState, string(reconcile.Active)); err != nil {
			return err
		}
		run, err = tx.WantRun(store.InitialRun, "", tx.Now)
		return err
	}); err != nil {
		return out, err
	}
	working, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(working) }()
	err = w.watch(ctx, db, run, began, ended, &out)
	stop()
	if err == nil {
		err = <-ended
	}
	out.Okta, out.ZenQMS, out.Accounts = w.okta.counted(), w.zenqms.counted(), w.account.Len()
	return out, err
}

const (
	// glance is how often the run is looked at, in simulated time, at first, and
	// glanceShare as a share of what has passed.
	glance      = time.Second
	glanceShare = 50
	// longest is what no initial sync takes.
	longest = 5 * 365 * 24 * time.Hour
)

// watch follows the run until nothing is left to do or to try again. When that
// came about the last call tells, for it is looked at seldom.
func (w *world) watch(ctx context.Context, db *store.DB, run int64, began time.Time, ended <-chan error, out *Outcome) error {
	for {
		passed := time.Since(began)
		if passed > longest {
			return fmt.Errorf("it takes more than %s", longest)
		}
		select {
		case err := <-ended:
			return errors.Join(errors.New("the worker ended by itself"), err)
		case <-time.After(max(glance, passed/glanceShare)):
		}
		over, err := w.look(ctx, db, run, out)
		if err != nil {
			return err
		}
		if over {
			out.Took = max(w.okta.ended().Sub(began), w.zenqms.ended().Sub(began))
			return nil
		}
	}
}

// look notes where the run is, and tells whether nothing is left to do.
func (w *world) look(ctx context.Context, db *store.DB, id int64, out *Outcome) (over bool, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		run, err := tx.Run(id)
		if err != nil || !run.Over() {
			return err
		}
		if run.State != store.RunDone {
			return fmt.Errorf("the run is %s: %s", run.State, run.Error)
		}
		out.Reading = run.Finished.Sub(run.Started)
		queue, err := tx.Queue()
		if err != nil || queue.Ready+queue.Waiting > 0 {
			return err
		}
		links, err := tx.LinkCount()
		out.Linked, out.Failed, over = int(links.Active), int(queue.Dead), true
		return err
	})
	return over, err
}
