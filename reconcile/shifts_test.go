package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/zensync/zensync/store"
)

// claim takes up to n users, as the worker's loop does.
func (h *history) claim(n int) []store.Claim {
	claims, err := h.w.take(context.Background(), n, (*store.Tx).Claim, later)
	h.must(err)
	h.judgeTaken(claims)
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
	a := h.w.try(context.Background(), c, nil)
	h.must(h.w.report(context.Background(), a))
	h.say("%s: %s skip %v err %v", h.nameOf(c.OktaID), a.decision.Action, a.skip, a.err)
	return a
}

func (h *history) record(a *attempt) {
	h.update(func(tx *store.Tx) error { return h.w.record(tx, a) })
	h.noteGrants(a)
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

// want asks for a run, as an operator does.
func (h *history) want(kind store.RunKind) {
	h.update(func(tx *store.Tx) error {
		if h.refused(tx) {
			return nil
		}
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
		began, there, paused := time.Now(), h.employed(), h.paused()
		h.must(h.w.walk(ctx, run))
		h.view(func(tx *store.Tx) error {
			run, err = tx.Run(run.ID)
			return err
		})
		h.judgeWalk(run, paused)
		if run.Kind == store.InitialRun && run.State == store.RunDone {
			for _, p := range there {
				p.pushed = began
			}
		}
		h.say("run %d (%s) %s %s", run.ID, run.Kind, run.State, run.Error)
	}
}

// employed are those in Okta and in scope: a deploy pushes for all of them,
// whatever else is under way (W1).
func (h *history) employed() (people []*human) {
	for _, p := range h.people {
		if !p.deleted && h.scopeOf(p) == inside {
			people = append(people, p)
		}
	}
	return people
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
	if h.paused() {
		return d
	}
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
	refused := false
	h.update(func(tx *store.Tx) error {
		if refused = h.refused(tx); refused {
			return nil
		}
		_, err := tx.Enqueue(store.Promise{OktaID: p.id, Origin: store.FromManual, Priority: store.ManualPriority, Actor: "olga"})
		return err
	})
	switch {
	case refused:
	case h.scopeOf(p) == inside:
		h.pushed(p.id)
	default:
		p.retried = time.Now() // what is pushed if he comes into scope meanwhile, nobody can tell
	}
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
	if h.paused() {
		h.resume()
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
