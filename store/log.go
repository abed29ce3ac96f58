package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Action is what a log row is about.
type Action string

const (
	ActCreate     Action = "create"
	ActUpdate     Action = "update"
	ActActivate   Action = "activate"
	ActDeactivate Action = "deactivate"
	ActLink       Action = "link"
	ActRelink     Action = "relink"
	ActAddRole    Action = "add_role"
	ActRemoveRole Action = "remove_role"
	ActSkip       Action = "skip"
	ActNone       Action = "none"
	ActDeploy     Action = "deploy"
	ActConfig     Action = "config"
	ActApprove    Action = "approve"
	ActDiscard    Action = "discard"
	ActPause      Action = "pause"
	ActResume     Action = "resume"
	ActUnlink     Action = "unlink"
	ActVersion    Action = "version"
	ActRestore    Action = "restore"
	ActArchive    Action = "archive"
)

// Outcome is how it went.
type Outcome string

const (
	OutcomeOK        Outcome = "ok"
	OutcomeUnchanged Outcome = "unchanged"
	OutcomeSkipped   Outcome = "skipped"
	OutcomeHeld      Outcome = "held"
	OutcomeDropped   Outcome = "dropped"
	OutcomeFailed    Outcome = "failed"
)

// Change is one field, before and after.
type Change struct {
	Old any `json:"old"`
	New any `json:"new"`
}

// LogRow is one row of the log, without what AppendLog adds to it.
type LogRow struct {
	Origin   string // an Origin, "unlink" or "operator"
	Run      int64
	Event    string // uuid of the Okta event
	Actor    string
	OktaID   string
	ZenQMSID string
	Action   Action
	Outcome  Outcome
	Changes  map[string]Change
	Error    string
}

// AppendLog writes the rows of one attempt to the end of the chain.
func (tx *Tx) AppendLog(rows ...LogRow) error {
	_, err := tx.ContinueLog(0, rows...)
	return err
}

// ContinueLog is AppendLog for an attempt that may have rows already. It
// returns the attempt's number; 0 begins a new one.
func (tx *Tx) ContinueLog(attempt int64, rows ...LogRow) (int64, error) {
	head, err := tx.LogHead()
	if err != nil {
		return attempt, err
	}
	if attempt == 0 {
		attempt = head.Seq + 1
	}
	for _, row := range rows {
		changes, err := changesArg(row.Changes)
		if err != nil {
			return attempt, fmt.Errorf("log: %w", err)
		}
		head.Seq++
		fields := []any{head.Seq, attempt, FormatTime(tx.Now), row.Origin, idArg(row.Run), logText(row.Event), logText(row.Actor),
			logText(row.OktaID), logText(row.ZenQMSID), string(row.Action), string(row.Outcome), changes, logText(row.Error)}
		values, err := appendValues(nil, fields)
		if err != nil {
			return attempt, fmt.Errorf("log: %w", err)
		}
		head.Hash = chainHash(head.Hash, values)
		if err := tx.run(`INSERT INTO log (`+logColumns+`) VALUES (`+placeholders(len(fields)+1)+`)`, append(fields, head.Hash)...); err != nil {
			return attempt, fmt.Errorf("log: write row %d: %w", head.Seq, err)
		}
	}
	return attempt, nil
}

// Head is the end of the log's chain. Whoever noted it can tell later whether
// the tail was cut.
type Head struct {
	Seq  int64
	Hash string
}

// LogHead returns the end of the chain; of an empty log it is zero.
func (tx *Tx) LogHead() (Head, error) {
	var h Head
	if _, err := tx.find(`SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1`, nil, &h.Seq, &h.Hash); err != nil {
		return h, fmt.Errorf("log: read its end: %w", err)
	}
	return h, nil
}

// logText is a text as the log keeps it: the chain is over text alone, and an
// error may repeat bytes of another program's that are none.
func logText(s string) any { return textArg(strings.ToValidUTF8(s, "\uFFFD")) }

// changesArg is the changes as JSON with its keys in order, NULL when empty.
func changesArg(changes map[string]Change) (any, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(changes); err != nil {
		return nil, err
	}
	return string(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), nil
}

// LastLog returns when a user's log row of an action with an outcome was last
// written; zero when never.
func (tx *Tx) LastLog(oktaID string, action Action, outcome Outcome) (time.Time, error) {
	var at time.Time
	_, err := tx.find(`SELECT time FROM log WHERE okta_id = ? AND action = ? AND outcome = ? ORDER BY seq DESC LIMIT 1`,
		[]any{oktaID, string(action), string(outcome)}, timeOf{&at})
	return at, err
}

// Approval is a person's word that let what was held go through.
type Approval struct {
	Seq           int64 // of its row in the log
	Actor, Reason string
}

// LastApproval is the last one of an action for a user; false where the log
// has none (any more).
func (tx *Tx) LastApproval(oktaID string, held Action) (Approval, bool, error) {
	return first(tx, func(s scanner) (a Approval, err error) { return a, s.Scan(&a.Seq, textOf{&a.Actor}, textOf{&a.Reason}) }, `
		SELECT seq, actor, changes ->> '$.reason.new' FROM log INDEXED BY log_user
		WHERE okta_id = ? AND action = 'approve' AND changes ->> '$.held.old' = ? ORDER BY seq DESC LIMIT 1`, oktaID, string(held))
}

// LogAfter returns the log rows behind seq, in their order.
func (tx *Tx) LogAfter(seq int64) ([]LogRow, error) {
	rows, err := collect(tx, scanLogRow, `
		SELECT origin, run, event, actor, okta_id, zenqms_id, action, outcome, changes, error
		FROM log WHERE seq > ? ORDER BY seq`, seq)
	if err != nil {
		return nil, fmt.Errorf("log: read on from row %d: %w", seq, err)
	}
	return rows, nil
}

func scanLogRow(s scanner) (LogRow, error) {
	var r LogRow
	var changes string
	err := s.Scan(&r.Origin, idOf{&r.Run}, textOf{&r.Event}, textOf{&r.Actor}, textOf{&r.OktaID}, textOf{&r.ZenQMSID},
		&r.Action, &r.Outcome, textOf{&changes}, textOf{&r.Error})
	if err == nil && changes != "" {
		err = json.Unmarshal([]byte(changes), &r.Changes)
	}
	return r, err
}
