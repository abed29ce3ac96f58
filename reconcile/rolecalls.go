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

// applyRoles gives and takes roles, once everything else is done and written
// down. What ZenQMS refuses goes to the skip report and is tried again at every
// walk.
func (w *Worker) applyRoles(ctx context.Context, a *attempt) error {
	if len(a.decision.Add)+len(a.decision.Remove) == 0 {
		return nil
	}
	if err := w.recordSoFar(ctx, a); err != nil {
		return err
	}
	for _, step := range []struct {
		action store.Action
		roles  []zenqms.Role
		call   func(context.Context, string, []string) (zenqms.User, error)
		done   *[]zenqms.Role
	}{
		{store.ActAddRole, a.decision.Add, w.ZenQMS.AddRoles, &a.added},
		{store.ActRemoveRole, a.decision.Remove, w.ZenQMS.RemoveRoles, &a.removed},
	} {
		for _, role := range step.roles {
			a.wrote, a.doing = true, step.action
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
				if err := w.whichIsGone(ctx, a, role); err != nil {
					return err
				}
			default:
				return err
			}
		}
	}
	return nil
}

// whichIsGone finds out what a 404 on a change of roles is about. A role that
// ZenQMS no longer has is frozen until a walk finds it (rule W3), and all else
// goes on; where it is the account, the attempt begins anew.
func (w *Worker) whichIsGone(ctx context.Context, a *attempt, role zenqms.Role) error {
	u, err := w.ZenQMS.ByID(ctx, a.account.ID)
	switch {
	case zenqms.IsNotFound(err):
		a.vanished = append(a.vanished, a.account.ID)
		return errAgain
	case err != nil:
		return err
	}
	w.Log.Warn("a mapped role cannot be found: nobody is given it and nobody loses it", "role", role.ID, "user", a.claim.OktaID)
	a.account = &u
	a.waiting, a.lost = append(a.waiting, role.ID), append(a.lost, role.ID)
	return nil
}

// recordSoFar writes down, before the roles change, what was done of an attempt
// and that roles are about to change: one that does not live to record its
// outcome leaves roles of which nobody else could tell. A link that is new is
// kept as one to which nothing was applied yet.
func (w *Worker) recordSoFar(ctx context.Context, a *attempt) error {
	link := store.Link{OktaID: a.claim.OktaID, ZenQMSID: a.account.ID, Email: a.account.Email, Active: a.account.Active, Roles: namesOf(a.account.Roles)}
	isNew := a.facts.Link == nil || a.decision.DropLink
	if !isNew {
		link.Entitled = slices.Clone(a.facts.Link.Entitled)
	} else if a.facts.Link == nil {
		link.Entitled = []string{nothing}
	}
	for _, role := range slices.Concat(a.decision.Add, a.decision.Remove) {
		link.Entitled = slices.DeleteFunc(link.Entitled, func(id string) bool { return id == role.ID || id == maybe+role.ID })
		link.Entitled = append(link.Entitled, maybe+role.ID)
	}
	err := w.DB.Update(ctx, func(tx *store.Tx) (err error) {
		if err := tx.Own(a.claim.Epoch, a.claim.Rows[0].ID); err != nil {
			return err
		}
		if err := w.recordReadings(tx, a); err != nil {
			return err
		}
		if isNew {
			err = putLink(tx, a, link)
		} else {
			err = tx.SetEntitled(link.OktaID, link.Entitled)
		}
		if rows := doneRows(a); err == nil && len(rows) > 0 {
			a.number, err = a.appendLog(tx, rows)
		}
		return err
	})
	a.logged = err == nil
	return err
}
