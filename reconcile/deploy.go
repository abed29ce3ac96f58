package reconcile

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// Binding is the pair of servers a store belongs to (rule C7).
type Binding struct{ OktaURL, ZenQMSURL string }

// ErrForeign says that the config names other servers than those the store
// was made with: a sandbox's ids are other people in production.
type ErrForeign struct{ Have, Want Binding }

func (e *ErrForeign) Error() string {
	return fmt.Sprintf("this store belongs to %s and %s, the config names %s and %s: use another store.path for another pair of servers",
		e.Have.OktaURL, e.Have.ZenQMSURL, e.Want.OktaURL, e.Want.ZenQMSURL)
}

// Check refuses a store that belongs to another pair. One that belongs to
// none yet passes.
func (b Binding) Check(tx *store.Tx) error {
	oktaURL, err := tx.Setting(store.BoundOkta)
	if err != nil {
		return err
	}
	zenqmsURL, err := tx.Setting(store.BoundZenQMS)
	if err != nil {
		return err
	}
	have := Binding{oktaURL, zenqmsURL}
	if have != (Binding{}) && have != b {
		return &ErrForeign{Have: have, Want: b}
	}
	return nil
}

// bind makes the store belong to these servers.
func (b Binding) bind(tx *store.Tx) error {
	if err := tx.SetSetting(store.BoundOkta, b.OktaURL); err != nil {
		return err
	}
	return tx.SetSetting(store.BoundZenQMS, b.ZenQMSURL)
}

// Deployable checks that a deploy may begin: not on another pair's store, not
// during a pause, and not half-way through an unlinking.
func (b Binding) Deployable(tx *store.Tx) error { return b.May(tx, New, Active, Unlinked) }

// Deployment is what `zensync deploy` sets up: the binding, the event hook and
// the initial sync. It may be repeated at any time (rule C4).
type Deployment struct {
	DB      *store.DB
	Okta    *okta.Client
	Binding Binding
	Policy  Policy
	HookURL string              // public_url
	Secret  string              // what Okta is to send as Authorization
	Actor   string              // the operator
	Groups  []store.MappedGroup // of sync.groups, resolved
	Roles   []store.RolePair    // of roles, resolved
}

// HookName is what the event hook is called in Okta, so that a person and the
// next deploy recognise it.
func (d Deployment) HookName() string {
	if u, err := url.Parse(d.HookURL); err == nil && u.Host != "" {
		return "zensync " + u.Host
	}
	return "zensync"
}

// Events are the event types to subscribe to (rule E1).
func (d Deployment) Events() []string {
	events := []string{store.UserCreate, store.UserActivate, store.UserDeactivate, store.UserSuspend, store.UserUnsuspend,
		store.UserReactivate, store.UserDeleteInitiated, store.UserUpdateProfile}
	if d.Policy.Meaning("LOCKED_OUT") != meanings["LOCKED_OUT"] {
		events = append(events, store.UserLock, store.UserUnlock)
	}
	if len(d.Groups) > 0 || len(d.Roles) > 0 {
		events = append(events, store.MemberAdd, store.MemberRemove, store.GroupDelete)
	}
	return events
}

// FoundHook is the event hook a deploy will reuse, if it can tell.
type FoundHook struct {
	okta.Hook
	Blind bool // Okta does not let us list: an older hook may be left behind
}

// FindHook looks for this installation's hook: by its stored id, then by name
// and URL. An empty ID means that there is none.
func (d Deployment) FindHook(ctx context.Context) (FoundHook, error) {
	var stored string
	if err := d.DB.View(ctx, func(tx *store.Tx) (err error) {
		stored, err = tx.Setting(store.HookID)
		return err
	}); err != nil {
		return FoundHook{}, err
	}
	if stored != "" {
		hook, err := d.Okta.Hook(ctx, stored)
		switch {
		case err == nil:
			return FoundHook{Hook: hook}, nil
		case judge(err) == forbidden:
			return FoundHook{Hook: okta.Hook{ID: stored}}, nil // want of a read scope: the stored id serves
		case !okta.IsNotFound(err):
			return FoundHook{}, fmt.Errorf("look for the event hook %s: %w", stored, err)
		}
	}
	hooks, err := d.Okta.Hooks(ctx)
	if judge(err) == forbidden && err != nil {
		return FoundHook{Blind: true}, nil
	}
	if err != nil {
		return FoundHook{}, fmt.Errorf("list the event hooks: %w", err)
	}
	i := slices.IndexFunc(hooks, func(h okta.Hook) bool { return h.Name == d.HookName() && h.URL == d.HookURL })
	if i < 0 {
		i = slices.IndexFunc(hooks, func(h okta.Hook) bool { return h.Name == d.HookName() })
	}
	if i < 0 {
		return FoundHook{}, nil
	}
	return FoundHook{Hook: hooks[i]}, nil
}

// EnsureHook makes or updates the event hook and has Okta verify it, which
// calls the relay. The id is stored before the verification, so that a failed
// deploy does not leave a hook that the next one cannot find.
//
// The caller holds store.HookPart, and has found the hook since: two who find
// none would make one each.
func (d Deployment) EnsureHook(ctx context.Context, found FoundHook) (okta.Hook, error) {
	spec := okta.HookSpec{Name: d.HookName(), URL: d.HookURL, Secret: d.Secret, Events: d.Events()}
	hook, err := d.putHook(ctx, found, spec)
	if err != nil {
		return hook, err
	}
	if err := d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.SetSetting(store.HookVerified, ""); err != nil { // so far
			return err
		}
		return tx.SetSetting(store.HookID, hook.ID)
	}); err != nil {
		return hook, err
	}
	if hook.Status == "INACTIVE" {
		if err := d.Okta.ActivateHook(ctx, hook.ID); err != nil {
			return hook, fmt.Errorf("activate the event hook %s: %w", hook.ID, err)
		}
	}
	verified, err := d.Okta.VerifyHook(ctx, hook.ID)
	if err != nil {
		return hook, &ErrUnverified{HookID: hook.ID, URL: d.HookURL, Err: err}
	}
	return verified, d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.SetSetting(store.HookStatus, verified.Status); err != nil {
			return err
		}
		return tx.SetSetting(store.HookVerified, store.FormatTime(tx.Now))
	})
}

// putHook updates the hook that was found, or makes one. A stored id that
// Okta no longer knows counts as not found.
func (d Deployment) putHook(ctx context.Context, found FoundHook, spec okta.HookSpec) (okta.Hook, error) {
	if found.ID != "" {
		hook, err := d.Okta.UpdateHook(ctx, found.ID, spec)
		if err == nil {
			return hook, nil
		}
		if !okta.IsNotFound(err) {
			return hook, fmt.Errorf("update the event hook %s: %w", found.ID, err)
		}
	}
	hook, err := d.Okta.CreateHook(ctx, spec)
	if err != nil {
		return hook, fmt.Errorf("make the event hook %q: %w", spec.Name, err)
	}
	return hook, nil
}

// ErrUnverified says that Okta could not verify the event hook: its call did
// not reach the relay, or the relay refused it.
type ErrUnverified struct {
	HookID, URL string
	Err         error
}

func (e *ErrUnverified) Error() string {
	return fmt.Sprintf("Okta could not verify the event hook %s at %s: %v", e.HookID, e.URL, e.Err)
}
func (e *ErrUnverified) Unwrap() error { return e.Err }

// SetMapping notes which groups and roles the config means.
func (d Deployment) SetMapping(tx *store.Tx) error {
	if err := tx.SetScopeGroups(d.Groups); err != nil {
		return err
	}
	return tx.SetRolePairs(d.Roles)
}

// Begin binds the store, makes the installation active, and asks for the
// initial sync. It returns the run's id.
func (d Deployment) Begin(ctx context.Context) (run int64, err error) {
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := d.Binding.Deployable(tx); err != nil {
			return err
		}
		if err := d.Binding.bind(tx); err != nil {
			return err
		}
		if err := enter(tx, Active, d.Actor, ""); err != nil {
			return err
		}
		if err := d.SetMapping(tx); err != nil {
			return err
		}
		served, err := tx.ScheduledUntil()
		if err != nil {
			return err
		}
		if served.IsZero() {
			if err := tx.SetSetting(store.ScheduledUntil, store.FormatTime(tx.Now)); err != nil {
				return err
			}
		}
		if run, err = tx.WantRun(store.InitialRun, d.Actor, tx.Now); err != nil {
			return err
		}
		return tx.AppendLog(store.LogRow{Origin: "operator", Run: run, Actor: d.Actor, Action: store.ActDeploy, Outcome: store.OutcomeOK})
	})
	if err != nil {
		return 0, err
	}
	d.DB.Nudge()
	return run, nil
}
