package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
	head, err := tx.LogHead()
	if err != nil {
		return err
	}
	attempt := head.Seq + 1
	for _, row := range rows {
		changes, err := changesArg(row.Changes)
		if err != nil {
			return fmt.Errorf("log: %w", err)
		}
		head.Seq++
		fields := []any{head.Seq, attempt, FormatTime(tx.Now), row.Origin, idArg(row.Run), textArg(row.Event), textArg(row.Actor),
			textArg(row.OktaID), textArg(row.ZenQMSID), string(row.Action), string(row.Outcome), changes, textArg(row.Error)}
		if head.Hash, err = chainHash(head.Hash, fields); err != nil {
			return fmt.Errorf("log: %w", err)
		}
		if err := tx.run(`INSERT INTO log (seq, attempt, time, origin, run, event, actor, okta_id, zenqms_id, action, outcome, changes, error, hash)
			VALUES (`+placeholders(len(fields)+1)+`)`, append(fields, head.Hash)...); err != nil {
			return fmt.Errorf("log: write row %d: %w", head.Seq, err)
		}
	}
	return nil
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

// chainHash is the hash of a row: see the table's comment for the form.
func chainHash(before string, fields []any) (string, error) {
	var canonical bytes.Buffer
	enc := json.NewEncoder(&canonical)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(append([]any{before}, fields...)); err != nil {
		return "", err
	}
	sum := sha256.Sum256(bytes.TrimSuffix(canonical.Bytes(), []byte("\n")))
	return hex.EncodeToString(sum[:]), nil
}

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

// CheckLog reads the whole chain and returns its end, or an error that names
// the first row that is not as it was written. The chain has to contain
// earlier, an end that was noted before; a zero one is not looked for.
func (tx *Tx) CheckLog(earlier Head) (Head, error) {
	rows, err := tx.query(`SELECT seq, attempt, time, origin, run, event, actor, okta_id, zenqms_id, action, outcome,
		changes, error, hash FROM log ORDER BY seq`)
	if err != nil {
		return Head{}, fmt.Errorf("log: %w", err)
	}
	defer rows.Close()
	var head Head
	for rows.Next() {
		fields := make([]any, 13)
		dest := make([]any, 0, 14)
		for i := range fields {
			dest = append(dest, &fields[i])
		}
		var hash string
		if err := rows.Scan(append(dest, &hash)...); err != nil {
			return head, fmt.Errorf("log: row after %d: %w", head.Seq, err)
		}
		if seq, ok := fields[0].(int64); !ok || seq != head.Seq+1 {
			return head, fmt.Errorf("log: row %d is missing", head.Seq+1)
		}
		want, err := chainHash(head.Hash, fields)
		if err != nil {
			return head, fmt.Errorf("log: row %d: %w", head.Seq+1, err)
		}
		if hash != want {
			return head, fmt.Errorf("log: row %d is not as it was written", head.Seq+1)
		}
		head = Head{Seq: head.Seq + 1, Hash: hash}
		if head.Seq == earlier.Seq && head.Hash != earlier.Hash {
			return head, fmt.Errorf("log: row %d is not the one that was noted: the log was written anew", head.Seq)
		}
	}
	if err := rows.Err(); err != nil {
		return head, fmt.Errorf("log: %w", err)
	}
	if head.Seq < earlier.Seq {
		return head, fmt.Errorf("log: it ends at row %d, and row %d was noted: its tail was cut", head.Seq, earlier.Seq)
	}
	return head, nil
}

// LastLog returns when a user's log row of an action with an outcome was last
// written; zero when never.
func (tx *Tx) LastLog(oktaID string, action Action, outcome Outcome) (time.Time, error) {
	var at time.Time
	_, err := tx.find(`SELECT time FROM log WHERE okta_id = ? AND action = ? AND outcome = ? ORDER BY seq DESC LIMIT 1`,
		[]any{oktaID, string(action), string(outcome)}, timeOf{&at})
	return at, err
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
