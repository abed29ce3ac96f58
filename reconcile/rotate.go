package reconcile

import (
	"context"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// Rotatable checks that the hook's secret may be changed: the installation is
// deployed, with these servers. A pause does not matter, for Okta's events are
// stored during one.
func (b Binding) Rotatable(tx *store.Tx) error { return b.May(tx, Active, Paused) }

// Rotate has the event hook that was found send d.Secret from now on, has Okta
// verify it, and logs that its secret is another. The hook stays subscribed to
// what the last deploy made it for, whatever d says of groups and roles. It may
// be repeated. Between the two calls Okta may deliver nothing; the next walk
// finds what that was. After an error Okta may have either secret.
func (d Deployment) Rotate(ctx context.Context, found FoundHook) (okta.Hook, error) {
	if err := d.DB.View(ctx, func(tx *store.Tx) error {
		if err := d.Binding.Rotatable(tx); err != nil {
			return err
		}
		return d.recall(tx)
	}); err != nil {
		return okta.Hook{}, err
	}
	hook, err := d.EnsureHook(ctx, found)
	if err != nil {
		return hook, err
	}
	return hook, d.DB.Update(ctx, func(tx *store.Tx) error {
		return tx.AppendLog(store.LogRow{
			Origin: "operator", Actor: d.Actor, Action: store.ActConfig, Outcome: store.OutcomeOK,
			Changes: map[string]store.Change{"hook_secret": {New: "rotated"}}, // never its value
		})
	})
}

// recall takes the groups and roles from the store, as the last deploy resolved
// them.
func (d *Deployment) recall(tx *store.Tx) (err error) {
	if d.Groups, err = tx.ScopeGroups(); err != nil {
		return err
	}
	rules, err := tx.RoleRules()
	d.Roles = nil
	for _, rule := range rules {
		for _, group := range rule.Groups {
			d.Roles = append(d.Roles, store.RolePair{Group: store.MappedGroup{ID: group}, RoleID: rule.RoleID, RoleName: rule.RoleName})
		}
	}
	return err
}
