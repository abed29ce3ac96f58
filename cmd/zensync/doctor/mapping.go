package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// deployAnew is what to do after a change of the mapping.
const deployAnew = "run `zensync deploy`, or put the configuration back"

// known is what the last deploy has looked up.
type known struct {
	groups   []store.MappedGroup
	roles    []store.RoleRule
	outdated error // why the configuration's are others
}

// mapping reads what the last deploy has looked up; nothing before the first.
func (v *visit) mapping(ctx context.Context) (k known, err error) {
	if v.results["state"] != OK && v.results["state"] != Warning || v.stage.Life == reconcile.New {
		return k, nil
	}
	err = v.store.View(ctx, func(tx *store.Tx) (err error) {
		if k.groups, err = tx.MappedGroups(); err != nil {
			return err
		}
		if k.roles, err = tx.RoleRules(); err != nil {
			return err
		}
		for _, err := range []error{reconcile.CheckScope(tx, v.in.Sync.Groups), reconcile.CheckRoles(tx, v.in.Pairs)} {
			if errors.Is(err, reconcile.ErrGroups) || errors.Is(err, reconcile.ErrRoles) {
				k.outdated = err
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	return k, err
}

// groups looks for the groups that the configuration names: by id where a deploy
// has looked them up, else by name.
func (v *visit) groups(ctx context.Context) []Finding {
	names := slices.Clone(v.in.Sync.Groups)
	for _, p := range v.in.Pairs {
		names = append(names, p.Group)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return []Finding{skipped("no group is named in the configuration")}
	}
	k, err := v.mapping(ctx)
	if err != nil {
		return []Finding{failed(err.Error(), restored)}
	}
	var found []Finding
	if k.outdated != nil {
		found = append(found, failed("the configuration names others than the last deploy has looked up", deployAnew))
	}
	for _, name := range names {
		i := slices.IndexFunc(k.groups, func(g store.MappedGroup) bool { return g.Configured == name })
		if i >= 0 {
			found = append(found, v.mappedGroup(ctx, k.groups[i]))
			continue
		}
		found = append(found, v.namedGroup(ctx, name))
	}
	return found
}

func (v *visit) mappedGroup(ctx context.Context, g store.MappedGroup) Finding {
	now, err := v.okta.Group(ctx, g.ID)
	switch {
	case okta.IsNotFound(err):
		return failed(fmt.Sprintf("Okta has no group %s (%q) any more, or the app's role does not cover it", g.ID, g.Configured),
			"name another group, and run `zensync deploy`; or let the role cover it: "+oktaRole)
	case err != nil:
		return failed(fmt.Sprintf("the group %q: %s", g.Configured, words(err)), oktaAgain(err))
	case g.Frozen != "":
		return warning(fmt.Sprintf("the group %q can be read, but the last reconcile could not, and takes nothing from anybody for it", g.Configured),
			"`zensync reconcile` tries again")
	case now.Name != g.Name:
		return warning(fmt.Sprintf("the group %q is called %q in Okta by now: it is the same group", g.Configured, now.Name),
			"name it so in the configuration, and run `zensync deploy`")
	}
	return ok("the group %q is %s", g.Configured, g.ID)
}

func (v *visit) namedGroup(ctx context.Context, name string) Finding {
	groups, err := reconcile.ResolveGroups(ctx, v.okta, []string{name})
	switch {
	case errors.Is(err, reconcile.ErrGroups):
		return failed(err.Error(), "correct the name, or give the id")
	case err != nil:
		return failed(fmt.Sprintf("the group %q: %s", name, words(err)), oktaAgain(err))
	}
	return ok("the group %q is %s", name, groups[0].ID)
}

// oktaAgain is what to do about a group that Okta does not show.
func oktaAgain(err error) string {
	switch {
	case okta.IsScope(err):
		return "grant the scope " + groupScope + ": " + scopesTab
	case okta.StatusOf(err) == http.StatusForbidden:
		return "give the app a role that may read groups: " + oktaRole
	}
	return "try again in a minute"
}

// roles looks for the roles that the configuration names.
func (v *visit) roles(ctx context.Context) []Finding {
	if len(v.in.Pairs) == 0 {
		return []Finding{skipped("no role is named in the configuration")}
	}
	roles, err := v.zenqms.Roles(ctx)
	if err != nil {
		return []Finding{refusedByZenQMS(err)}
	}
	k, err := v.mapping(ctx)
	if err != nil {
		return []Finding{failed(err.Error(), restored)}
	}
	var found []Finding
	if k.outdated != nil || len(k.roles) == 0 {
		if k.outdated != nil {
			found = append(found, failed("the configuration names others than the last deploy has looked up", deployAnew))
		}
		var names []string
		for _, p := range v.in.Pairs {
			names = append(names, p.Role)
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			role, err := reconcile.FindRole(roles, name)
			if err != nil {
				found = append(found, failed(err.Error(), "correct the name, or give the id"))
				continue
			}
			found = append(found, v.allowed(role.Name, role.ID))
		}
		return found
	}
	for _, rule := range k.roles {
		role, err := reconcile.FindRole(roles, rule.RoleID)
		switch {
		case err != nil:
			found = append(found, failed(fmt.Sprintf("ZenQMS has no role %s (%q) any more: it is neither given nor taken", rule.RoleID, rule.RoleName),
				"name another role, and run `zensync deploy`"))
		case role.Name != rule.RoleName:
			found = append(found, warning(fmt.Sprintf("the role %q is called %q in ZenQMS by now: it is the same role", rule.RoleName, role.Name),
				"name it so in the configuration, and run `zensync deploy`"))
		default:
			found = append(found, v.allowed(role.Name, role.ID))
		}
	}
	return found
}

func (v *visit) allowed(name, id string) Finding {
	if pattern, refused := v.in.Safety.Refuses(name); refused {
		return failed(fmt.Sprintf("the role %q is one that safety.never_roles forbids (%q)", name, pattern),
			"give this role by hand in ZenQMS, or take the pattern out of safety.never_roles")
	}
	return ok("the role %q is %s", name, id)
}
