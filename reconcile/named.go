package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/zensync/zensync/store"
)

// Naming is what somebody asks for by name: `sync USER...`.
type Naming struct {
	Brake Brake
	Users []string // Okta ids, each once
	Actor string
}

// Ask makes a promise for each user, which the brake does not count, and
// returns the rows in their order; or, when there are more users than the
// brake lets through of any one kind, asks for one run over all of them, which
// it does (rules B1 and B2). One user is never a run.
func (n Naming) Ask(tx *store.Tx) (rows []int64, run int64, err error) {
	links, err := tx.LinkCount()
	if err != nil {
		return nil, 0, err
	}
	if users := int64(len(n.Users)); users > 1 && users > n.Brake.least(links.Active) {
		run, err = tx.WantManualRun(n.Users, n.Actor)
		return nil, run, err
	}
	for _, id := range n.Users {
		row, err := tx.Enqueue(store.Promise{OktaID: id, Origin: store.FromManual, Priority: store.ManualPriority, Actor: n.Actor})
		if err != nil {
			return nil, 0, err
		}
		rows = append(rows, row)
	}
	return rows, 0, nil
}

// least is the smallest of the limits.
func (b Brake) least(active int64) int64 {
	return min(b.Deactivations.Of(active), b.Activations.Of(active), b.RoleRemovals.Of(active))
}

// walkNamed is a run over the users that somebody has named. Each is read by
// id, which is proof in itself, and asked for, moved or not, beside whatever
// is open; whom the brake watches is counted first.
func (wk *walk) walkNamed(ctx context.Context) error {
	var ids []string
	if err := wk.DB.View(ctx, func(tx *store.Tx) (err error) {
		ids, err = tx.Named(wk.run.ID)
		return err
	}); err != nil {
		return err
	}
	for _, id := range ids {
		if err := wk.readByID(ctx, id, true); err != nil && !wk.isHisOwn(ctx, err) { // else his own sync says why
			return fmt.Errorf("read %s: %w", id, err)
		}
	}
	var err error
	if wk.roles, err = wk.roleRules(ctx); err != nil {
		return err
	}
	set := map[store.Action][]int64{}
	for batch := range slices.Chunk(ids, wk.BatchSize) {
		if err := wk.DB.Update(ctx, func(tx *store.Tx) error { return wk.settleNamed(tx, batch, set) }); err != nil {
			return err
		}
		wk.DB.Nudge()
	}
	return wk.judgeAll(ctx, set)
}

// settleNamed asks for a batch of named users, and sets aside whom the brake
// has to count.
func (wk *walk) settleNamed(tx *store.Tx, ids []string, set map[store.Action][]int64) error {
	if err := active(tx); err != nil {
		return err
	}
	for _, id := range ids {
		st, err := tx.Standing(id)
		if err != nil {
			return err
		}
		action := store.Action("")
		if st.N != 0 { // else a link alone is known of him, and his own sync finds out more
			if action, err = wk.watched(tx, st); err != nil {
				return err
			}
		}
		if action != "" {
			set[action] = append(set[action], st.N)
			continue
		}
		if _, err := tx.Enqueue(wk.promise(st)); err != nil {
			return err
		}
	}
	return tx.CountRun(wk.run.ID, int64(len(ids)), 0, 0)
}
