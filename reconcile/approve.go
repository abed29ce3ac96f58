package reconcile

import (
	"context"
	"fmt"

	"github.com/zensync/zensync/store"
)

// Ruling is a person's word on what the brake holds (rule B2).
type Ruling struct {
	Actor  string
	Reason string
}

// Approve lets holds through: each user is read anew and brought in step. It
// returns the promises, and fails as a whole when one of the ids is no hold.
func (r Ruling) Approve(ctx context.Context, db *store.DB, ids []int64) error {
	err := r.each(ctx, db, ids, store.ActApprove, func(tx *store.Tx, h store.Hold) error { return tx.Approve(h.ID, r.Actor) })
	if err == nil {
		db.Nudge()
	}
	return err
}

// Discard ends holds without doing what they hold. It stands until the user
// moves again.
func (r Ruling) Discard(ctx context.Context, db *store.DB, ids []int64) error {
	return r.each(ctx, db, ids, store.ActDiscard, func(tx *store.Tx, h store.Hold) error {
		if err := tx.Drop(h.ID, "discarded by "+r.Actor+": "+r.Reason); err != nil {
			return err
		}
		return tx.Discard(h.OktaID, h.Action)
	})
}

// each rules on every hold, and logs who and why, in one transaction.
func (r Ruling) each(ctx context.Context, db *store.DB, ids []int64, action store.Action, rule func(*store.Tx, store.Hold) error) error {
	return db.Update(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			h, found, err := tx.Hold(id)
			if err != nil {
				return err
			}
			if !found {
				return fmt.Errorf("%d is not held (any more); `zensync report held` lists what is", id)
			}
			if err := rule(tx, h); err != nil {
				return err
			}
			if err := tx.AppendLog(store.LogRow{Origin: "operator", Run: h.Run, Actor: r.Actor, OktaID: h.OktaID, Action: action, Outcome: store.OutcomeOK,
				Changes: map[string]store.Change{"held": {Old: string(h.Action)}, "reason": {New: r.Reason}}}); err != nil {
				return err
			}
		}
		return nil
	})
}
