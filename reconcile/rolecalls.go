package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// keepUnread takes out of a decision the roles to be removed that one of their
// groups cannot be read by id for: a list of a user's groups may leave out one
// that our admin role does not see (rule W3).
func (w *Worker) keepUnread(ctx context.Context, a *attempt) error {
	var sure []zenqms.Role
	for _, role := range a.decision.Remove {
		i := slices.IndexFunc(a.facts.Roles, func(r store.RoleRule) bool { return r.RoleID == role.ID })
		readable, err := w.allReadable(ctx, a.facts.Roles[i].Groups)
		if err != nil {
			return err
		}
		if readable {
			sure = append(sure, role)
		} else {
			a.waiting = append(a.waiting, role.ID)
		}
	}
	a.decision.Remove = sure
	return nil
}

// allReadable reads groups by id. One that Okta said was deleted, and that
// reads 404, counts as read: it has no members.
func (w *Worker) allReadable(ctx context.Context, ids []string) (bool, error) {
	var known []store.MappedGroup
	if err := w.DB.View(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.MappedGroups()
		return err
	}); err != nil {
		return false, err
	}
	for _, g := range known {
		if !slices.Contains(ids, g.ID) {
			continue
		}
		_, err := w.Okta.Group(ctx, g.ID)
		switch {
		case err == nil, okta.IsNotFound(err) && !g.Deleted.IsZero():
		case okta.IsNotFound(err) || judge(err) == forbidden:
			w.Log.Warn("a group cannot be read: nobody loses the roles it feeds", "group", g.ID, "error", brief(err))
			return false, nil
		default:
			return false, err
		}
	}
	return true, nil
}

// applyRoles gives and takes roles, once everything else is done. What ZenQMS
// refuses goes to the skip report and is tried again at every walk.
//
// That they are about to change is written down first: an attempt that does not
// live to record its outcome leaves roles of which nobody can tell.
func (w *Worker) applyRoles(ctx context.Context, a *attempt) error {
	if err := w.noteMaybe(ctx, a); err != nil {
		return err
	}
	for _, step := range []struct {
		roles []zenqms.Role
		call  func(context.Context, string, []string) (zenqms.User, error)
		done  *[]zenqms.Role
	}{
		{a.decision.Add, w.ZenQMS.AddRoles, &a.added},
		{a.decision.Remove, w.ZenQMS.RemoveRoles, &a.removed},
	} {
		for _, role := range step.roles {
			a.wrote = true
			u, err := step.call(ctx, a.account.ID, []string{role.ID})
			switch {
			case err == nil:
				w.outages.zenqms.answered(true)
				a.account, *step.done = &u, append(*step.done, role)
			case judge(err) == refused || judge(err) == final:
				a.waiting = append(a.waiting, role.ID)
				if a.skip == nil {
					a.skip = &Reason{Code: store.SkipRefused, Fields: []string{fieldRoles}}
				}
				a.skip.Text = fmt.Sprintf("ZenQMS does not change the role %s: %s", role.Name, words(err))
			case judge(err) == absent:
				a.vanished = append(a.vanished, a.account.ID)
				return errAgain
			default:
				return err
			}
		}
	}
	return nil
}

// noteMaybe marks the roles that are about to be changed of a linked user.
func (w *Worker) noteMaybe(ctx context.Context, a *attempt) error {
	changed := slices.Concat(a.decision.Add, a.decision.Remove)
	if len(changed) == 0 || a.facts.Link == nil || a.decision.DropLink {
		return nil
	}
	ids := slices.Clone(a.facts.Link.Entitled)
	for _, role := range changed {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == role.ID || id == maybe+role.ID })
		ids = append(ids, maybe+role.ID)
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error { return tx.SetEntitled(a.claim.OktaID, ids) })
}
