package reconcile

import (
	"context"
	"fmt"

	"github.com/zensync/zensync/store"
)

// settle decides from the directory, in batches, who needs a sync, and puts
// him into the outbox: decide, store and enqueue of a batch are one
// transaction. Whom the brake watches is set aside until all are counted.
func (wk *walk) settle(ctx context.Context) error {
	var err error
	if wk.roles, err = wk.roleRules(ctx); err != nil {
		return err
	}
	set := map[store.Action][]int64{}
	for n := int64(0); ; {
		batch := 0
		if err := wk.DB.Update(ctx, func(tx *store.Tx) error {
			if err := active(tx); err != nil { // what is settled now would wait out a pause, and outlive an unlinking
				return err
			}
			people, err := tx.PeopleAfter(n, wk.BatchSize)
			if err != nil {
				return err
			}
			batch = len(people)
			var unchanged, skipped int64
			for _, st := range people {
				n = st.N
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
		}); err != nil {
			return err
		}
		if batch == 0 {
			break
		}
		wk.DB.Nudge()
	}
	return wk.judgeAll(ctx, set)
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
	if st.Open {
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
		if err := wk.DB.Update(ctx, func(tx *store.Tx) error {
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
	case still != action || st.Open && !named:
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
	switch {
	case action != store.ActDeactivate:
		_, err := tx.Enqueue(p) // a live user's other fields
		return err
	case wk.Policy.Meaning(st.Status) == Gone:
		return tx.DropSkip(st.OktaID) // a leaver is never in the skip report (rule M3), whatever is held
	}
	return nil
}
