package reconcile

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
// order; people edit ZenQMS by hand; both sides fail; the worker dies between
// any two steps; operators sync, deploy, approve and discard. Then the faults
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
const fewHistories = "20"

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
		"operator: discard":                          func(rt *rapid.T) { h.rule(rt, Ruling.Discard, h.discarded) },
	}
	for name, do := range all {
		all[name] = func(rt *rapid.T) {
			time.Sleep(time.Second)
			do(rt)
		}
	}
	all[""] = func(*rapid.T) { h.judgeAlways() }
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

func (h *history) raceOkta(rt *rapid.T) {
	p := h.somebody(rt)
	what := rapid.SampledFrom([]string{"address", "title", "first name", "leaves", "suspended", "active"}).Draw(rt, "what")
	to := rapid.SampledFrom(addresses).Draw(rt, "address")
	h.arm(rapid.IntRange(1, 8).Draw(rt, "at call"), func() {
		u, there := h.org.User(p.id)
		if !there {
			return
		}
		switch what {
		case "address":
			h.org.UpdateProfile(p.id, func(p *oktatest.Profile) { p.Email = to })
		case "title":
			h.org.UpdateProfile(p.id, func(p *oktatest.Profile) { p.Title += "+" })
		case "first name":
			h.org.UpdateProfile(p.id, func(p *oktatest.Profile) { p.FirstName += "+" })
		default:
			status := map[string]string{"leaves": oktatest.Deprovisioned, "suspended": oktatest.Suspended, "active": oktatest.Active}[what]
			if u.Status == status {
				return
			}
			h.org.SetStatus(p.id, status)
		}
		h.moved(p.id, h.org)
		h.raced = true
		h.say("meanwhile %s: %s", p.name, what)
	})
}

func (h *history) raceZenQMS(rt *rapid.T) {
	u := h.someAccount(rt)
	what := rapid.SampledFrom([]string{fieldTitle, fieldFirstName, fieldActive, fieldExternalID, "removed"}).Draw(rt, "what")
	h.arm(rapid.IntRange(1, 8).Draw(rt, "at call"), func() {
		if what == "removed" {
			h.acct.Remove(u.ID)
			h.removed(u.ID)
		} else {
			h.edited(u, what, nil)
			h.acct.Edit(u.ID, func(z *zenqmstest.User) {
				switch what {
				case fieldTitle:
					z.Title += "+"
				case fieldFirstName:
					z.FirstName += "+"
				case fieldActive:
					z.Active = !z.Active
				case fieldExternalID:
					z.ExternalID = ""
				}
			})
		}
		h.raced = true
		h.say("meanwhile account %d by hand: %s", u.ID, what)
	})
}

// somebody draws one of the people, by his place in the order of hiring.
func (h *history) somebody(rt *rapid.T) *human {
	var names []string
	for _, p := range h.people[1:] {
		if !p.deleted {
			names = append(names, p.name)
		}
	}
	if len(names) == 0 {
		rt.Skip("nobody is there")
	}
	name := rapid.SampledFrom(names).Draw(rt, "who")
	return h.people[slices.IndexFunc(h.people, func(p *human) bool { return p.name == name })]
}

func (h *history) oktaHire(rt *rapid.T) {
	if len(h.people) > mostPeople {
		rt.Skip("enough people")
	}
	p := oktatest.Profile{Login: fmt.Sprintf("u%d", len(h.people)),
		Email:     rapid.SampledFrom(addresses).Draw(rt, "address"),
		FirstName: rapid.SampledFrom(firsts).Draw(rt, "first name"),
		LastName:  rapid.SampledFrom(lasts).Draw(rt, "last name"),
		Title:     rapid.SampledFrom(titles).Draw(rt, "title")}
	u := h.org.AddUser(p, rapid.SampledFrom(statuses).Draw(rt, "status"))
	h.say("%s is %s", h.came(u.ID).name, u.ID)
	h.moved(u.ID, h.org)
}

func (h *history) oktaProfile(rt *rapid.T) {
	p := h.somebody(rt)
	set := map[string]func(*oktatest.Profile){
		"email":      func(p *oktatest.Profile) { p.Email = "" },
		"first name": func(p *oktatest.Profile) { p.FirstName = rapid.SampledFrom(append(firsts, "")).Draw(rt, "to") },
		"last name":  func(p *oktatest.Profile) { p.LastName = rapid.SampledFrom(append(lasts, "", " ")).Draw(rt, "to") },
		"title":      func(p *oktatest.Profile) { p.Title = rapid.SampledFrom(titles).Draw(rt, "to") },
		"nothing":    func(*oktatest.Profile) {},
	}[rapid.SampledFrom([]string{"title", "first name", "last name", "nothing", "email"}).Draw(rt, "field")]
	h.org.UpdateProfile(p.id, set)
	h.moved(p.id, h.org)
}

func (h *history) oktaAddress(rt *rapid.T) {
	p := h.somebody(rt)
	to := rapid.SampledFrom(addresses).Draw(rt, "to")
	h.org.UpdateProfile(p.id, func(p *oktatest.Profile) { p.Email = to })
	h.moved(p.id, h.org)
}

func (h *history) oktaStatus(rt *rapid.T) {
	p := h.somebody(rt)
	h.setStatus(p, rapid.SampledFrom(statuses).Draw(rt, "to"))
}

func (h *history) oktaLeave(rt *rapid.T) { h.setStatus(h.somebody(rt), oktatest.Deprovisioned) }

func (h *history) setStatus(p *human, status string) {
	if u, _ := h.org.User(p.id); u.Status == status {
		return
	}
	h.org.SetStatus(p.id, status)
	h.moved(p.id, h.org)
}

func (h *history) oktaDelete(rt *rapid.T) {
	p := h.somebody(rt)
	h.org.Delete(p.id)
	h.moved(p.id, h.org)
}

func (h *history) deliver(events ...oktatest.Event) {
	h.update(func(tx *store.Tx) error {
		for _, e := range events {
			ev := store.Event{UUID: e.UUID, Type: e.Type, Published: e.Published, Actor: e.Actor.AlternateID}
			for _, target := range e.Targets {
				ev.Users = append(ev.Users, target.ID)
			}
			if err := tx.AddEvent(ev); err != nil {
				return err
			}
		}
		return nil
	})
	h.events = append(h.events, events...)
}

func (h *history) hooksDeliver(rt *rapid.T) {
	events := h.org.Pending()
	if len(events) == 0 {
		rt.Skip("no hooks")
	}
	n := rapid.IntRange(1, len(events)).Draw(rt, "how many")
	h.org.Drop(n)
	h.deliver(events[:n]...)
}

func (h *history) hooksBackwards(rt *rapid.T) {
	events := h.org.Pending()
	if len(events) == 0 {
		rt.Skip("no hooks")
	}
	h.org.DropAll()
	slices.Reverse(events)
	h.deliver(events...)
}

// hooksAgain delivers what came long ago: with its old id, and as if Okta had
// given it a new one.
func (h *history) hooksAgain(rt *rapid.T) {
	if len(h.events) == 0 {
		rt.Skip("no old hooks")
	}
	e := h.events[rapid.IntRange(0, len(h.events)-1).Draw(rt, "which")]
	if rapid.Bool().Draw(rt, "with another uuid") {
		e.UUID = fmt.Sprintf("again-%d", len(h.events))
	}
	h.deliver(e)
}

// hooksAhead is an event whose effect Okta does not show (yet).
func (h *history) hooksAhead(rt *rapid.T) {
	p := h.somebody(rt)
	kind := rapid.SampledFrom([]string{store.UserDeactivate, store.UserSuspend, store.UserActivate, store.UserDeleteInitiated}).Draw(rt, "event")
	h.deliver(oktatest.Event{UUID: fmt.Sprintf("ahead-%d", len(h.events)), Type: kind, Published: time.Now(), Targets: []oktatest.Target{{ID: p.id, Type: "User"}}})
}

// someAccount draws an account that is no stranger's.
func (h *history) someAccount(rt *rapid.T) zenqmstest.User {
	users := h.acct.Users()[len(h.strangers):]
	if len(users) == 0 {
		rt.Skip("no accounts")
	}
	return users[rapid.IntRange(0, len(users)-1).Draw(rt, "which account")]
}

func (h *history) byHand(u zenqmstest.User, field string, change func(*zenqmstest.User)) {
	h.edited(u, field, h.inStep(u))
	h.acct.Edit(u.ID, change)
	after, _ := h.acct.User(u.ID)
	h.kept(u.ID, field, after)
	h.say("by hand: account %d %s: %v", u.ID, field, valueOf(after, field))
}

func (h *history) zenqmsEdit(rt *rapid.T) {
	u := h.someAccount(rt)
	switch field := rapid.SampledFrom([]string{fieldTitle, fieldFirstName, fieldLastName, fieldEmail}).Draw(rt, "field"); field {
	case fieldTitle:
		h.byHand(u, field, func(u *zenqmstest.User) { u.Title = rapid.SampledFrom(append(titles[1:], "By hand")).Draw(rt, "to") })
	case fieldFirstName:
		h.byHand(u, field, func(u *zenqmstest.User) { u.FirstName = rapid.SampledFrom(append(firsts, "By hand")).Draw(rt, "to") })
	case fieldLastName:
		h.byHand(u, field, func(u *zenqmstest.User) { u.LastName = rapid.SampledFrom(append(lasts, "By hand")).Draw(rt, "to") })
	case fieldEmail:
		to := rapid.SampledFrom(append([]string{fmt.Sprintf("spare%d@example.com", u.ID)}, addresses...)).Draw(rt, "to")
		if other, taken := h.acct.ByEmail(to); taken && other.ID != u.ID {
			rt.Skip("ZenQMS would not have it")
		}
		h.byHand(u, field, func(u *zenqmstest.User) { u.Email = to })
	}
}

func (h *history) zenqmsFlip(rt *rapid.T) {
	h.byHand(h.someAccount(rt), fieldActive, func(u *zenqmstest.User) { u.Active = !u.Active })
}

func (h *history) zenqmsClear(rt *rapid.T) {
	h.byHand(h.someAccount(rt), fieldExternalID, func(u *zenqmstest.User) { u.ExternalID = "" })
}

func (h *history) zenqmsRemove(rt *rapid.T) {
	u := h.someAccount(rt)
	h.acct.Remove(u.ID)
	h.removed(u.ID)
	h.say("by hand: account %d is removed", u.ID)
}

func (h *history) zenqmsAdd(rt *rapid.T) {
	email := rapid.SampledFrom(addresses).Draw(rt, "address")
	if _, taken := h.acct.ByEmail(email); taken {
		rt.Skip("ZenQMS would not have it")
	}
	u := h.acct.AddUser(zenqmstest.User{Email: email, FirstName: rapid.SampledFrom(firsts).Draw(rt, "first name"),
		LastName: rapid.SampledFrom(lasts).Draw(rt, "last name"), Title: "Auditor", Active: rapid.Bool().Draw(rt, "active")})
	h.say("by hand: account %d is added", u.ID)
}

func (h *history) faultZenQMS(rt *rapid.T) {
	kind := rapid.SampledFrom([]string{"500", "drop", "drop after acting", "429", "503 with Retry-After", "401", "no JSON after acting", "422"}).Draw(rt, "fault")
	on := rapid.SampledFrom([]string{"any call", "creates", "updates", "searches"}).Draw(rt, "on")
	match := map[string]zenqmstest.Match{"any call": zenqmstest.OnAny, "creates": zenqmstest.OnCreate, "updates": zenqmstest.OnUpdate, "searches": zenqmstest.OnSearch}[on]
	n := rapid.IntRange(1, 6).Draw(rt, "times")
	switch kind {
	case "401":
		h.acct.SetToken("rotated")
	case "422":
		h.acct.Fail(zenqmstest.OnUpdate, n, zenqmstest.Fault{Status: 422, Message: "not like this"})
	default:
		h.acct.Fail(match, n, map[string]zenqmstest.Fault{
			"500": {Status: 500}, "drop": {Drop: true}, "drop after acting": {DropAfter: true}, "429": {Status: 429, RetryAfter: 30 * time.Second},
			"503 with Retry-After": {Status: 503, RetryAfter: 2 * time.Minute}, "no JSON after acting": {Body: "<html>"}}[kind])
	}
}

func (h *history) faultOkta(rt *rapid.T) {
	kind := rapid.SampledFrom([]string{"500", "drop", "429", "401", "cut"}).Draw(rt, "fault")
	on := rapid.SampledFrom([]string{"any call", "lists", "reads"}).Draw(rt, "on")
	match := map[string]oktatest.Match{"any call": {}, "lists": {Route: "/api/v1/users"}, "reads": {Route: "/api/v1/users/{id}"}}[on]
	h.org.Fail(match, rapid.IntRange(1, 6).Draw(rt, "times"), map[string]oktatest.Fault{
		"500": {Status: 500}, "drop": {Drop: true}, "429": {Status: 429, ResetAfter: 20 * time.Second}, "401": {Status: 401}, "cut": {CutAfter: 20}}[kind])
}

func (h *history) heal() {
	h.acct.Heal()
	h.acct.SetToken(zenqmstest.DefaultToken)
	h.org.ClearFaults()
}

// claim takes up to n users, as the worker's loop does.
func (h *history) claim(n int) (claims []store.Claim) {
	if h.w.halt.left(time.Now()) > 0 {
		return nil
	}
	if n = h.w.outages.slots(n); n == 0 {
		return nil
	}
	h.update(func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(h.w.epoch, n)
		return err
	})
	return claims
}

// work runs the walks that are due and makes up to n syncs that are due.
func (h *history) work(n int) {
	h.runs(context.Background())
	for ; n > 0; n-- {
		claims := h.claim(1)
		if len(claims) == 0 {
			return
		}
		h.sync(claims[0])
	}
}

func (h *history) sync(c store.Claim) {
	a := h.try(c)
	h.record(a)
}

func (h *history) try(c store.Claim) *attempt {
	h.raced, h.hand = false, c
	a := h.w.try(context.Background(), c)
	h.must(h.w.report(context.Background(), a))
	h.say("%s: %s skip %v err %v", h.nameOf(c.OktaID), a.decision.Action, a.skip, a.err)
	return a
}

func (h *history) record(a *attempt) {
	h.update(func(tx *store.Tx) error { return h.w.record(tx, a) })
	for id := range h.papers().dead {
		if p := h.find(id); p.id == a.claim.OktaID {
			p.died = time.Now()
		}
	}
}

func (h *history) twoAtOnce(rt *rapid.T) {
	claims := h.claim(2)
	var attempts []*attempt
	for _, c := range claims {
		attempts = append(attempts, h.try(c))
	}
	if rapid.Bool().Draw(rt, "recorded in the other order") {
		slices.Reverse(attempts)
	}
	for _, a := range attempts {
		h.record(a)
	}
}

func (h *history) diesWithWork(rt *rapid.T) {
	h.claim(rapid.IntRange(1, 3).Draw(rt, "users in hand"))
	h.restart()
}

func (h *history) diesBeforeRecord(*rapid.T) {
	for _, c := range h.claim(1) {
		h.try(c)
	}
	h.restart()
}

// zombie is a worker that was taken for dead and still has an outcome to tell.
func (h *history) zombie(*rapid.T) {
	for _, c := range h.claim(1) {
		a := h.try(c)
		h.restart()
		h.work(1000)
		err := h.db.Update(context.Background(), func(tx *store.Tx) error { return h.w.record(tx, a) })
		if !errors.Is(err, store.ErrFenced) {
			h.Fatalf("E4: the outcome of a worker that was replaced counts: %v", err)
		}
	}
}

// diesInWalk cuts a reconcile off at one of its calls.
func (h *history) diesInWalk(rt *rapid.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	calls := rapid.IntRange(1, 6).Draw(rt, "at its call")
	h.want(rapid.SampledFrom([]store.RunKind{store.ReconcileRun, store.InitialRun}).Draw(rt, "kind"))
	h.arm(calls, cancel)
	h.runs(ctx)
	h.armed = nil
	h.restart()
}

func (h *history) want(kind store.RunKind) {
	h.update(func(tx *store.Tx) error {
		_, err := tx.WantRun(kind, "olga", tx.Now)
		return err
	})
}

// runs executes the walks that are due.
func (h *history) runs(ctx context.Context) {
	for ctx.Err() == nil {
		run, started, err := h.w.startRun(ctx)
		h.must(err)
		if !started {
			return
		}
		h.walked(run.Kind)
		began, idle := time.Now(), h.idlers()
		h.must(h.w.walk(ctx, run))
		h.view(func(tx *store.Tx) error {
			run, err = tx.Run(run.ID)
			return err
		})
		if run.Kind == store.InitialRun && run.State == store.RunDone {
			for _, p := range idle {
				p.pushed = began
			}
		}
		h.say("run %d (%s) %s %s", run.ID, run.Kind, run.State, run.Error)
	}
}

// idlers are those in Okta about whom nothing is under way: a deploy asks for
// all of them (W1), but adds nothing to an open row (K1).
func (h *history) idlers() (idle []*human) {
	h.view(func(tx *store.Tx) error {
		for _, p := range h.people {
			st, err := tx.Standing(p.id)
			if err != nil {
				return err
			}
			if !p.deleted && !st.Open {
				idle = append(idle, p)
			}
		}
		return nil
	})
	return idle
}

// pass lets time go by with a worker at work.
func (h *history) pass(d time.Duration) {
	for until := time.Now().Add(d); ; {
		h.work(1000)
		left := time.Until(until)
		if left <= 0 {
			return
		}
		time.Sleep(min(left, max(h.idle(left), time.Millisecond)))
	}
}

// idle is how long the worker has nothing to do, at most d.
func (h *history) idle(d time.Duration) time.Duration {
	h.view(func(tx *store.Tx) error {
		if due, any, err := tx.NextDue(); err != nil {
			return err
		} else if any {
			d = min(d, max(time.Until(due), h.w.halt.left(time.Now())))
		}
		at, any, err := tx.NextRun()
		if any {
			d = min(d, time.Until(at))
		}
		return err
	})
	if h.w.outages.slots(1) == 0 {
		d = max(d, time.Second)
	}
	return d
}

func (h *history) manual(rt *rapid.T) {
	p := h.somebody(rt)
	h.update(func(tx *store.Tx) error {
		_, err := tx.Enqueue(store.Promise{OktaID: p.id, Origin: store.FromManual, Priority: store.ManualPriority, Actor: "olga"})
		return err
	})
	h.pushed(p.id)
}

// rule passes a person's word on some of what is held.
func (h *history) rule(rt *rapid.T, ruling func(Ruling, context.Context, *store.DB, []int64) error, note func(store.Hold)) {
	var holds []store.Hold
	h.view(func(tx *store.Tx) (err error) {
		holds, err = tx.Holds(0)
		return err
	})
	if len(holds) == 0 {
		rt.Skip("nothing is held")
	}
	holds = holds[:rapid.IntRange(1, len(holds)).Draw(rt, "how many")]
	var ids []int64
	for _, held := range holds {
		ids = append(ids, held.ID)
		note(held)
	}
	h.must(ruling(Ruling{Actor: "olga", Reason: "she says so"}, context.Background(), h.db, ids))
}

// end heals the world, lets one reconcile run and waits until nothing is due.
func (h *history) end() {
	time.Sleep(time.Second)
	h.armed = nil
	h.heal()
	if events := h.org.Pending(); rapid.Bool().Draw(h.T, "at the end the hooks are lost") {
		h.org.DropAll()
	} else {
		h.org.DropAll()
		h.deliver(events...)
	}
	if rapid.Bool().Draw(h.T, "at the end the worker is restarted") {
		h.restart()
	}
	h.want(store.ReconcileRun)
	h.rest()
}

// rest lets time pass until nothing is due any more.
func (h *history) rest() {
	for range 100 {
		h.pass(5 * time.Minute)
		var q store.Queue
		wanted := false
		h.view(func(tx *store.Tx) (err error) {
			if q, err = tx.Queue(); err == nil {
				_, wanted, err = tx.NextRun()
			}
			return err
		})
		if q.Ready == 0 && q.Waiting == 0 && !wanted {
			return
		}
	}
	h.Fatalf("the outbox does not come to rest though nothing fails any more")
}
