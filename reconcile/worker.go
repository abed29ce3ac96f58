package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

const (
	// slowPoll is how long the worker sleeps at most: a nudge that was lost
	// costs no more than this.
	slowPoll = time.Second
	// lastCalls is how long calls under way may take once the worker was told
	// to stop; systemd waits ten seconds.
	lastCalls = 5 * time.Second
	// fullCalls is how long when it is only to begin anew: twice what an HTTP
	// call may take, so that none is cut off.
	fullCalls = time.Minute
)

// Worker drains the outbox into ZenQMS and runs the walks. Only one process
// may run one: the caller holds the worker's lock.
type Worker struct {
	DB          *store.DB
	Okta        *okta.Client
	ZenQMS      ZenQMS
	Policy      Policy
	Brake       Brake
	Schedule    Schedule      // nil: no scheduled walks
	Concurrency int           // calls of ZenQMS that are to be under way at once; its client holds to it
	MaxAttempts int           // attempts before a promise is dead
	BatchSize   int           // users per page and per settled batch
	Keep        time.Duration // how long events and work that has ended are kept; 0: this worker does not tend the store
	Log         *slog.Logger
	// Beat, if given, is called at every turn of the dispatcher, once a second
	// at least: a dispatcher that hangs is silent.
	Beat func()
	// Kept, if given, is told what became of each promise that an event has
	// made, once that is recorded. It is called from many goroutines.
	Kept func(Kept)
	// Anew, if given, ends the work when it is closed, as ctx does, but gives
	// calls under way the time they take: somebody else goes on at once.
	Anew <-chan struct{}

	poll      time.Duration // for tests; 0 is slowPoll
	barren    int           // for tests; 0 is mostBarren
	addresses *addressLocks
	outages   outages
	breakers  atomic.Pointer[outages] // the same, for who looks on
	noted     string                  // which sides are down, as the store has it; the dispatcher's alone
	halt      halt
	indexing  sync.Mutex
	epoch     int64
}

// usersPerCall is how many users are worked on for each call that may be under
// way: while one is being read or recorded, another's call takes the turn.
const usersPerCall = 2

// users is how many users are worked on at once.
func (w *Worker) users() int { return usersPerCall * w.Concurrency }

// dice is a number in [0, 1) for jitter.
func (w *Worker) dice() float64 { return rand.Float64() }

// Run works until ctx ends: it takes over what an earlier worker left, then
// drains the outbox as promises come due and starts walks as they are wanted.
// On the way out it lets calls under way end, so that nothing is half known.
func (w *Worker) Run(ctx context.Context) error {
	w.addresses, w.outages = newAddressLocks(), newOutages()
	w.breakers.Store(&w.outages)
	w.noted = ""
	if err := w.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if w.epoch, err = tx.StartEpoch(); err != nil {
			return err
		}
		for _, key := range []string{store.DrainStopped, store.SidesDown} { // what stopped an earlier worker may be mended
			if err := tx.SetSetting(key, ""); err != nil {
				return err
			}
		}
		return tx.RequeueRuns()
	}); err != nil {
		return ignoreStop(ctx, fmt.Errorf("start the worker: %w", err))
	}
	nudges, stop, err := w.DB.Nudges()
	if err != nil {
		w.Log.Warn("no wake-up socket: changes are seen within the poll", "poll", slowPoll, "error", err)
		nudges, stop = nil, func() {}
	}
	defer stop()

	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	working, stop := context.WithCancel(ctx)
	defer stop()
	go w.limitCalls(ctx, stop, calls, cancel)
	tended := make(chan struct{})
	go func() {
		defer close(tended)
		if w.Keep > 0 {
			w.tend(working)
		}
	}()
	err = w.loop(working, calls, nudges)
	stop()
	<-tended
	return err
}

// limitCalls tells the dispatcher to stop when there is reason to, and bounds
// how long calls under way may then take.
func (w *Worker) limitCalls(ctx context.Context, stop func(), calls context.Context, cancel func()) {
	select {
	case <-ctx.Done():
	case <-w.Anew: // nil: never
		stop()
		select {
		case <-time.After(fullCalls):
			cancel()
		case <-ctx.Done():
		case <-calls.Done():
		}
	case <-calls.Done():
	}
	select {
	case <-time.After(lastCalls):
		cancel()
	case <-calls.Done():
	}
}

// loop is the dispatcher: it alone claims, one goroutine per user works.
func (w *Worker) loop(ctx, calls context.Context, nudges <-chan struct{}) error {
	done := make(chan error)
	walked := make(chan error)
	inFlight, walking := 0, false
	var failed error
	settle := func(err error) {
		if inFlight--; err != nil && failed == nil {
			failed = err
		}
	}
	for ctx.Err() == nil && failed == nil {
		if w.Beat != nil {
			w.Beat()
		}
		if failed = w.noteOutages(ctx); failed != nil {
			break
		}
		n, err := w.claim(ctx, calls, inFlight, done)
		if inFlight += n; err != nil {
			failed = err
			break
		}
		if !walking {
			run, started, err := w.startRun(ctx)
			if err != nil {
				failed = err
				break
			}
			if walking = started; started {
				go func() { walked <- w.walk(ctx, run) }()
			}
		}
		select {
		case <-ctx.Done():
		case <-nudges:
		case err := <-done:
			settle(err)
			for more := true; more; { // whoever ended meanwhile leaves his slot to the same claim
				select {
				case err := <-done:
					settle(err)
				default:
					more = false
				}
			}
		case failed = <-walked:
			walking = false
		case <-time.After(w.nap(ctx, inFlight)):
		}
	}
	for inFlight > 0 {
		settle(<-done)
	}
	if walking {
		if err := <-walked; failed == nil {
			failed = err
		}
	}
	if ctx.Err() != nil && failed != nil && cutOff(failed) {
		return nil
	}
	return failed
}

// sync makes one attempt and records it, if the claim is or becomes durable.
// Its error is one that ends the worker: what concerns the user alone is
// recorded with him.
func (w *Worker) sync(ctx context.Context, claim store.Claim, t *taking) error {
	a := w.tryGuarded(ctx, claim, t)
	if !t.came() {
		return nil // the dispatcher knows why
	}
	if err := w.report(context.WithoutCancel(ctx), a); err != nil {
		return err
	}
	// The record must be written even when the calls were cut off.
	err := w.DB.Batch(context.WithoutCancel(ctx), func(tx *store.Tx) error { return w.record(tx, a) })
	if err != nil {
		return fmt.Errorf("record the sync of %s: %w", claim.OktaID, err)
	}
	if w.Kept != nil {
		for _, k := range a.ended {
			w.Kept(k)
		}
	}
	return nil
}

// tryGuarded is try, with a panic made that user's failure: one sick user must
// not stop the worker for all, again at every restart.
func (w *Worker) tryGuarded(ctx context.Context, claim store.Claim, t *taking) (a *attempt) {
	defer func() {
		if p := recover(); p != nil {
			w.Log.Error("a bug: the sync of a user panicked", "user", claim.OktaID, "stack", string(debug.Stack()))
			a = &attempt{claim: claim, err: fmt.Errorf("a bug in zensync, which its process log shows: %T", p)}
		}
	}()
	return w.try(ctx, claim, t)
}

// report notes what an attempt says about the other sides, and tells the
// process log what the store's log does not make obvious.
func (w *Worker) report(ctx context.Context, a *attempt) error {
	if a.decision.Unknown {
		w.Log.Warn("left alone: the status means nothing known", "user", a.claim.OktaID, "status", a.facts.User.Status)
	}
	if a.err == nil {
		if touched := a.fresh || !a.sent.Empty(); touched && w.halt.clear() {
			w.Log.Info("the credential is accepted again; the drain goes on")
			return w.noteStop(ctx, "")
		}
		return nil
	}
	w.outages.note(a)
	if cutOff(a.err) {
		return nil
	}
	text := brief(a.err)
	switch {
	case a.ours():
		if w.halt.set(w.DB.Now().Add(stopProbe), text) {
			w.Log.Error("nothing can be sent: a credential is refused; the drain tries again every minute, and reads a new key file at `zensync reload`",
				"user", a.claim.OktaID, "error", text)
			return w.noteStop(ctx, text)
		}
		return nil
	case judge(a.err) == retryAfter:
		w.halt.set(w.DB.Now().Add(wait(a.err)), "")
	}
	w.Log.Warn("a sync did not come through", "user", a.claim.OktaID, "attempts", a.claim.Rows[0].Attempts, "error", text)
	return nil
}

// noteStop keeps why nothing is sent where status finds it.
func (w *Worker) noteStop(ctx context.Context, why string) error {
	return w.DB.Update(ctx, func(tx *store.Tx) error { return tx.SetSetting(store.DrainStopped, why) })
}

// nap is how long to sleep when nothing happens: until the next promise is
// due, at most the slow poll.
func (w *Worker) nap(ctx context.Context, inFlight int) time.Duration {
	d := cmp.Or(w.poll, slowPoll)
	if inFlight >= w.users() {
		return d
	}
	_ = w.DB.View(ctx, func(tx *store.Tx) error { // an error here means the slow poll, and shows at the next claim
		due, any, err := tx.NextDue()
		if left := due.Sub(tx.Now); err == nil && any && left > 0 {
			d = min(d, left)
		}
		return err
	})
	return d
}

// ignoreStop is nil when an operation failed because the worker is to stop.
func ignoreStop(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
