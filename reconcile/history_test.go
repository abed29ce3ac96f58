package reconcile

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// TestHistories plays random histories of a small company: people come, go,
// come back, swap and share addresses; hooks are lost, late, doubled and out of
// order; people join and leave the groups that give roles; people edit ZenQMS by hand; both sides fail; the worker dies between
// any two steps; operators sync, deploy, approve, discard, retry,
// pause and resume. Then the faults
// are healed, one reconcile runs, the outbox drains, and what is left is
// judged by the rules alone (see model_test.go).
//
// Many more of them than the default:
//
//	TMPDIR=/dev/shm go test ./reconcile -run '^TestHistories$' -rapid.checks=20000 -timeout 1h
//
// A failure prints the shortest history found, one draw a line, and what
// happened between; -rapid.failfile plays the file it names again. Waits carry
// jitter, so once in a while a history has to be played twice.
func TestHistories(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set(fewHistories))
	}
	var h *history
	// Made outside of the bubbles, once: the SDK starts a goroutine.
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token",
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) { return h.callOkta(r) })})
	require.NoError(t, err)
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) {
			h = newHistory(rt, dir, client)
			h.staff(rt)
			rt.Repeat(h.actions())
			h.end()
			h.judge()
			h.judgeQuiet()
		})
	})
}

// history is one installation, and what the model needs to know of its past.
type history struct {
	*rapid.T
	model
	org    *oktatest.Org
	acct   *zenqmstest.Account
	db     *store.DB
	w      *Worker
	events []oktatest.Event // delivered ones, to be doubled
	begun  time.Time

	mu    sync.Mutex // a walk calls both sides at once
	armed []*armed
}

// armed is something that happens during a call to come.
type armed struct {
	calls int // counted down
	do    func()
}

// The worlds are small, so that people meet.
var (
	addresses = []string{"a@example.com", "b@example.com", "c@example.com", "A@Example.com"}
	firsts    = []string{"Ada", "Bo", "ada "}
	lasts     = []string{"Byron", "Cole"}
	titles    = []string{"", "Analyst", "Chief"}
	statuses  = []string{oktatest.Active, oktatest.Staged, oktatest.Provisioned, oktatest.Recovery, oktatest.PasswordExpired,
		oktatest.LockedOut, oktatest.Suspended, oktatest.Deprovisioned, "ACTIVATING"}
	waits = []time.Duration{time.Second, 40 * time.Second, 3 * time.Minute, 20 * time.Minute, 2 * time.Hour}
)

const (
	mostPeople = 8
	searchLag  = 30 * time.Second // of Okta's filters, where they lag
)

// fewHistories is the default: what the race detector does in some ten seconds.
const fewHistories = "15"

func newHistory(rt *rapid.T, dir string, client *okta.Client) *history {
	h := &history{T: rt, model: newModel(), begun: time.Now()}
	h.org = oktatest.New(oktatest.Options{Token: "token", PageSizeMax: 3,
		SearchLag: rapid.SampledFrom([]time.Duration{0, searchLag}).Draw(rt, "Okta's filters lag")})
	h.titled = rapid.Bool().Draw(rt, "ZenQMS wants a title")
	h.acct = zenqmstest.New(zenqmstest.Options{
		IgnoreExternalIDFilter: rapid.Bool().Draw(rt, "ZenQMS ignores the external_id filter"),
		RequireTitle:           h.titled,
		UniqueExternalIDs:      rapid.Bool().Draw(rt, "ZenQMS keeps external ids unique"),
	})
	// Somebody is always at work: an empty list of Okta is a failed walk.
	h.came(h.org.Seed(oktatest.Profile{Login: "root", Email: "root@example.com", FirstName: "Root", LastName: "Admin", Title: "Admin"}, oktatest.Active).ID)
	for _, stranger := range []zenqmstest.User{
		{Email: "stranger@elsewhere.com", FirstName: "Ada", LastName: "Byron", Active: true},
		{Email: "auditor@elsewhere.com", FirstName: "Bo", LastName: "Cole", Active: true, ExternalID: "legacy-7"},
	} {
		h.strangers = append(h.strangers, h.acct.AddUser(stranger))
	}
	zc, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: -1, Transport: roundTripper(h.callZenQMS)})
	h.must(err)
	file, err := os.MkdirTemp(dir, "")
	h.must(err)
	h.db, err = store.Open(context.Background(), filepath.Join(file, "zensync.db"))
	h.must(err)
	rt.Cleanup(func() {
		h.must(h.db.Close())
		h.must(os.RemoveAll(file))
	})
	most := Limit{Max: rapid.SampledFrom([]int{10, 1, 2, 0}).Draw(rt, "the brake's maximum")}
	h.w = &Worker{DB: h.db, Okta: client, ZenQMS: zc, Brake: Brake{most, most, most}, Concurrency: 4, MaxAttempts: 4,
		BatchSize: 2, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	h.update(func(tx *store.Tx) error { return tx.SetSetting(store.LifeState, string(Active)) })
	h.mapRoles(rt)
	h.limitScope(rt)
	h.org.DropAll()
	h.restart()
	return h
}

func (h *history) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatalf("%v", err)
	}
}

func (h *history) update(fn func(*store.Tx) error) {
	h.Helper()
	h.must(h.db.Update(context.Background(), fn))
}

func (h *history) view(fn func(*store.Tx) error) {
	h.Helper()
	h.must(h.db.View(context.Background(), fn))
}

// say writes a line into the story that a failure prints.
func (h *history) say(format string, args ...any) {
	h.Logf("  %s  %s", time.Since(h.begun).Round(time.Second), fmt.Sprintf(format, args...))
}

// restart is a new worker in place of one that died.
func (h *history) restart() {
	h.w.addresses, h.w.outages, h.w.halt = newAddressLocks(), newOutages(), halt{}
	h.update(func(tx *store.Tx) (err error) {
		if h.w.epoch, err = tx.StartEpoch(); err != nil {
			return err
		}
		return tx.RequeueRuns()
	})
}

// actions are what may happen; the clock moves a little before each.
func (h *history) actions() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){
		"okta: hire":                                 h.oktaHire,
		"okta: change a profile":                     h.oktaProfile,
		"okta: change an address":                    h.oktaAddress,
		"okta: change a status":                      h.oktaStatus,
		"okta: somebody leaves":                      h.oktaLeave,
		"okta: delete":                               h.oktaDelete,
		"hooks: deliver":                             h.hooksDeliver,
		"hooks: deliver backwards":                   h.hooksBackwards,
		"hooks: lose":                                func(*rapid.T) { h.org.DropAll() },
		"hooks: deliver old ones again":              h.hooksAgain,
		"hooks: one that is ahead":                   h.hooksAhead,
		"zenqms: edit by hand":                       h.zenqmsEdit,
		"zenqms: flip is_active":                     h.zenqmsFlip,
		"zenqms: clear an external id":               h.zenqmsClear,
		"zenqms: remove an account":                  h.zenqmsRemove,
		"zenqms: add an account":                     h.zenqmsAdd,
		"faults: zenqms":                             h.faultZenQMS,
		"faults: okta":                               h.faultOkta,
		"faults: heal":                               func(*rapid.T) { h.heal() },
		"worker: works":                              func(*rapid.T) { h.work(1000) },
		"worker: works on one":                       func(*rapid.T) { h.work(1) },
		"worker: two at once":                        h.twoAtOnce,
		"worker: dies with work in hand":             h.diesWithWork,
		"worker: dies before the record":             h.diesBeforeRecord,
		"worker: is replaced, and wakes":             h.zombie,
		"worker: dies in a walk":                     h.diesInWalk,
		"time: passes":                               func(rt *rapid.T) { h.pass(rapid.SampledFrom(waits).Draw(rt, "for")) },
		"time: passes without a worker":              func(rt *rapid.T) { time.Sleep(rapid.SampledFrom(waits).Draw(rt, "for")) },
		"race: okta changes during a call to come":   h.raceOkta,
		"race: zenqms changes during a call to come": h.raceZenQMS,
		"operator: reconcile":                        func(*rapid.T) { h.want(store.ReconcileRun); h.runs(context.Background()) },
		"operator: reconcile, then work":             func(*rapid.T) { h.want(store.ReconcileRun); h.work(1000) },
		"operator: deploy":                           func(*rapid.T) { h.want(store.InitialRun); h.work(1000) },
		"operator: sync a user":                      h.manual,
		"operator: approve":                          func(rt *rapid.T) { h.rule(rt, Ruling.Approve, h.approved) },
		"operator: retry":                            h.retry,
		"operator: pause":                            func(*rapid.T) { h.pause() },
		"operator: resume":                           func(*rapid.T) { h.resume() },
		"operator: pause while work is in hand":      h.pausesWithWork,
		"operator: pause in a walk":                  h.pausesInWalk,
		"race: a pause during a call to come":        h.racePause,
		"operator: discard":                          func(rt *rapid.T) { h.rule(rt, Ruling.Discard, h.discarded) },
	}
	if len(h.circles) > 0 {
		maps.Copy(all, h.groupActions())
	}
	if len(h.duties) > 0 {
		maps.Copy(all, h.roleActions())
	}
	for name, do := range all {
		all[name] = func(rt *rapid.T) {
			time.Sleep(time.Second)
			do(rt)
		}
	}
	all[""] = func(*rapid.T) { h.judgeAlways(); h.judgeGlances() }
	return all
}

// arm makes something happen during a call to come, of either side.
func (h *history) arm(calls int, do func()) { h.armed = append(h.armed, &armed{calls, do}) }

// called is told of every call before it is made.
func (h *history) called(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.armed {
		if a.calls--; a.calls == 0 {
			a.do()
		}
	}
	return ctx.Err()
}

// Calls take time, so that what happens meanwhile has a time of its own; the
// two sides' calls end at different times, so that a walk, which makes them at
// once, goes the same way again.
const (
	oktaLatency   = time.Millisecond
	zenqmsLatency = 1300 * time.Microsecond
)

func (h *history) callOkta(r *http.Request) (*http.Response, error) {
	time.Sleep(oktaLatency)
	if err := h.called(r.Context()); err != nil {
		return nil, err
	}
	return h.org.Transport().RoundTrip(r)
}

func (h *history) callZenQMS(r *http.Request) (*http.Response, error) {
	time.Sleep(zenqmsLatency)
	if err := h.called(r.Context()); err != nil {
		return nil, err
	}
	return h.watch(r)
}
