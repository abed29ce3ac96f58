package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// ErrRoles says that the roles of the config cannot be told in ZenQMS, or must
// not be given.
var ErrRoles = errors.New("the roles of the config")

// RolePair is one line of the config's roles.
type RolePair struct{ Group, Role string }

// String is how the store remembers a pair.
func (p RolePair) String() string { return p.Group + " -> " + p.Role }

// ResolveRoles finds the groups in Okta and the roles in ZenQMS that the
// config names, each by name or id, and refuses a role that never says.
func ResolveRoles(ctx context.Context, w *Worker, pairs []RolePair, never func(role string) bool) ([]store.RolePair, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	roles, err := w.ZenQMS.Roles(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for the roles: %w", err)
	}
	var resolved []store.RolePair
	var errs []error
	for _, p := range pairs {
		groups, err := ResolveGroups(ctx, w.Okta, []string{p.Group})
		if errors.Is(err, ErrGroups) {
			errs = append(errs, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		role, err := FindRole(roles, p.Role)
		if err == nil && never(role.Name) {
			err = fmt.Errorf("%w: safety.never_roles forbids %q", ErrRoles, role.Name)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		resolved = append(resolved, store.RolePair{Group: groups[0], RoleID: role.ID, RoleName: role.Name, Configured: p.String()})
	}
	return resolved, errors.Join(errs...)
}

// FindRole is the role with a name, or else with an id. An ErrRoles says that
// there is none, or more than one.
func FindRole(roles []zenqms.Role, name string) (zenqms.Role, error) {
	var found []zenqms.Role
	for _, r := range roles {
		if r.Name == name {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		if i := slices.IndexFunc(roles, func(r zenqms.Role) bool { return r.ID == name }); i >= 0 {
			return roles[i], nil
		}
		return zenqms.Role{}, fmt.Errorf("%w: ZenQMS has no role %q; give its name as ZenQMS has it, or its id", ErrRoles, name)
	}
	if len(found) > 1 {
		return zenqms.Role{}, fmt.Errorf("%w: %d roles in ZenQMS are called %q; give the id of the right one", ErrRoles, len(found), name)
	}
	return found[0], nil
}

// CheckRoles refuses to work with a config whose pairs are not those that the
// last deploy has resolved.
func CheckRoles(tx *store.Tx, pairs []RolePair) error {
	known, err := tx.RolePairNames()
	if err != nil {
		return err
	}
	wanted := make([]string, len(pairs))
	for i, p := range pairs {
		wanted[i] = p.String()
	}
	slices.Sort(wanted)
	if !slices.Equal(slices.Compact(wanted), slices.Compact(known)) {
		return fmt.Errorf("%w: they are not those that the last deploy has looked up: run zensync deploy", ErrRoles)
	}
	return nil
}

// roleGone is why a role is frozen that is in ZenQMS's list no longer.
const roleGone = "ZenQMS no longer has it"

// checkRoles finds out, once a walk, whether the mapped roles still exist. One
// that does not is frozen: nobody is given it, nobody loses it. A renamed one
// is the same role.
func (wk *walk) checkRoles(ctx context.Context) error {
	var rules []store.RoleRule
	if err := wk.DB.View(ctx, func(tx *store.Tx) (err error) {
		rules, err = tx.RoleRules()
		return err
	}); err != nil || len(rules) == 0 {
		return err
	}
	roles, listErr := patiently(ctx, func(ctx context.Context) ([]zenqms.Role, error) { return wk.ZenQMS.Roles(ctx) })
	if listErr != nil && ctx.Err() != nil {
		return listErr
	}
	return wk.DB.Update(ctx, func(tx *store.Tx) error {
		for _, rule := range rules {
			i := slices.IndexFunc(roles, func(r zenqms.Role) bool { return r.ID == rule.RoleID })
			why := ""
			switch {
			case listErr != nil:
				why = listErr.Error()
			case i < 0:
				why = roleGone
			case roles[i].Name != rule.RoleName:
				wk.Log.Warn("a mapped role was renamed in ZenQMS: it is the same role", "role", rule.RoleID, "run", wk.run.ID)
			}
			if why != "" {
				wk.Log.Warn("a mapped role cannot be found: nobody is given it and nobody loses it", "role", rule.RoleID, "run", wk.run.ID)
			}
			if err := tx.FreezeRole(rule.RoleID, why); err != nil {
				return err
			}
		}
		return nil
	})
}

// roleChange is one mapped role whose holder's groups say something else than
// when roles were last applied, or, with push, than ZenQMS.
type roleChange struct {
	rule store.RoleRule
	want bool // his groups give it to him
}

// roleChanges is rule W3, which is W1 role by role: the groups now are
// compared with the groups last applied, so what a hand gave or took stays
// until his membership for that role changes. A role that cannot be found, and
// a loss while a group that feeds it cannot be read, wait.
func (f Facts) roleChanges() []roleChange {
	var all []roleChange
	for _, rule := range f.Roles {
		want := slices.Contains(f.Entitled, rule.RoleID)
		was, known := f.was(rule.RoleID)
		if want == was && known && !f.Push || rule.Frozen != "" || !want && rule.Unread != "" {
			continue
		}
		all = append(all, roleChange{rule, want})
	}
	return all
}

// applied are the ids of the mapped roles that his groups gave him when roles
// were last applied to the account he has; none to an account that is new to
// him because the linked one is lost (rule L5).
func (f Facts) applied() []string {
	if f.Link == nil || f.Asked && f.lost() {
		return nil
	}
	return f.Link.Entitled
}

// maybe stands, among the roles last applied, before one that a call was to
// change and whose outcome was never recorded: it may have happened.
const maybe = "?"

// nothing stands among the roles last applied of a link whose first sync has
// not come to its end: none were.
const nothing = "-"

// linkIsNew tells whether no sync of his has come to its end since his account
// was found or made.
func (f Facts) linkIsNew() bool { return f.Link == nil || slices.Contains(f.Link.Entitled, nothing) }

// was tells whether a role is among those last applied, and whether that is
// known.
func (f Facts) was(roleID string) (applied, known bool) {
	return slices.Contains(f.applied(), roleID), !slices.Contains(f.applied(), maybe+roleID)
}

// rolesMoved tells whether his groups ask for other roles than last applied.
func (f Facts) rolesMoved() bool {
	g := f
	g.Push = false
	return len(g.roleChanges()) > 0
}

// mayLose tells whether there is a mapped role that the user's groups do not
// give him and that he has: by his account, or where ZenQMS was not asked by
// what it last answered.
func (f Facts) mayLose(account *zenqms.User) bool {
	return slices.ContainsFunc(f.Roles, func(rule store.RoleRule) bool {
		if slices.Contains(f.Entitled, rule.RoleID) {
			return false
		}
		if account != nil {
			return slices.ContainsFunc(account.Roles, func(r zenqms.Role) bool { return r.ID == rule.RoleID })
		}
		was, known := f.was(rule.RoleID)
		return was || !known || f.Link != nil && slices.Contains(f.Link.Roles, rule.RoleName)
	})
}

// withRoles adds to a decision the roles that an account is to gain and lose.
func (f Facts) withRoles(d Decision, account zenqms.User) Decision {
	for _, c := range f.roleChanges() {
		role := zenqms.Role{ID: c.rule.RoleID, Name: c.rule.RoleName}
		has := slices.ContainsFunc(account.Roles, func(r zenqms.Role) bool { return r.ID == role.ID })
		switch {
		case c.want && !has:
			d.Add = append(d.Add, role)
		case !c.want && has:
			d.Remove = append(d.Remove, role)
		}
	}
	return d
}

// entitledNow is what is kept as applied: what his groups ask for, but for
// roles that could not be set now, which stay as they were and are tried again.
func (f Facts) entitledNow(waiting []string) []string {
	var ids []string
	changes := f.roleChanges()
	for _, rule := range f.Roles {
		want := slices.Contains(f.Entitled, rule.RoleID)
		was, known := f.was(rule.RoleID)
		settled := want == was && known || slices.ContainsFunc(changes, func(c roleChange) bool { return c.rule.RoleID == rule.RoleID })
		open := !settled || slices.Contains(waiting, rule.RoleID)
		switch {
		case open && !known:
			ids = append(ids, maybe+rule.RoleID)
		case open && was, !open && want:
			ids = append(ids, rule.RoleID)
		}
	}
	return ids
}
