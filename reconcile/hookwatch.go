package reconcile

import (
	"context"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// watchHook finds out, once a walk, whether Okta still has the event hook, and
// still delivers to it: an administrator may have deleted it or switched it
// off. What it finds stands in the store, for status and alerts.
//
// A hook that cannot be read fails no walk, and leaves what is known of it as
// it is: to read it may take a scope that is not among those asked for (rule
// C4).
func (wk *walk) watchHook(ctx context.Context) error {
	var id, verified string
	if err := wk.DB.View(ctx, func(tx *store.Tx) (err error) {
		id, verified, err = hookKnown(tx)
		return err
	}); err != nil || id == "" {
		return err
	}
	hook, err := patiently(ctx, func(ctx context.Context) (okta.Hook, error) { return wk.Okta.Hook(ctx, id) })
	switch {
	case okta.IsNotFound(err):
		wk.Log.Error("Okta no longer knows the event hook: run `zensync deploy`", "hook", id, "run", wk.run.ID)
		hook = okta.Hook{Status: store.HookMissing}
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil && judge(err) == forbidden:
		wk.Log.Debug("the event hook cannot be read with the scopes there are", "hook", id, "run", wk.run.ID)
		return nil
	case err != nil:
		wk.Log.Warn("the event hook cannot be read", "hook", id, "run", wk.run.ID, "error", brief(err))
		return nil
	}
	return wk.DB.Update(ctx, func(tx *store.Tx) error {
		idNow, verifiedNow, err := hookKnown(tx)
		if err != nil || idNow != id || verifiedNow != verified {
			return err // a deploy was at it meanwhile, and knows better
		}
		switch {
		case hook.Verification != "VERIFIED":
			verified = ""
		case verified == "":
			verified = store.FormatTime(tx.Now) // by hand, in Okta's console
		}
		if err := tx.SetSetting(store.HookStatus, hook.Status); err != nil {
			return err
		}
		return tx.SetSetting(store.HookVerified, verified)
	})
}

// hookKnown is the event hook as the store knows it: its id, and when Okta
// verified it.
func hookKnown(tx *store.Tx) (id, verified string, err error) {
	if id, err = tx.Setting(store.HookID); err != nil {
		return id, "", err
	}
	verified, err = tx.Setting(store.HookVerified)
	return id, verified, err
}
