package reconcile

import (
	"context"
	"errors"

	"github.com/zensync/zensync/store"
)

// errNotTaken says that an attempt was begun for a claim that did not come
// about.
var errNotTaken = errors.New("the claim could not be stored")

// taking is a claim on its way to the disk. What an attempt does first, asking
// Okta for the user, need not wait for that: whatever the claim is about was
// accepted before Okta is asked, and what comes later makes a promise of its
// own. Nothing is written, to the store or to ZenQMS, before the claim is
// durable; of one that fails nothing is left.
//
// A nil taking is a claim that is durable already.
type taking struct {
	over    chan struct{} // closed by end
	durable bool
}

func newTaking() *taking { return &taking{over: make(chan struct{})} }

// end says how it went. It has to be called, once.
func (t *taking) end(durable bool) {
	t.durable = durable
	close(t.over)
}

// came waits until it is known whether the claim is durable, and tells.
func (t *taking) came() bool {
	if t == nil {
		return true
	}
	<-t.over
	return t.durable
}

// claim takes as many users as there is room for beside those in flight, and
// sets a goroutine to work on each. It returns how many it took.
func (w *Worker) claim(ctx, calls context.Context, inFlight int, done chan<- error) (int, error) {
	free, pick := w.users()-inFlight, (*store.Tx).Claim
	if free <= 0 {
		// Whoever waits for our share of Okta's rate limit does not work
		// meanwhile, and must not keep out the leavers, who are let through.
		free, pick = free+min(w.Okta.Waiting(), w.users()), (*store.Tx).ClaimLeavers
	}
	n := 0
	_, err := w.take(ctx, free, pick, func(c store.Claim, t *taking) {
		n++
		go func() { done <- w.sync(calls, c, t) }()
	})
	return n, err
}

// take takes up to free users who are due, those that pick chooses: none while
// the drain is stopped or the installation is not active. What has come since
// is sorted first, whether or not anybody can be taken, so that whoever has to
// lose access is not behind what came before him. Of each claim, begin is told
// before it is durable; it must not block.
func (w *Worker) take(ctx context.Context, free int, pick func(*store.Tx, int64, int) ([]store.Claim, error),
	begin func(store.Claim, *taking)) ([]store.Claim, error) {
	if free = max(free, 0); w.halt.left(w.DB.Now()) > 0 {
		free = 0
	}
	if free > 0 {
		free = w.outages.slots(free)
	}
	var wanted bool
	err := w.DB.View(ctx, func(tx *store.Tx) (err error) {
		if free == 0 {
			wanted, err = tx.Unsorted()
		} else {
			wanted, err = isDue(tx)
		}
		return err
	})
	if err != nil || !wanted {
		return nil, ignoreStop(ctx, err)
	}
	var claims []store.Claim
	taking := newTaking()
	err = w.DB.UpdateSorted(ctx, func(tx *store.Tx) error {
		if free == 0 {
			return nil
		}
		if err := tx.CheckEpoch(w.epoch); err != nil {
			return err
		}
		state, err := tx.Setting(store.LifeState)
		if err != nil || state != string(Active) {
			return err
		}
		if claims, err = pick(tx, w.epoch, free); err != nil {
			return err
		}
		for _, c := range claims {
			begin(c, taking)
		}
		return nil
	})
	taking.end(err == nil)
	if err != nil {
		return nil, ignoreStop(ctx, err)
	}
	return claims, nil
}

// isDue tells whether there is work now: a promise whose time has come, or what
// nobody has sorted yet.
func isDue(tx *store.Tx) (bool, error) {
	if unsorted, err := tx.Unsorted(); err != nil || unsorted {
		return unsorted, err
	}
	due, any, err := tx.NextDue()
	return any && !due.After(tx.Now), err
}
