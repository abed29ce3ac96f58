package page

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// fixture is a page about a store that a test writes to.
type fixture struct {
	*testing.T
	db   *store.DB
	page *Page
}

func setup(t *testing.T) *fixture {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "zensync.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	p := New(db, func() bool { return true }, Build{Version: "1.2.3", Commit: "abc1234", Go: "go1.26.0", Command: "sudo -u zensync zensync"}, "", slog.New(slog.DiscardHandler))
	p.album.patience, p.tally.patience = p.album.within, p.tally.within // what a page shows is not to depend on how busy the machine is
	return &fixture{T: t, db: db, page: p}
}

func (f *fixture) do(write func(*store.Tx) error) {
	f.Helper()
	require.NoError(f, f.db.Update(f.Context(), write))
}

// set sets settings: key, value, key, value.
func (f *fixture) set(pairs ...string) {
	f.Helper()
	f.do(func(tx *store.Tx) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := tx.SetSetting(pairs[i], pairs[i+1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// ask asks the page anew, as if the last reading were old.
func (f *fixture) ask(method, path string) *http.Response {
	f.Helper()
	f.stale()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, nil)
	r.Host = "127.0.0.1:9180"
	f.page.Handler().ServeHTTP(w, r)
	return w.Result()
}

// stale makes all readings old.
func (f *fixture) stale() {
	f.page.glass.mu.Lock()
	f.page.glass.until = time.Time{}
	f.page.glass.mu.Unlock()
	f.page.sheet.mu.Lock()
	f.page.sheet.until = time.Time{}
	f.page.sheet.mu.Unlock()
	f.page.album.mu.Lock()
	f.page.album.until = time.Time{}
	f.page.album.mu.Unlock()
	f.page.tally.mu.Lock()
	f.page.tally.until = time.Time{}
	f.page.tally.mu.Unlock()
}

func (f *fixture) get(path string) (status int, body string) {
	f.Helper()
	resp := f.ask(http.MethodGet, path)
	text, err := io.ReadAll(resp.Body)
	require.NoError(f, err)
	return resp.StatusCode, string(text)
}

func (f *fixture) condition(path string) (int, condition) {
	f.Helper()
	status, body := f.get(path)
	var c condition
	require.NoError(f, json.Unmarshal([]byte(body), &c))
	return status, c
}

// working shows a worker between imitations, and lets both clients make a call.
func (f *fixture) working() {
	f.Helper()
	org, account := oktatest.New(oktatest.Options{Token: "token"}), zenqmstest.New(zenqmstest.Options{Token: "key"})
	toOkta, toZenQMS := httptest.NewServer(org), httptest.NewServer(account)
	f.Cleanup(toOkta.Close)
	f.Cleanup(toZenQMS.Close)
	o, err := okta.New(okta.Config{OrgURL: toOkta.URL, APIToken: "token", RateShare: 0.5, Observe: f.page.Calls("okta")})
	require.NoError(f, err)
	z, err := zenqms.New(zenqms.Config{BaseURL: toZenQMS.URL, APIKey: "key", Observe: f.page.Calls("zenqms")})
	require.NoError(f, err)
	schedule, err := reconcile.ParseSchedule("@every 6h")
	require.NoError(f, err)
	f.page.Show(Subject{Worker: &reconcile.Worker{DB: f.db, Okta: o, ZenQMS: z, Schedule: schedule}, Pace: z.Pace})
	_, err = o.ListUsers(f.Context(), okta.Query{Limit: 1})
	require.NoError(f, err)
	_, err = o.User(f.Context(), "00u0000000000000none")
	require.Error(f, err)
	require.NoError(f, z.Ping(f.Context()))
	_, err = z.ByID(f.Context(), "no-such-id") // two calls: whether ZenQMS shows anybody at all is asked as well
	require.Error(f, err)
}

// deployed makes of the store that of an installation at work, in which there
// is something of everything.
func (f *fixture) deployed() {
	f.Helper()
	f.get("/metrics") // events are counted from here on
	f.set(store.LifeState, "active", store.HookID, "who1", store.HookStatus, "ACTIVE", store.HookVerified, store.FormatTime(time.Now()),
		store.ScheduledUntil, store.FormatTime(time.Now()))
	delivery, err := store.Pack([]store.Event{
		{UUID: "1", Type: store.UserUpdateProfile, Users: []string{"00u1"}},
		{UUID: "2", Type: store.UserUpdateProfile, Users: []string{"00u2"}},
		{UUID: "3", Type: "x.made.up", Users: []string{"00u2"}},
	})
	require.NoError(f, err)
	f.do(func(tx *store.Tx) error { return tx.Receive(delivery) })
	require.NoError(f, f.db.Sort(f.Context()))
	f.do(func(tx *store.Tx) error {
		if err := tx.AddHold(store.Promise{OktaID: "00u3", Origin: store.FromHook}, store.ActDeactivate, "too many"); err != nil {
			return err
		}
		if err := tx.PutSkip(store.Skip{OktaID: "00u4", Code: store.SkipConflict, Reason: "ann@example.com is taken", Login: "ann@example.com"}); err != nil {
			return err
		}
		if err := tx.PutLink(store.Link{OktaID: "00u1", ZenQMSID: "1", Email: "bob@example.com", Active: true}); err != nil {
			return err
		}
		if _, err := tx.WantRun(store.ReconcileRun, "", tx.Now); err != nil {
			return err
		}
		run, _, err := tx.StartRun()
		if err != nil {
			return err
		}
		return tx.EndRun(run.ID, "")
	})
	now := time.Now()
	f.page.Kept(reconcile.Kept{EventType: store.UserUpdateProfile, State: store.StateDone, Published: now.Add(-2 * time.Second), Received: now.Add(-time.Second), Ended: now})
	f.page.Kept(reconcile.Kept{EventType: store.UserSuspend, State: store.StateHeld, Received: now, Ended: now})
}

// shows tells whether metrics have a line; testify would print all of them.
func shows(body, line string) bool { return strings.Contains(body, "\n"+line+"\n") }

func TestMetricsAreAsPrometheusWantsThem(t *testing.T) {
	f := setup(t)
	f.working()
	f.deployed()
	_, body := f.get("/metrics")
	problems, err := testutil.GatherAndLint(f.page.metrics.registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
	for _, line := range []string{
		`zensync_store_up 1`, `zensync_state{state="active"} 1`, `zensync_state{state="paused"} 0`, `zensync_part_alive{part="relay"} 0`,
		`zensync_queue_promises{state="ready"} 2`, `zensync_queue_promises{state="held"} 1`, `zensync_held_promises{action="deactivate"} 1`,
		`zensync_skipped_users{reason="conflict"} 1`, `zensync_links{state="active"} 1`, `zensync_last_reconcile_success 1`,
		`zensync_hook_working 1`, `zensync_frozen{kind="group"} 0`, `zensync_drain_stopped 0`,
		`zensync_events_received_total{type="user.account.update_profile"} 2`, `zensync_events_received_total{type="other"} 1`,
		`zensync_event_outcomes_total{outcome="ignored",type="other"} 1`,
		`zensync_event_outcomes_total{outcome="done",type="user.account.update_profile"} 1`,
		`zensync_event_outcomes_total{outcome="held",type="user.lifecycle.suspend"} 1`,
		`zensync_event_latency_seconds_sum{since="published"} 2`, `zensync_event_latency_seconds_sum{since="received"} 1`,
		`zensync_api_calls_total{call="GET users",code="200",side="okta"} 1`, `zensync_api_calls_total{call="GET users/{id}",code="404",side="okta"} 1`,
		`zensync_api_calls_total{call="POST users/search",code="200",side="zenqms"} 3`,
		`zensync_api_call_duration_seconds_count{call="POST users/search",side="zenqms"} 3`,
		`zensync_breaker_state{side="okta",state="closed"} 1`, `zensync_breaker_state{side="zenqms",state="open"} 0`,
		`zensync_okta_rate_limit_calls{endpoint="users"} 600`, `zensync_zenqms_pace_calls_per_second 10`, `zensync_zenqms_pause_seconds 0`,
		`zensync_build_info{commit="abc1234",goversion="go1.26.0",version="1.2.3"} 1`,
	} {
		assert.True(t, shows(body, line), line)
	}
	for _, pattern := range []string{
		`\nzensync_next_reconcile_timestamp_seconds \d\.\d+e\+09\n`, `\nzensync_store_size_bytes [1-9]`, `\nzensync_store_disk_free_bytes [1-9]`,
	} {
		assert.True(t, regexp.MustCompile(pattern).MatchString(body), pattern)
	}
	for _, id := range []string{"00u", "@", "no-such-id"} {
		assert.False(t, strings.Contains(body, id), "nobody is named: %s", id)
	}
	_, again := f.get("/metrics")
	assert.True(t, shows(again, `zensync_events_received_total{type="other"} 1`), "each event counts once")
}

// names are those of all metrics, those without a value included.
func (f *fixture) names() map[string]bool {
	f.Helper()
	f.working()
	f.deployed()
	_, body := f.get("/metrics")
	names := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^([a-z_]+)[ {]`).FindAllStringSubmatch(body, -1) {
		names[line[1]] = true
	}
	for _, one := range ofReading {
		require.True(f, names[one.name], "%s has no value in this test, so nothing shows that it can", one.name)
	}
	for _, one := range ofStore {
		require.True(f, names[one.name], "%s has no value in this test, so nothing shows that it can", one.name)
	}
	for _, one := range ofWorker {
		require.True(f, names[one.name], "%s has no value in this test, so nothing shows that it can", one.name)
	}
	return names
}

func TestAFailingStoreIsTold(t *testing.T) {
	f := setup(t)
	f.working()
	f.deployed()
	f.page.glass.read = func(context.Context) *standing { return &standing{err: errors.New("disk I/O error")} }
	_, body := f.get("/metrics")
	assert.True(t, shows(body, "zensync_store_up 0"))
	assert.False(t, strings.Contains(body, "zensync_links"))
	assert.True(t, shows(body, `zensync_breaker_state{side="okta",state="closed"} 1`), "what needs no store is there")

	status, c := f.condition("/healthz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, condition{Wrong: []string{"store"}, Parts: map[string]string{"store": "failing", "worker": "ok"}}, c)
	status, c = f.condition("/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, "unknown", c.Parts["hook"])
	assert.Contains(t, c.Wrong, "store")
}

func TestAClosedStoreFails(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "zensync.db"))
	require.NoError(t, err)
	p := New(db, func() bool { return true }, Build{}, "", slog.New(slog.DiscardHandler))
	require.NoError(t, db.Close())
	assert.ErrorIs(t, p.glass.look().err, store.ErrClosed)
}

func TestAStoreThatHangsHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		var readings atomic.Int64
		g := (&Page{}).newGlass()
		g.read = func(context.Context) *standing {
			readings.Add(1)
			<-hangs
			return new(standing)
		}
		began := time.Now()
		answers := make(chan error, 10)
		for range cap(answers) {
			go func() { answers <- g.look().err }()
		}
		for range cap(answers) {
			assert.Equal(t, errSlow, <-answers)
		}
		assert.Equal(t, lookWithin, time.Since(began))
		assert.EqualValues(t, 1, readings.Load(), "who comes meanwhile waits for the same")
		close(hangs)
		synctest.Wait()
		assert.NoError(t, g.look().err, "it goes on by itself")
		assert.EqualValues(t, 1, readings.Load(), "the reading that came late serves")
		time.Sleep(lookEvery)
		assert.NoError(t, g.look().err)
		assert.EqualValues(t, 2, readings.Load())
	})
}

func TestABugInAReadingIsNotTheWorkers(t *testing.T) {
	f := setup(t)
	f.page.serves = func() bool { panic("a bug") }
	assert.ErrorContains(t, f.page.glass.look().err, "a bug")
	f.page.glass.read = func(context.Context) *standing { return nil }
	f.page.Show(Subject{})
	f.page.glass.read = func(context.Context) *standing { return new(standing) }
	status, _ := f.get("/metrics") // whose worker is nil
	assert.Equal(t, http.StatusOK, status)
}

func TestReadinessHasAWordForEachPart(t *testing.T) {
	well := map[string]string{"store": "ok", "okta": "ok", "zenqms": "ok", "relay": "ok", "worker": "ok", "hook": "ok", "state": "active"}
	for name, c := range map[string]struct {
		set    []string
		alone  bool // no relay
		serve  bool // by a command
		silent bool
		words  map[string]string // other than well
		wrong  []string
	}{
		"all is well":         {wrong: []string{}},
		"new":                 {set: []string{store.LifeState, "", store.HookID, ""}, words: map[string]string{"state": "new", "hook": "missing"}, wrong: []string{"hook", "state"}},
		"paused":              {set: []string{store.LifeState, "paused"}, words: map[string]string{"state": "paused"}, wrong: []string{"state"}},
		"no relay":            {alone: true, words: map[string]string{"relay": "down"}, wrong: []string{"relay"}},
		"a command at work":   {serve: true, words: map[string]string{"worker": "waiting"}, wrong: []string{}},
		"a worker that hangs": {silent: true, words: map[string]string{"worker": "silent"}, wrong: []string{"worker"}},
		"Okta's key":          {set: []string{store.WalkRefused, "okta: list users: status 401 E0000011"}, words: map[string]string{"okta": "refused"}, wrong: []string{"okta"}},
		"ZenQMS's":            {set: []string{store.DrainStopped, "zenqms: update user 7: status 401"}, words: map[string]string{"zenqms": "refused"}, wrong: []string{"zenqms"}},
		"hook gone":           {set: []string{store.HookStatus, store.HookMissing}, words: map[string]string{"hook": "missing"}, wrong: []string{"hook"}},
		"hook off":            {set: []string{store.HookStatus, "INACTIVE"}, words: map[string]string{"hook": "inactive"}, wrong: []string{"hook"}},
		"unverified":          {set: []string{store.HookVerified, ""}, words: map[string]string{"hook": "unverified"}, wrong: []string{"hook"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.deployed()
			f.set(c.set...)
			if !c.alone {
				lock, err := f.db.TryLock(store.RelayPart, "relay")
				require.NoError(t, err)
				defer func() { require.NoError(t, lock.Release()) }()
			}
			f.page.serves = func() bool { return !c.serve }
			if c.silent {
				f.page.born = f.page.born.Add(-2 * silentAfter)
			}
			status, got := f.condition("/readyz")
			want := condition{OK: len(c.wrong) == 0, Wrong: c.wrong, Parts: map[string]string{}}
			for part, word := range well {
				want.Parts[part] = word
			}
			for part, word := range c.words {
				want.Parts[part] = word
			}
			assert.Equal(t, want, got)
			assert.Equal(t, map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[want.OK], status)
			status, _ = f.get("/healthz")
			assert.Equal(t, map[bool]int{true: http.StatusServiceUnavailable, false: http.StatusOK}[c.silent], status, "only a worker that hangs is to be restarted")
		})
	}
}

func TestASignOfLifeCounts(t *testing.T) {
	f := setup(t)
	f.page.born = f.page.born.Add(-2 * silentAfter)
	assert.Equal(t, "silent", f.page.pulse())
	f.page.Beat()
	assert.Equal(t, "ok", f.page.pulse())
}
