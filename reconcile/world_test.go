package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// world is a whole installation but for the relay: a fake org, a fake ZenQMS
// account, a real store and a worker whose loop the test turns by hand.
type world struct {
	*testing.T
	org  *oktatest.Org
	acct *zenqmstest.Account
	db   *store.DB
	w    *Worker

	clock atomic.Pointer[time.Time] // servers of the fakes read it while pass sets it
}

// worldOptions are what a test may want to be different.
type worldOptions struct {
	okta   oktatest.Options
	zenqms zenqmstest.Options
	policy Policy
	groups []string // of sync.groups; each is made in Okta
}

func newWorld(t *testing.T, change ...func(*worldOptions)) *world {
	t.Helper()
	w := &world{T: t}
	w.set(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))
	o := worldOptions{okta: oktatest.Options{Token: "token", Now: w.now}, zenqms: zenqmstest.Options{Now: w.now}}
	for _, c := range change {
		c(&o)
	}
	w.org, w.acct = oktatest.New(o.okta), zenqmstest.New(o.zenqms)

	oktaClient, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", Transport: w.org.Transport()})
	require.NoError(t, err)
	zenqmsClient, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: -1, Transport: w.acct.Transport()})
	require.NoError(t, err)
	w.db, err = store.Open(context.Background(), filepath.Join(t.TempDir(), "zensync.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.db.Close()) })
	w.db.Now = w.now
	w.w = &Worker{DB: w.db, Okta: oktaClient, ZenQMS: zenqmsClient, Policy: o.policy, Brake: Brake{Limit{10, 5}, Limit{10, 5}, Limit{10, 5}}, Concurrency: 4, MaxAttempts: 12, BatchSize: 100,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	w.w.addresses, w.w.outages = newAddressLocks(), newOutages()
	for _, name := range o.groups {
		w.org.AddGroup(name)
	}
	w.org.DropAll()
	groups, err := ResolveGroups(context.Background(), w.w.Okta, o.groups)
	require.NoError(t, err)
	w.org.ResetCalls()
	w.update(func(tx *store.Tx) (err error) {
		require.NoError(t, tx.SetScopeGroups(groups))
		w.w.epoch, err = tx.StartEpoch()
		require.NoError(t, err)
		return tx.SetSetting(store.LifeState, string(Active))
	})
	require.NoError(t, w.w.readIndex(context.Background())) // as the deploy has
	w.acct.ResetCalls()
	return w
}

// update runs fn with the inbox sorted, as whoever does the worker's job does.
func (w *world) update(fn func(*store.Tx) error) {
	w.Helper()
	require.NoError(w, w.db.UpdateSorted(context.Background(), fn))
}

func (w *world) view(fn func(*store.Tx) error) {
	w.Helper()
	require.NoError(w, w.db.View(context.Background(), fn))
}

func (w *world) now() time.Time { return *w.clock.Load() }

func (w *world) set(now time.Time) { w.clock.Store(&now) }

// pass lets time go by.
func (w *world) pass(d time.Duration) { w.set(w.now().Add(d)) }

// hire adds a user to Okta. His hook stays pending.
func (w *world) hire(first, last, status string) oktatest.User {
	w.pass(time.Second)
	email := strings.ToLower(first + "." + last + "@example.com")
	return w.org.AddUser(oktatest.Profile{Email: email, FirstName: first, LastName: last, Title: "Analyst"}, status)
}

// hooks hands the pending events to the inbox as the relay does.
func (w *world) hooks() {
	w.Helper()
	events := w.org.Pending()
	w.org.DropAll()
	w.deliver(events...)
}

func (w *world) deliver(events ...oktatest.Event) {
	w.Helper()
	received := make([]store.Event, len(events))
	for i, e := range events {
		received[i] = asReceived(e)
	}
	w.receive(received...)
}

// asReceived is an event as the relay reads it.
func asReceived(e oktatest.Event) store.Event {
	ev := store.Event{UUID: e.UUID, Type: e.Type, Published: e.Published, Actor: e.Actor.AlternateID}
	for _, target := range e.Targets {
		switch target.Type {
		case "User":
			ev.Users = append(ev.Users, target.ID)
		case "UserGroup":
			ev.Groups = append(ev.Groups, target.ID)
		}
	}
	return ev
}

// receive stores events as the relay does. They stay in the inbox.
func (w *world) receive(events ...store.Event) {
	w.Helper()
	require.NoError(w, receive(w.db, events...))
}

func receive(db *store.DB, events ...store.Event) error {
	delivery, err := store.Pack(events)
	if err != nil {
		return err
	}
	return db.Update(context.Background(), func(tx *store.Tx) error { return tx.Receive(delivery) })
}

// drain works until nothing is due any more, one user after the other, or
// until the drain is stopped.
func (w *world) drain() {
	w.Helper()
	for w.w.halt.left(w.now()) <= 0 {
		var claims []store.Claim
		w.update(func(tx *store.Tx) (err error) {
			claims, err = tx.Claim(w.w.epoch, 1)
			return err
		})
		if len(claims) == 0 {
			return
		}
		require.NoError(w, w.w.sync(context.Background(), claims[0], nil))
	}
}

// sync is hooks, then drain.
func (w *world) sync() {
	w.Helper()
	w.hooks()
	w.drain()
}

// walk runs one run to its end, and what it put into the outbox, and returns
// it.
func (w *world) walk(kind store.RunKind) store.Run {
	w.Helper()
	w.pass(time.Second)
	run := w.read(kind)
	w.drain()
	return run
}

// read runs one run without draining the outbox.
func (w *world) read(kind store.RunKind) store.Run {
	w.Helper()
	var run store.Run
	w.update(func(tx *store.Tx) error {
		id, err := tx.WantRun(kind, "", tx.Now)
		require.NoError(w, err)
		var started bool
		run, started, err = tx.StartRun()
		require.True(w, started)
		require.Equal(w, id, run.ID)
		return err
	})
	require.NoError(w, w.w.walk(context.Background(), run))
	w.view(func(tx *store.Tx) (err error) {
		run, err = tx.Run(run.ID)
		return err
	})
	return run
}

// manual asks for a sync of one user, as `zensync sync` does, and makes it.
func (w *world) manual(id string) {
	w.Helper()
	w.update(func(tx *store.Tx) error {
		_, err := tx.Enqueue(store.Promise{OktaID: id, Origin: store.FromManual, Priority: store.ManualPriority, Actor: "olga"})
		return err
	})
	w.drain()
}

// account is the ZenQMS user linked to an Okta user by external id.
func (w *world) account(id string) zenqmstest.User {
	w.Helper()
	u, ok := w.acct.ByExternalID(id)
	require.True(w, ok, "no ZenQMS user carries the Okta id %s", id)
	return u
}

// skip is a user's skip; its Code is "" when he has none.
func (w *world) skip(id string) (s store.Skip) {
	w.view(func(tx *store.Tx) (err error) {
		s, _, err = tx.Skip(id)
		return err
	})
	return s
}

func (w *world) link(id string) (l store.Link) {
	w.view(func(tx *store.Tx) (err error) {
		l, _, err = tx.Link(id)
		return err
	})
	return l
}

// lastLog is the latest log rows of a user as "action outcome", latest first.
func (w *world) lastLog(id string, n int64) []string {
	var all []string
	for _, row := range w.report("log", store.ReportArgs{User: id, Limit: n}) {
		all = append(all, row["action"].(string)+" "+row["outcome"].(string))
	}
	return all
}

// report runs a report and returns its rows by column.
func (w *world) report(name string, args store.ReportArgs) []map[string]any {
	w.Helper()
	var rows []map[string]any
	r, err := store.ReportByName(name)
	require.NoError(w, err)
	w.view(func(tx *store.Tx) error {
		columns, cells, err := tx.Report(r, args)
		for _, cell := range cells {
			row := map[string]any{}
			for i, column := range columns {
				row[column] = cell[i]
			}
			rows = append(rows, row)
		}
		return err
	})
	return rows
}

// states are what became of a user's promises, oldest first.
func (w *world) states(id string) []string {
	var all []string
	w.view(func(tx *store.Tx) error {
		for i := int64(1); ; i++ {
			s, err := tx.RowState(i)
			if err != nil {
				return nil // beyond the last one
			}
			if s.OktaID == id {
				all = append(all, string(s.State))
			}
		}
	})
	return all
}

// writes are the calls that changed, or were to change, something in ZenQMS.
func (w *world) writes() []zenqmstest.Call { return w.acct.Writes() }

// by brings the pending changes in, in one of the ways there are.
func (w *world) by(how string) {
	w.Helper()
	switch how {
	case "hooks":
		w.sync()
	case "hooks backwards":
		events := w.org.Pending()
		w.org.DropAll()
		slices.Reverse(events)
		w.deliver(events...)
		w.drain()
	case "initial":
		w.org.DropAll()
		w.walk(store.InitialRun)
	case "reconcile":
		w.org.DropAll()
		w.walk(store.ReconcileRun)
	default:
		w.Fatalf("no way called %q", how)
	}
}

// walkReading is walk without the drain.
func (w *world) walkReading(kind store.RunKind) store.Run {
	w.Helper()
	w.pass(time.Second)
	return w.read(kind)
}

func idText(id int64) string { return strconv.FormatInt(id, 10) }

func split(name string) (first, last string) {
	first, last, _ = strings.Cut(name, " ")
	return first, last
}

// listing is a query of one page.
var listing = okta.Query{Limit: 100}

// hideFromLists makes Okta's lists leave a user out while he reads fine by id,
// as happens to one who was moved between pages.
func (w *world) hideFromLists(id string) (undo func()) {
	whole := w.org.Transport()
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token",
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := whole.RoundTrip(r)
			if err != nil || r.URL.Path != "/api/v1/users" {
				return resp, err
			}
			var users []map[string]any
			if err := json.NewDecoder(resp.Body).Decode(&users); err != nil {
				return nil, err
			}
			users = slices.DeleteFunc(users, func(u map[string]any) bool { return u["id"] == id })
			body, err := json.Marshal(users)
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Del("Content-Length")
			return resp, err
		})})
	require.NoError(w, err)
	old := w.w.Okta
	w.w.Okta = client
	return func() { w.w.Okta = old }
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
