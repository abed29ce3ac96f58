package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/zensync/zensync/store"
)

// settle decides from the directory who needs a sync, and puts him into the
// outbox. Who was quiet when he was read, and has not been worked on since, is
// left in peace: whatever else may have come between is in the outbox. It
// glances at everybody else, and takes those who are not quiet in batches:
// decide, store and enqueue of a batch are one transaction. Whom the brake
// watches is set aside until all are counted.
func (wk *walk) settle(ctx context.Context) error {
	var err error
	if wk.roles, err = wk.roleRules(ctx); err != nil {
		return err
	}
	if err := wk.lookAgain(ctx); err != nil {
		return err
	}
	set := map[store.Action][]int64{}
	unchanged := wk.quiet.count()
	var restless []int64
	if err := wk.scan(ctx, wk.quiet, func(tx *store.Tx, places []int64) error {
		return tx.Glances(places, func(g store.Glance) {
			switch {
			case wk.dark.has(g.N):
			case !wk.isQuiet(g):
				restless = append(restless, g.N)
			case wk.seen.has(g.N):
				unchanged++
			}
		})
	}); err != nil {
		return err
	}
	for batch := range slices.Chunk(restless, wk.BatchSize) {
		if err := wk.DB.UpdateSorted(ctx, func(tx *store.Tx) error { return wk.settleBatch(tx, batch, set) }); err != nil {
			return err
		}
		wk.DB.Nudge()
	}
	if err := wk.DB.Update(ctx, func(tx *store.Tx) error {
		if err := active(tx); err != nil {
			return err
		}
		return tx.CountRun(wk.run.ID, 0, unchanged, 0)
	}); err != nil {
		return err
	}
	return wk.judgeAll(ctx, set)
}

// lookAgain takes those out of the quiet whom somebody has worked on since the
// walk began: every attempt, and every act of an operator, has a row in the log.
func (wk *walk) lookAgain(ctx context.Context) error {
	return wk.DB.View(ctx, func(tx *store.Tx) error {
		places, err := tx.PlacesWorkedOn(wk.begun)
		for _, n := range places {
			wk.quiet.remove(n)
		}
		return err
	})
}

// settleBatch decides about the users at some places of the directory. The
// inbox is sorted by then: whom a hook has asked for is asked for already
// (rule K1).
func (wk *walk) settleBatch(tx *store.Tx, places []int64, set map[store.Action][]int64) error {
	if err := active(tx); err != nil { // what is settled now would wait out a pause, and outlive an unlinking
		return err
	}
	var unchanged, skipped int64
	for _, n := range places {
		st, err := tx.PersonAt(n)
		if err != nil {
			return err
		}
		what, err := wk.settleOne(tx, st)
		if err != nil {
			return err
		}
		switch {
		case what.braked != "":
			set[what.braked] = append(set[what.braked], st.N)
		case what.skipped:
			skipped++
		case !what.enqueued && wk.seen.has(st.N):
			unchanged++
		}
	}
	return tx.CountRun(wk.run.ID, 0, unchanged, skipped)
}

// judgeAll judges those whom the brake watches, kind by kind.
func (wk *walk) judgeAll(ctx context.Context, set map[store.Action][]int64) error {
	for action, places := range set {
		if err := wk.judge(ctx, action, places); err != nil {
			return err
		}
	}
	return nil
}

// settled is what settling did with a user.
type settled struct {
	enqueued bool
	skipped  bool         // his skip goes on waiting
	braked   store.Action // nothing yet: the brake has to count him first
}

// settleOne decides about one user of the directory.
func (wk *walk) settleOne(tx *store.Tx, st store.Standing) (settled, error) {
	if st.Open && !wk.presses(st) {
		return settled{enqueued: true}, nil // what he needs is on its way already
	}
	wants, err := wk.wants(tx, st)
	if err != nil {
		return settled{}, err
	}
	if !wants {
		if st.Skip == nil {
			return settled{}, nil
		}
		return settled{skipped: true}, tx.SeeSkip(st.OktaID)
	}
	action, err := wk.watched(tx, st)
	if err != nil || action != "" {
		return settled{braked: action}, err
	}
	_, err = tx.Enqueue(wk.promise(st))
	return settled{enqueued: true}, err
}

// presses tells whether the walk asks for a user about whom something is open
// already. A sync by name always does, for somebody waits for what comes of it.
// A deploy does for a linked user it saw: it pushes regardless (rule W1), and
// what is open may not push, or may have read ZenQMS by now. One sync serves
// both, where the other was not begun; what another deploy or a manual sync
// asked for and nobody has taken yet serves as well.
func (wk *walk) presses(st store.Standing) bool {
	switch wk.run.Kind {
	case store.ManualRun:
		return true
	case store.InitialRun:
		return st.Link != nil && wk.seen.has(st.N) && !st.Asked
	}
	return false
}

// promise is what the walk asks for a user.
func (wk *walk) promise(st store.Standing) store.Promise {
	p := store.Promise{OktaID: st.OktaID, Origin: store.FromReconcile, Priority: store.WalkPriority, Run: wk.run.ID, Actor: wk.run.Actor}
	switch wk.run.Kind {
	case store.InitialRun:
		p.Origin = store.FromInitial
	case store.ManualRun:
		p.Origin, p.Priority = store.FromManual, store.ManualPriority
	}
	if wk.Policy.Meaning(st.Status) == Gone {
		p.Priority = store.DeactivationPriority
	}
	return p
}

// judge is rule B1 for a walk: all of one kind at once. Few enough go through;
// too many are held, every one, and for whom all else goes on.
func (wk *walk) judge(ctx context.Context, action store.Action, places []int64) error {
	var limit int64
	if err := wk.DB.View(ctx, func(tx *store.Tx) error {
		links, err := tx.LinkCount()
		limit = wk.Brake.limit(action).Of(links.Active)
		return err
	}); err != nil {
		return err
	}
	count := int64(len(places))
	reason := ""
	if count > limit {
		reason = fmt.Sprintf("run %d asked to %s %d users, the limit is %d", wk.run.ID, action, count, limit)
		wk.Log.Error("the brake holds what this run wants", "run", wk.run.ID, "action", string(action), "users", count, "limit", limit)
	}
	for len(places) > 0 {
		batch := places[:min(len(places), wk.BatchSize)]
		places = places[len(batch):]
		if err := wk.DB.UpdateSorted(ctx, func(tx *store.Tx) error {
			if err := active(tx); err != nil {
				return err
			}
			for _, n := range batch {
				if err := wk.judgeOne(tx, n, action, reason); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		wk.DB.Nudge()
	}
	return nil
}

// judgeOne carries a judgement out for one user, as he stands by now: a hook
// may have come first, and has seen to him or will.
func (wk *walk) judgeOne(tx *store.Tx, n int64, action store.Action, reason string) error {
	st, err := tx.PersonAt(n)
	if err != nil {
		return err
	}
	still, err := wk.watched(tx, st)
	named := wk.run.Kind == store.ManualRun
	switch {
	case err != nil:
		return err
	case named && still != action:
		_, err := tx.Enqueue(wk.promise(st)) // somebody waits for what comes of him
		return err
	case still != action || st.Open && !wk.presses(st):
		return nil
	}
	return wk.rule(tx, st, action, reason)
}

// rule carries a judgement out for one user.
func (wk *walk) rule(tx *store.Tx, st store.Standing, action store.Action, reason string) error {
	p := wk.promise(st)
	if reason == "" {
		p.Cleared = action
		_, err := tx.Enqueue(p)
		return err
	}
	if err := tx.AddHold(p, action, reason); err != nil {
		return err
	}
	row := store.LogRow{Origin: string(p.Origin), Run: p.Run, Actor: p.Actor, OktaID: st.OktaID, Action: action, Outcome: store.OutcomeHeld, Error: reason}
	if st.Link != nil {
		row.ZenQMSID = st.Link.ZenQMSID
	}
	if action == store.ActRemoveRole {
		row.Changes = map[string]store.Change{fieldRoles: {Old: wk.losses(st)}}
	}
	if err := tx.AppendLog(row); err != nil {
		return err
	}
	if action == store.ActDeactivate {
		if err := wk.endSkip(tx, st); err != nil {
			return err
		}
		if st.Link != nil {
			return nil // nothing else is ever sent of him
		}
	}
	_, err := tx.Enqueue(p) // a live user's other fields, a leaver's link
	return err
}

// endSkip takes somebody who is to be deactivated out of the skip report (rules
// M3 and W4), whatever is held. His link shows what is asked for of him, as it
// would had the worker looked at him: should he be back in scope at the next
// walk he has moved, what is held is dropped and what he was skipped for is
// tried again.
func (wk *walk) endSkip(tx *store.Tx, st store.Standing) error {
	if err := tx.DropSkip(st.OktaID); err != nil {
		return err
	}
	return tx.SetWish(st.OktaID, wk.Policy.Wish(st.Person))
}
