package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// ErrGroups says that the groups of the config cannot be told in Okta.
var ErrGroups = errors.New("the groups of the config")

// ResolveGroups finds the Okta groups that the config names, by name or id.
// One that nobody or several have is an error: ids are kept from then on, and
// must not depend on luck.
func ResolveGroups(ctx context.Context, client *okta.Client, names []string) ([]store.MappedGroup, error) {
	var groups []store.MappedGroup
	var errs []error
	for _, name := range names {
		found, err := client.FindGroups(ctx, name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("look for the Okta group %q: %w", name, err)
		case len(found) == 0:
			errs = append(errs, fmt.Errorf("%w: Okta has no group %q; give its name as Okta has it, or its id", ErrGroups, name))
		case len(found) > 1:
			errs = append(errs, fmt.Errorf("%w: %d groups in Okta are called %q; give the id of the right one (00g...)", ErrGroups, len(found), name))
		default:
			groups = append(groups, store.MappedGroup{Configured: name, ID: found[0].ID, Name: found[0].Name})
		}
	}
	return groups, errors.Join(errs...)
}

// CheckScope refuses to work with a config whose groups are not those that
// the last deploy has resolved.
func CheckScope(tx *store.Tx, names []string) error {
	groups, err := tx.ScopeGroups()
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, g := range groups {
		known[g.Configured] = true
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
		if !known[name] {
			return fmt.Errorf("%w: sync.groups names %q, which the last deploy did not know: run zensync deploy", ErrGroups, name)
		}
	}
	for _, g := range groups {
		if !wanted[g.Configured] {
			return fmt.Errorf("%w: sync.groups no longer names %q, which the last deploy did: run zensync deploy", ErrGroups, g.Configured)
		}
	}
	return nil
}

// readMembers is rule K3: the members of the mapped groups, group by group. A
// group that cannot be read freezes what it feeds: who was in it stays in scope
// (rule W4) and keeps its roles (rule W3), and all else goes on.
func (wk *walk) readMembers(ctx context.Context) error {
	groups, err := wk.mappedGroups(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		why := ""
		if err := wk.readGroup(ctx, g); err != nil {
			if ctx.Err() != nil || !fromOkta(err) {
				return err
			}
			why = err.Error()
			wk.Log.Warn("a group cannot be read: nobody leaves scope, nor loses the roles it feeds", "group", g.ID, "run", wk.run.ID, "error", brief(err))
		} else if now, err := wk.Okta.Group(ctx, g.ID); err == nil && now.Name != g.Name { // its members were read, which is what counts
			wk.Log.Warn("a mapped group was renamed in Okta: it is the same group", "group", g.ID, "run", wk.run.ID)
		}
		if err := wk.DB.Update(ctx, func(tx *store.Tx) error { return tx.Freeze(g.ID, why) }); err != nil {
			return err
		}
	}
	return nil
}

// readGroup reads the members of one group. Nobody is taken out of it before
// the last page was read. One that Okta said was deleted, and that reads 404,
// has no members.
func (wk *walk) readGroup(ctx context.Context, g store.MappedGroup) error {
	if err := wk.DB.Update(ctx, func(tx *store.Tx) error { return tx.ForgetReading(g.ID, wk.run.ID) }); err != nil {
		return err
	}
	pagesGo := newRound(wk.barren)
	for after := ""; ; {
		page, err := patiently(ctx, func(ctx context.Context) (okta.Page, error) { return wk.Okta.GroupMembers(ctx, g.ID, after) })
		if err == nil {
			err = pagesGo.next(page.Users)
		}
		if okta.IsNotFound(err) && !g.Deleted.IsZero() {
			return wk.DB.Update(ctx, func(tx *store.Tx) error { return tx.DropMembersBut(g.ID, wk.run.ID) })
		}
		if err != nil {
			return fmt.Errorf("read the members of group %s: %w", g.ID, err)
		}
		after = page.Next
		fresh, err := wk.keepMembers(ctx, g.ID, page.Users, after == "")
		if err != nil || after == "" {
			return err
		}
		if err := pagesGo.kept(fresh); err != nil {
			return fmt.Errorf("read the members of group %s: %w", g.ID, err)
		}
	}
}

// keepMembers notes a page of the members of a group, after the last one who is
// none any more, and returns how many were on no page before it.
func (wk *walk) keepMembers(ctx context.Context, groupID string, page []okta.User, last bool) (fresh int64, err error) {
	err = wk.DB.Update(ctx, func(tx *store.Tx) error {
		for _, u := range page {
			added, err := tx.AddMember(groupID, u.ID, wk.run.ID)
			if err != nil {
				return err
			}
			if added {
				fresh++
			}
		}
		if last {
			return tx.DropMembersBut(groupID, wk.run.ID)
		}
		return nil
	})
	return fresh, err
}

func fromOkta(err error) bool {
	var o *okta.Error
	return errors.As(err, &o)
}

func (w *Worker) mappedGroups(ctx context.Context) (groups []store.MappedGroup, err error) {
	err = w.DB.View(ctx, func(tx *store.Tx) error {
		groups, err = tx.MappedGroups()
		return err
	})
	return groups, err
}

// readScope finds out from Okta which mapped groups a user who was just read is
// in, and so whether he is in scope, and keeps what it learns. Of somebody gone it is not asked: he leaves groups
// in his own time, and his scope is the last one known.
func (w *Worker) readScope(ctx context.Context, u *store.Person) error {
	groups, err := w.mappedGroups(ctx)
	if err != nil || len(groups) == 0 || w.Policy.Meaning(u.Status) != Live {
		return err
	}
	mine, err := w.Okta.UserGroups(ctx, u.OktaID)
	if err != nil {
		return err
	}
	in := map[string]bool{}
	for _, g := range mine {
		in[g.ID] = true
	}
	left, unread, err := w.groupsLeft(ctx, u.OktaID, groups, in)
	if err != nil {
		return err
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		for id, why := range unread {
			if err := tx.Freeze(id, why); err != nil {
				return err
			}
		}
		for _, g := range groups {
			if in[g.ID] || left[g.ID] {
				if err := tx.SetMember(g.ID, u.OktaID, in[g.ID]); err != nil {
					return err
				}
			}
		}
		st, err := tx.Standing(u.OktaID)
		u.OutOfScope = st.OutOfScope
		return err
	})
}

// groupsLeft are the groups a user was in, is in no longer by his own list,
// and that can be read by id: a list of his groups may leave out one that our
// admin role does not see. Where he has left some, all others are read as well
// that he is not in by that list: he may have gone to one that cannot be seen.
// Those that cannot be read are unread, with the reason.
func (w *Worker) groupsLeft(ctx context.Context, oktaID string, groups []store.MappedGroup, in map[string]bool) (left map[string]bool, unread map[string]string, err error) {
	left, unread = map[string]bool{}, map[string]string{}
	if err := w.DB.View(ctx, func(tx *store.Tx) (err error) {
		for _, g := range groups {
			if in[g.ID] {
				continue
			}
			if left[g.ID], err = tx.IsMember(g.ID, oktaID); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, nil, err
	}
	if !slices.Contains(slices.Collect(maps.Values(left)), true) {
		return nil, nil, nil
	}
	for _, g := range groups {
		if in[g.ID] {
			continue
		}
		_, err := w.Okta.Group(ctx, g.ID)
		switch {
		case err == nil, okta.IsNotFound(err) && !g.Deleted.IsZero():
		case okta.IsNotFound(err) || judge(err) == forbidden:
			w.Log.Warn("a group cannot be read: who is in it stays in scope", "group", g.ID, "user", oktaID, "error", brief(err))
			left[g.ID], unread[g.ID] = false, err.Error()
		default:
			return nil, nil, err
		}
	}
	return left, unread, nil
}
