package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// Relink moves a link by an operator's word, where rule L3 does not by itself:
// one person, two Okta users, and names that do not agree.
type Relink struct {
	New    string // Okta id of the user who gets the account: live and not linked
	Old    string // Okta id of the user who had it: linked and gone
	Actor  string
	Reason string
}

// ErrRelink says why a link cannot be moved.
var ErrRelink = errors.New("the link is not moved")

// ErrBusy is the ErrRelink that passes.
var ErrBusy = fmt.Errorf("%w: a sync of one of the two is under way or waits; try again when it is over", ErrRelink)

// Tried tells whether every promise about the two has met its first outcome, as
// RowsTried does, and nothing came that may be about them. Under what is still to be tried a link is not moved, and a
// worker that died may have left it: who relinks attends to it first.
func (r Relink) Tried(tx *store.Tx) (bool, error) {
	if unsorted, err := tx.Unsorted(); err != nil || unsorted {
		return false, err
	}
	var rows []int64
	for _, id := range []string{r.New, r.Old} {
		open, err := tx.OpenRows(id)
		if err != nil {
			return false, err
		}
		for _, row := range open {
			rows = append(rows, row.ID)
		}
	}
	return RowsTried(rows)(tx)
}

// Relink checks both users in Okta, moves the link in the store, and asks for
// a sync of the new user, which tells ZenQMS. It returns that promise.
func (w *Worker) Relink(ctx context.Context, r Relink) (row int64, err error) {
	status, err := w.statusOf(ctx, r.New)
	if err != nil {
		return 0, err
	}
	if w.Policy.Meaning(status) != Live {
		return 0, fmt.Errorf("%w: the new user %s is not live in Okta (%s)", ErrRelink, r.New, status)
	}
	if status, err = w.statusOf(ctx, r.Old); err != nil {
		return 0, err
	}
	if w.Policy.Meaning(status) != Gone {
		return 0, fmt.Errorf("%w: the old user %s is not gone in Okta (%s)", ErrRelink, r.Old, status)
	}
	err = w.DB.UpdateSorted(ctx, func(tx *store.Tx) error {
		if err := active(tx); err != nil { // a pause may have begun meanwhile
			return err
		}
		row, err = moveLink(tx, r)
		return err
	})
	if err == nil {
		w.DB.Nudge()
	}
	return row, err
}

// statusOf is a user's status in Okta, store.Deleted when his id reads 404.
func (w *Worker) statusOf(ctx context.Context, id string) (string, error) {
	u, err := w.Okta.User(ctx, id)
	if okta.IsNotFound(err) {
		return store.Deleted, nil
	}
	return u.Status, err
}

// moveLink is the part of Relink that must happen together.
func moveLink(tx *store.Tx, r Relink) (row int64, err error) {
	now, err := tx.Standing(r.New)
	if err != nil {
		return 0, err
	}
	old, err := tx.Standing(r.Old)
	switch {
	case err != nil:
		return 0, err
	case now.Link != nil:
		return 0, fmt.Errorf("%w: the new user %s is linked already, to ZenQMS user %s", ErrRelink, r.New, now.Link.ZenQMSID)
	case old.Link == nil:
		return 0, fmt.Errorf("%w: the old user %s is not linked", ErrRelink, r.Old)
	case old.Open || now.Open:
		return 0, ErrBusy
	}
	if err := tx.DropLink(r.Old); err != nil {
		return 0, err
	}
	if err := tx.PutLink(store.Link{OktaID: r.New, ZenQMSID: old.Link.ZenQMSID, Email: old.Link.Email, Active: old.Link.Active,
		Roles: old.Link.Roles, TakenFrom: r.Old}); err != nil {
		return 0, err
	}
	if err := tx.AppendLog(store.LogRow{Origin: "operator", Actor: r.Actor, OktaID: r.New, ZenQMSID: old.Link.ZenQMSID,
		Action: store.ActRelink, Outcome: store.OutcomeOK,
		Changes: map[string]store.Change{fieldExternalID: {Old: r.Old, New: r.New}, "reason": {New: r.Reason}}}); err != nil {
		return 0, err
	}
	return tx.Enqueue(store.Promise{OktaID: r.New, Origin: store.FromManual, Priority: store.ManualPriority, Actor: r.Actor})
}
