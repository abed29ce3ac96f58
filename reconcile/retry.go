package reconcile

import (
	"context"
	"fmt"

	"github.com/zensync/zensync/store"
)

// Retry is an operator's word to try again what was given up.
type Retry struct {
	Binding Binding
	Actor   string
}

// Begin makes promises that were given up due at once, all of them when ids
// names none, and returns them. It fails as a whole when one of the ids is none
// that was given up. During a pause it works as well; they then wait.
//
// The log needs no row of its own for it: each attempt writes its row in the
// operator's name.
func (r Retry) Begin(ctx context.Context, db *store.DB, ids []int64) (dead []store.DeadRow, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		if err := r.Binding.May(tx, Active, Paused); err != nil {
			return err
		}
		if dead, err = meantDead(tx, ids); err != nil {
			return err
		}
		for _, d := range dead {
			if err := tx.Reopen(d.ID, r.Actor); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		db.Nudge()
	}
	return dead, err
}

func meantDead(tx *store.Tx, ids []int64) ([]store.DeadRow, error) {
	if len(ids) == 0 {
		return tx.Dead()
	}
	dead := make([]store.DeadRow, 0, len(ids))
	for _, id := range ids {
		d, found, err := tx.DeadRow(id)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("%d was not given up, or is being tried again; `zensync report dead` lists what was", id)
		}
		dead = append(dead, d)
	}
	return dead, nil
}
