package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// Unlink is `zensync unlink`, the decommissioning (rule C3): the event hook
// goes, and every linked account in ZenQMS loses the external_id this program
// gave it. Nothing else of an account is touched, and accounts without a link
// are not touched at all.
//
// It works beside a worker that is up, without the worker's lock. That a
// worker sends nothing meanwhile is seen to by the state unlinking, which is
// on disk before the first call: unlike a lock it also holds after a crash, and
// for a worker that starts then. Two Unlinks at once are for the caller to
// prevent, by store.HookPart.
type Unlink struct {
	DB          *store.DB
	Okta        *okta.Client // nil: there is none, as NoOkta says
	NoOkta      error
	ZenQMS      *zenqms.Client
	Binding     Binding
	HookURL     string // public_url
	Actor       string
	Concurrency int // accounts worked on at once
}

// UnlinkResult is what came of an Unlink.
type UnlinkResult struct {
	Run               int64
	store.UnlinkCount       // of all that worked on this decommissioning
	Left              int64 // accounts that failed now: to be tried again
	HookErr           error // why the event hook may still be there; nil when it is not
}

// ErrUnfinished says that an unlinking was broken off. What is done is done,
// and to run it again goes on.
type ErrUnfinished struct{ Err error }

func (e *ErrUnfinished) Error() string {
	return fmt.Sprintf("the unlinking is not finished, run `zensync unlink` again to go on: %v", e.Err)
}
func (e *ErrUnfinished) Unwrap() error { return e.Err }

// Run unlinks, or goes on with an unlinking that was broken off. progress is
// told how many accounts were tried, of how many. What fails for one account is
// counted; what fails for all, such as a refused credential, is an
// *ErrUnfinished, and the state stays unlinking.
func (u *Unlink) Run(ctx context.Context, s UnlinkSurvey, progress func(done, total int64)) (UnlinkResult, error) {
	var r UnlinkResult
	err := u.DB.UpdateSorted(ctx, func(tx *store.Tx) (err error) {
		r.Run, err = u.begin(tx, s)
		return err
	})
	if err != nil {
		return r, err
	}
	if err := u.fence(ctx, r.Run); err != nil {
		return r, &ErrUnfinished{err}
	}
	if r.HookErr = u.removeHook(ctx); r.HookErr != nil && ctx.Err() != nil {
		return r, &ErrUnfinished{ctx.Err()}
	}
	orphans, err := u.orphans(ctx, r.Run)
	if err != nil {
		return r, &ErrUnfinished{err}
	}
	found := eachAccountOnce(slices.Concat(s.Found, orphans))
	c := &clearing{Unlink: u, run: r.Run, progress: progress, total: int64(len(found))}
	if err := c.all(ctx, found); err != nil {
		return r, &ErrUnfinished{err}
	}
	if r.HookErr != nil { // it may have been an outage
		r.HookErr = u.removeHook(ctx)
	}
	r.Left = c.failed
	err = u.DB.UpdateSorted(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		if r.Left == 0 {
			if err := u.end(tx, r); err != nil {
				return err
			}
		}
		r.UnlinkCount, err = tx.UnlinkCount(r.Run)
		return err
	})
	return r, err
}

// begin is what has to be on disk before the first call: from now on no worker
// takes anything, and what waits will not be done.
func (u *Unlink) begin(tx *store.Tx, s UnlinkSurvey) (run int64, err error) {
	if err := u.Binding.Check(tx); err != nil {
		return 0, err
	}
	now, err := StageOf(tx)
	if err != nil {
		return 0, err
	}
	anew := now.Life != Unlinking
	if anew { // else it keeps in whose name it began
		if err := enter(tx, Unlinking, u.Actor, ""); err != nil {
			return 0, err
		}
		if err := u.Binding.bind(tx); err != nil { // a lost store is bound to none
			return 0, err
		}
		for _, key := range []string{store.HookRemoved, store.UnlinkSweeps} {
			if err := tx.SetSetting(key, ""); err != nil {
				return 0, err
			}
		}
	}
	if s.Sweeps {
		if err := tx.SetSetting(store.UnlinkSweeps, "yes"); err != nil {
			return 0, err
		}
	}
	if err := tx.GiveUpRuns(closedByUnlink); err != nil {
		return 0, err
	}
	if err := tx.CloseOutbox(closedByUnlink); err != nil {
		return 0, err
	}
	if run, err = tx.UnlinkingRun(u.Actor); err != nil || !anew {
		return run, err
	}
	return run, tx.AppendLog(u.act(run, nil))
}

// act is the log's row of the operator's act, at its begin and, with what came of
// it, at its end (rule A1).
func (u *Unlink) act(run int64, changes map[string]store.Change) store.LogRow {
	return store.LogRow{Origin: "operator", Run: run, Actor: u.Actor, Action: store.ActUnlink, Outcome: store.OutcomeOK, Changes: changes}
}

const closedByUnlink = "closed by zensync unlink"

// fence waits until a worker that is up has nothing in its hands, and closes
// what a dead one left and what came meanwhile.
func (u *Unlink) fence(ctx context.Context, run int64) error {
	if _, err := Idle(ctx, u.DB); err != nil {
		return err
	}
	return u.DB.UpdateSorted(ctx, func(tx *store.Tx) error { return tx.CloseWholeOutbox(closedByUnlink) })
}

// end is the last step: the installation is unlinked, and what was only of use
// for links goes. Events, outbox, runs and log stay.
func (u *Unlink) end(tx *store.Tx, r UnlinkResult) error {
	if err := enter(tx, Unlinked, u.Actor, ""); err != nil {
		return err
	}
	for _, key := range []string{store.ScheduledUntil, store.AccountsRead} {
		if err := tx.SetSetting(key, ""); err != nil {
			return err
		}
	}
	for _, err := range []error{
		tx.CloseWholeOutbox(closedByUnlink), tx.GiveUpRuns(closedByUnlink), tx.Forget(), tx.ForgetFailures(r.Run),
	} {
		if err != nil {
			return err
		}
	}
	count, err := tx.UnlinkCount(r.Run)
	if err != nil {
		return err
	}
	if err := tx.CountRun(r.Run, count.Cleared+count.Unchanged, count.Unchanged, 0); err != nil {
		return err
	}
	why, hook := "", "deleted"
	if r.HookErr != nil {
		why = "the event hook is left in Okta: " + r.HookErr.Error()
		hook = "left in Okta"
	}
	if err := tx.AppendLog(u.act(r.Run, map[string]store.Change{
		"cleared": {New: count.Cleared}, "unchanged": {New: count.Unchanged}, "hook": {New: hook},
	})); err != nil {
		return err
	}
	return tx.EndRun(r.Run, why)
}

// removeHook deactivates and deletes the event hook: that of the stored id,
// else the one with this installation's name. An error says that it may still
// be there.
func (u *Unlink) removeHook(ctx context.Context) error {
	var removed string
	if err := u.DB.View(ctx, func(tx *store.Tx) (err error) {
		removed, err = tx.Setting(store.HookRemoved)
		return err
	}); err != nil || removed != "" {
		return err
	}
	if u.Okta == nil {
		return u.NoOkta
	}
	found, err := Deployment{DB: u.DB, Okta: u.Okta, HookURL: u.HookURL}.FindHook(ctx)
	if err != nil {
		return err
	}
	if found.Blind {
		return errors.New("the org does not let this app list its event hooks")
	}
	if found.ID != "" {
		if err := u.deleteHook(ctx, found.Hook); err != nil {
			return err
		}
	}
	return u.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		for key, value := range map[string]string{
			store.HookID: "", store.HookStatus: "", store.HookVerified: "", store.HookRemoved: store.FormatTime(tx.Now),
		} {
			if err := tx.SetSetting(key, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (u *Unlink) deleteHook(ctx context.Context, hook okta.Hook) error {
	if hook.Status != "INACTIVE" { // Okta deletes only one that is inactive
		if err := u.Okta.DeactivateHook(ctx, hook.ID); err != nil && !okta.IsNotFound(err) {
			return err
		}
	}
	if err := u.Okta.DeleteHook(ctx, hook.ID); err != nil && !okta.IsNotFound(err) {
		return err
	}
	return nil
}

// HookName says which event hook is meant, for a person who looks for it in
// Okta: by its name there, and by its id where the store knows it.
func (u *Unlink) HookName(id string) string {
	name := fmt.Sprintf("%q", Deployment{HookURL: u.HookURL}.HookName())
	if id != "" {
		name += " (" + id + ")"
	}
	return name
}
