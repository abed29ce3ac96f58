package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"maps"

	"github.com/zensync/zensync/store"
)

// logRow is what the log says of every row of an attempt: who and why. Of
// several promises it names the one a person would: the event, else the
// operator, else the walk.
func (a *attempt) logRow() store.LogRow {
	row := store.LogRow{OktaID: a.claim.OktaID}
	if a.account != nil {
		row.ZenQMSID = a.account.ID
	} else if a.facts.Link != nil {
		row.ZenQMSID = a.facts.Link.ZenQMSID
	}
	rank := -1
	for _, r := range a.claim.Rows {
		if r.Run != 0 {
			row.Run = r.Run
		}
		if order := originRank[r.Origin]; order >= rank {
			rank, row.Origin, row.Event, row.Actor = order, string(r.Origin), r.EventUUID, r.Actor
		}
	}
	return row
}

var originRank = map[store.Origin]int{
	store.FromInitial: 0, store.FromReconcile: 1, store.FromManual: 2, store.FromHook: 3,
}

// logRows are the rows of an attempt that came through (rule A1): one for what
// was sent, one more for what is skipped, and at least one.
func logRows(a *attempt) []store.LogRow {
	var rows []store.LogRow
	other := a.logged || a.skip != nil || a.grip.held || a.roleGrip.held || len(a.added)+len(a.removed) > 0
	switch done := doneRows(a); {
	case len(done) > 0 && !a.logged:
		rows = done
	case len(done) == 0 && !other:
		row := a.logRow()
		row.Action, row.Outcome, row.Error = store.ActNone, store.OutcomeUnchanged, a.decision.Why
		rows = []store.LogRow{row}
	}
	rows = append(rows, roleRows(a)...)
	for _, g := range []grip{a.grip, a.roleGrip} {
		if g.held {
			row := a.logRow()
			row.Action, row.Outcome, row.Error = g.action, store.OutcomeHeld, g.reason
			if g.action == store.ActRemoveRole {
				row.Changes = map[string]store.Change{fieldRoles: {Old: namesOf(a.kept)}}
			}
			rows = append(rows, row)
		}
	}
	if a.skip != nil {
		row := a.logRow()
		row.Action, row.Outcome = store.ActSkip, store.OutcomeSkipped
		row.Error = string(a.skip.Code) + ": " + a.skip.Text
		rows = append(rows, row)
	}
	return rows
}

// doneRows is the row for what was done of an attempt before its roles, if
// anything was.
func doneRows(a *attempt) []store.LogRow {
	row := a.logRow()
	row.Action, row.Outcome = a.decision.Action, store.OutcomeOK
	switch {
	case row.Action == store.ActSkip || row.Action == store.ActNone || a.account == nil:
		return nil
	case a.decision.Create != nil:
		row.Changes = creation(*a.decision.Create)
	case a.decision.Target != nil:
		row.Changes = changes(*a.decision.Target, a.sent)
	}
	return []store.LogRow{row}
}

// failureRows are the rows of an attempt that did not come through: what was
// done nevertheless, and what failed.
func failureRows(a *attempt) []store.LogRow {
	rows := roleRows(a)
	if (a.decision.Create != nil && a.account != nil || !a.sent.Empty()) && !a.logged {
		rows = append(doneRows(a), rows...)
	}
	row := a.logRow()
	row.Action, row.Outcome, row.Error = cmp.Or(a.doing, a.decision.Action), store.OutcomeFailed, a.err.Error()
	if row.Action == "" || row.Action == store.ActSkip {
		row.Action = store.ActNone
	}
	return append(rows, row)
}

// roleRows are one row for the roles given and one for those taken away.
func roleRows(a *attempt) []store.LogRow {
	var rows []store.LogRow
	if len(a.added) > 0 {
		row := a.logRow()
		row.Action, row.Outcome, row.Changes = store.ActAddRole, store.OutcomeOK, map[string]store.Change{fieldRoles: {New: namesOf(a.added)}}
		rows = append(rows, row)
	}
	if len(a.removed) > 0 {
		row := a.logRow()
		row.Action, row.Outcome, row.Changes = store.ActRemoveRole, store.OutcomeOK, map[string]store.Change{fieldRoles: {Old: namesOf(a.removed)}}
		rows = append(rows, row)
	}
	return rows
}

// fieldApproval is the key among the changes of a row that says which person's
// word it follows, and why he gave it.
const fieldApproval = "approval"

// appendLog writes rows of an attempt to the log, and returns its number there.
func (a *attempt) appendLog(tx *store.Tx, rows []store.LogRow) (int64, error) {
	rows, err := a.withApprovals(tx, rows)
	if err != nil {
		return a.number, err
	}
	return tx.ContinueLog(a.number, rows...)
}

// withApprovals has the rows of what a person has approved name the approval:
// its row in the log, who gave it, and the reason (rule A1).
func (a *attempt) withApprovals(tx *store.Tx, rows []store.LogRow) ([]store.LogRow, error) {
	for _, promise := range a.claim.Rows {
		if promise.Cleared != store.Approved {
			continue
		}
		approval, found, err := tx.LastApproval(a.claim.OktaID, promise.Action)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		for i, row := range rows {
			if follows(row, promise.Action) {
				rows[i].Changes = maps.Clone(row.Changes)
				if rows[i].Changes == nil {
					rows[i].Changes = map[string]store.Change{}
				}
				rows[i].Changes[fieldApproval] = store.Change{New: fmt.Sprintf("row %d, %s: %s", approval.Seq, approval.Actor, approval.Reason)}
			}
		}
	}
	return rows, nil
}

// follows tells whether a row is what came of an approval: the action itself,
// or that it was not carried out. What else the same attempt has done, or is
// held of it, is not.
func follows(row store.LogRow, approved store.Action) bool {
	switch _, access := row.Changes[fieldActive]; {
	case row.Outcome == store.OutcomeHeld:
		return false
	case row.Outcome != store.OutcomeOK:
		return true
	case approved == store.ActRemoveRole:
		return row.Action == store.ActRemoveRole
	default:
		return access
	}
}

// ours tells whether an attempt failed through no fault of the user's or the
// other side's: this program is stopping, or its credential is refused.
func (a *attempt) ours() bool {
	var c *credentialError
	return cutOff(a.err) || errors.As(a.err, &c) || judge(a.err) == credential
}
