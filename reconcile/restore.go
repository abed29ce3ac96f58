package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/zensync/zensync/store"
)

// Restore is an operator's word to work on with what a store was at an earlier
// time. What it has forgotten is found by a walk that begins with the worker:
// Okta and ZenQMS say who is linked, who came, changed and left. Of what
// neither of them knows, it keeps what the store that is replaced still tells:
// a pause, people's no to what the brake held, and what the brake has let
// through within its hour.
//
// An edit that was made in ZenQMS since, of somebody who moved in Okta since,
// is overwritten: the store no longer knows that his move was applied before.
type Restore struct {
	Binding Binding
	Actor   string
	Reason  string // may be empty
	From    string // the file, for the log
}

// ErrRestoreUnlinked refuses to bring back links that were cleared.
var ErrRestoreUnlinked = errors.New("zensync was taken out of Okta and ZenQMS since that copy was made, and it would link everybody again: " +
	"`zensync deploy` does that, if it is wanted; to have the copy all the same, move the present database away first")

// restored is why a walk's promises are dropped.
const restored = "the store was restored; the walk that follows looks anew"

// Settle makes of a copy a store to go on with. It is given to store.Restore.
func (r Restore) Settle(ctx context.Context, tx *store.Tx, with *store.Restoration) error {
	if err := r.Binding.Check(tx); err != nil {
		return err
	}
	now, err := StageOf(tx)
	if err != nil {
		return err
	}
	if now, err = r.meet(ctx, tx, with, now); err != nil {
		return err
	}
	for _, key := range []string{store.AccountsRead, store.DrainStopped, store.SidesDown} {
		if err := tx.SetSetting(key, ""); err != nil {
			return err
		}
	}
	initial, err := tx.DropWalks(restored)
	if err != nil {
		return err
	}
	if err := tx.RequeueRuns(); err != nil { // nobody is at work
		return err
	}
	if now.Life == Active || now.Life == Paused {
		kind := store.ReconcileRun
		if initial {
			kind = store.InitialRun
		}
		if _, err := tx.WantRun(kind, r.Actor, tx.Now); err != nil {
			return err
		}
	}
	return tx.AppendLog(r.row(with))
}

// meet holds the copy to what it replaces, and takes over what of that has to
// stay so. It returns the state of the two together.
func (r Restore) meet(ctx context.Context, tx *store.Tx, with *store.Restoration, now Stage) (Stage, error) {
	if with.Replaced == nil {
		return now, nil
	}
	var before Stage
	if err := with.Replaced.View(ctx, func(old *store.Tx) (err error) {
		if err := r.Binding.Check(old); err != nil {
			return fmt.Errorf("the database that is there: %w", err)
		}
		before, err = StageOf(old)
		return err
	}); err != nil {
		return now, err
	}
	switch {
	case before.Life == Unlinking || before.Life == Unlinked:
		if now.Life != before.Life {
			return now, ErrRestoreUnlinked
		}
	case before.Life == Paused && now.Life == Active:
		now = before
		for key, value := range map[string]string{
			store.LifeState: string(now.Life), store.LifeBy: now.By, store.LifeSince: store.FormatTime(now.Since), store.LifeReason: now.Reason,
		} {
			if err := tx.SetSetting(key, value); err != nil {
				return now, err
			}
		}
	}
	return now, tx.TakeOverBrake(ctx, with.Replaced)
}

// row is the restore's row in the log. store.CheckLog looks for it when an end
// that was noted before is not there.
func (r Restore) row(with *store.Restoration) store.LogRow {
	changes := store.RestoreChanges(*with, r.From)
	if r.Reason != "" {
		changes["reason"] = store.Change{New: r.Reason}
	}
	return store.LogRow{Origin: "operator", Actor: r.Actor, Action: store.ActRestore, Outcome: store.OutcomeOK, Changes: changes}
}
