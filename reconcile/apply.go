package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// apply carries a decision out in ZenQMS.
func (w *Worker) apply(ctx context.Context, a *attempt) error {
	a.skip = a.decision.Skip
	if a.decision.Target != nil {
		a.account = a.decision.Target
	}
	a.wrote = a.decision.Create != nil || !a.decision.Patch.Empty()
	switch {
	case a.decision.Create != nil:
		return w.create(ctx, a)
	case !a.decision.Patch.Empty():
		return w.patch(ctx, a)
	}
	return nil
}

// create makes the account. An answer that was lost, or an address that is
// taken, is cleared up by looking before anything is concluded (rule L1).
func (w *Worker) create(ctx context.Context, a *attempt) error {
	made, err := w.ZenQMS.Create(ctx, *a.decision.Create)
	if err == nil {
		w.outages.zenqms.answered(true)
		a.account = &made
		return nil
	}
	switch v := judge(err); {
	case v == retryLater:
		return w.findLost(ctx, a, err)
	case v == refused && statusOf(err) == http.StatusConflict:
		holders, searchErr := w.ZenQMS.ByEmail(ctx, a.decision.Create.Email)
		if searchErr != nil {
			return searchErr
		}
		if len(holders) > 0 {
			a.seen = append(a.seen, holders...)
			return errAgain
		}
		fallthrough
	case v == refused:
		a.skip = &Reason{Code: store.SkipRefused, Text: words(err)}
		a.decision.Action, a.account = store.ActSkip, nil
		return nil
	}
	return err
}

// findLost looks for the account of a create whose answer was lost: it may
// have happened. When it is not there, or cannot be looked for, the promise
// stays, and the next attempt searches before it repeats.
func (w *Worker) findLost(ctx context.Context, a *attempt, lost error) error {
	found, _, err := w.ZenQMS.ByExternalID(ctx, a.facts.User.OktaID)
	if err == nil && len(found) == 0 {
		found, err = w.ZenQMS.ByEmail(ctx, a.decision.Create.Email)
	}
	if err != nil {
		return lost
	}
	for _, u := range found {
		if u.ExternalID == a.facts.User.OktaID {
			a.account = &u
			return nil
		}
	}
	return lost
}

// patch sends what differs. What ZenQMS refuses holds back itself alone; the
// rest is sent without it (rule L4), and where nobody says whether it is the
// link or the activity, each by itself, the activity first.
func (w *Worker) patch(ctx context.Context, a *attempt) error {
	target := a.decision.Target
	var held []string
	var why []error
	for parts := []zenqms.Patch{a.decision.Patch}; len(parts) > 0; {
		p := parts[0]
		if parts = parts[1:]; p.Empty() {
			continue
		}
		u, err := w.ZenQMS.Update(ctx, target.ID, p)
		if err == nil {
			w.outages.zenqms.answered(true)
			a.account, a.sent = &u, with(a.sent, p)
			continue
		}
		switch v := judge(err); {
		case v == absent:
			a.vanished = append(a.vanished, target.ID)
			return errAgain
		case v == refused:
			fields := blamed(err, p)
			if len(fields) == 0 {
				parts = append(parts, only(p, fieldActive), only(p, fieldExternalID))
				continue
			}
			if w.Policy.Meaning(a.facts.User.Status) == Gone && slices.Contains(fields, fieldActive) {
				return err // a leaver is never left to the skip report: the promise stays until it is dead
			}
			held, why = append(held, fields...), append(why, err)
			parts = append(parts, without(p, fields...))
		case a.sent.Empty():
			return err
		default: // what was sent has to be written down; the rest is tried again at the next walk
			held, why = append(held, sentOf(p, []string{fieldExternalID, fieldActive})...), append(why, err)
		}
	}
	if len(held) == 0 {
		return nil
	}
	return w.holdBack(ctx, a, held, why)
}

// blamed names the fields of a patch that a refusal is about: those ZenQMS
// names; the address when it says "taken" without a name; else all texts; where
// there are none, the one field there is. None where that leaves two.
func blamed(err error, p zenqms.Patch) []string {
	var fields []string
	var z *zenqms.Error
	if errors.As(err, &z) {
		for _, f := range z.Fields {
			if has(p, f.Field) && !slices.Contains(fields, f.Field) {
				fields = append(fields, f.Field)
			}
		}
	}
	if len(fields) == 0 && statusOf(err) == http.StatusConflict && p.Email != nil {
		fields = []string{fieldEmail}
	}
	if len(fields) == 0 {
		fields = sentOf(p, texts)
	}
	if last := sentOf(p, []string{fieldExternalID, fieldActive}); len(fields) == 0 && len(last) == 1 {
		fields = last
	}
	return fields
}

func sentOf(p zenqms.Patch, fields []string) []string {
	var sent []string
	for _, f := range fields {
		if has(p, f) {
			sent = append(sent, f)
		}
	}
	return sent
}

// holdBack puts what was refused into the skip report. An address that is
// another account's is a conflict, which names that account; everything else
// is told in ZenQMS's words.
func (w *Worker) holdBack(ctx context.Context, a *attempt, held []string, why []error) error {
	reason := &Reason{Code: store.SkipRefused, Fields: held}
	texts := make([]string, len(why))
	for i, err := range why {
		texts[i] = words(err)
	}
	reason.Text = fmt.Sprintf("ZenQMS does not take %s: %s", strings.Join(held, ", "), strings.Join(texts, "; "))
	if slices.Contains(held, fieldEmail) {
		holder, err := w.holderOf(ctx, a, *a.decision.Patch.Email)
		if err != nil {
			return err
		}
		if holder != nil {
			if err := w.nameConflict(ctx, a, reason, *holder); err != nil {
				return err
			}
		}
	}
	if slices.Contains(held, fieldExternalID) && (a.facts.Link == nil || a.decision.DropLink) {
		reason.Fields = nil // without the link he waits as a whole
	}
	a.skip = reason
	if a.sent.Empty() {
		a.decision.Action = store.ActSkip
	} else if a.decision.Action != store.ActRelink || a.sent.ExternalID == nil {
		a.decision.Action = strongest(a.sent)
	}
	return nil
}

// holderOf is the account that has an address, nil when it is this user's own
// or nobody's.
func (w *Worker) holderOf(ctx context.Context, a *attempt, email string) (*zenqms.User, error) {
	holders, err := w.ZenQMS.ByEmail(ctx, email)
	if err != nil {
		return nil, err
	}
	a.seen = append(a.seen, holders...)
	for _, u := range holders {
		if u.ID != a.decision.Target.ID {
			return &u, nil
		}
	}
	return nil, nil
}

// words are what ZenQMS (or Okta) had to say, for the skip report.
func words(err error) string {
	var z *zenqms.Error
	if !errors.As(err, &z) {
		return err.Error()
	}
	var parts []string
	if z.Message != "" {
		parts = append(parts, z.Message)
	}
	for _, f := range z.Fields {
		parts = append(parts, strings.TrimPrefix(f.Field+": "+f.Message, ": "))
	}
	if len(parts) == 0 {
		return err.Error()
	}
	return strings.Join(parts, "; ")
}

func statusOf(err error) int {
	var z *zenqms.Error
	if errors.As(err, &z) {
		return z.Status
	}
	return 0
}
