package store

import "fmt"

// Unlinked is what the decommissioning did with one account.
type Unlinked struct {
	Run      int64
	OktaID   string
	ZenQMSID string
	Email    string
	Outcome  Outcome // ok, unchanged or failed
	Error    string
}

// PutUnlinked records it as of now, in place of an earlier outcome.
func (tx *Tx) PutUnlinked(u Unlinked) error {
	var cleared any
	if u.Outcome == OutcomeOK {
		cleared = FormatTime(tx.Now)
	}
	err := tx.run(`
		INSERT INTO unlinked (run, zenqms_id, okta_id, email, tried, cleared_at, outcome, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (run, zenqms_id) DO UPDATE SET okta_id = excluded.okta_id, email = excluded.email, tried = excluded.tried,
		    cleared_at = excluded.cleared_at, outcome = excluded.outcome, error = excluded.error`,
		u.Run, u.ZenQMSID, u.OktaID, u.Email, FormatTime(tx.Now), cleared, string(u.Outcome), textArg(u.Error))
	if err != nil {
		return fmt.Errorf("record that ZenQMS user %s is unlinked: %w", u.ZenQMSID, err)
	}
	return nil
}

// UnlinkCount counts what the decommissioning of a run did.
type UnlinkCount struct{ Cleared, Unchanged, Failed int64 }

// UnlinkCount returns the counts.
func (tx *Tx) UnlinkCount(run int64) (UnlinkCount, error) {
	var c UnlinkCount
	err := tx.row(`
		SELECT count(*) FILTER (WHERE outcome = 'ok'), count(*) FILTER (WHERE outcome = 'unchanged'), count(*) FILTER (WHERE outcome = 'failed')
		FROM unlinked WHERE run = ?`, run).Scan(&c.Cleared, &c.Unchanged, &c.Failed)
	return c, err
}

// ForgetFailures drops the failures of a decommissioning that has nothing left
// to do: what failed was put right by hand.
func (tx *Tx) ForgetFailures(run int64) error {
	return tx.run(`DELETE FROM unlinked WHERE run = ? AND outcome = 'failed'`, run)
}

// UnlinkingRun returns the run of the decommissioning that is not over yet,
// and begins one when there is none.
func (tx *Tx) UnlinkingRun(actor string) (int64, error) {
	var id int64
	found, err := tx.find(`SELECT id FROM run WHERE kind = 'unlink' AND finished IS NULL`, nil, &id)
	if err != nil || found {
		return id, err
	}
	now := FormatTime(tx.Now)
	err = tx.row(`INSERT INTO run (kind, state, actor, wanted, started) VALUES ('unlink', 'running', ?, ?, ?) RETURNING id`,
		textArg(actor), now, now).Scan(&id)
	return id, err
}

// GiveUpRuns fails every walk that has not ended.
func (tx *Tx) GiveUpRuns(why string) error {
	return tx.run(`UPDATE run SET state = 'failed', finished = ?, error = ? WHERE finished IS NULL AND kind <> 'unlink'`, FormatTime(tx.Now), why)
}

// CloseOutbox ends every promise but those a worker has in its hands: open,
// held and dead ones are unlinked. What was last met with stays to be read.
func (tx *Tx) CloseOutbox(why string) error {
	return tx.closeOutbox(why, `('open', 'held', 'dead')`)
}

// CloseWholeOutbox is CloseOutbox for the time when no worker can be at work:
// what a dead one left running is closed as well.
func (tx *Tx) CloseWholeOutbox(why string) error {
	return tx.closeOutbox(why, `('open', 'held', 'dead', 'running')`)
}

func (tx *Tx) closeOutbox(why, states string) error {
	for _, part := range []string{
		`INDEXED BY outbox_pending SET state = 'unlinked', finished = ?, error = coalesce(error, ?) WHERE (state = 'open' OR state = 'running')`,
		`INDEXED BY outbox_stuck SET state = 'unlinked', finished = ?, error = coalesce(error, ?) WHERE (state = 'held' OR state = 'dead')`,
	} {
		if err := tx.run(`UPDATE outbox `+part+` AND state IN `+states, FormatTime(tx.Now), why); err != nil {
			return fmt.Errorf("close the outbox: %w", err)
		}
	}
	return nil
}

// TriedWithoutLink returns the users without a link of whom the decommissioning
// of a run closed a promise that a worker had in its hands once.
func (tx *Tx) TriedWithoutLink(run int64) ([]string, error) {
	return collect(tx, func(s scanner) (id string, err error) {
		err = s.Scan(&id)
		return id, err
	}, `
		SELECT DISTINCT o.okta_id FROM outbox o JOIN run r ON r.id = ?
		WHERE o.state = 'unlinked' AND o.claimed IS NOT NULL AND o.finished >= r.started
		  AND NOT EXISTS (SELECT 1 FROM link l WHERE l.okta_id = o.okta_id)
		ORDER BY o.okta_id`, run)
}

// InFlight counts the users a worker has in its hands, or had when it died.
func (tx *Tx) InFlight() (int64, error) {
	var n int64
	err := tx.row(`SELECT count(DISTINCT okta_id) FROM outbox INDEXED BY outbox_running WHERE state = 'running'`).Scan(&n)
	return n, err
}

// Forget empties what was only of use while there were links: the readings of
// both sides, the skips, and what was spent or said about the brake.
func (tx *Tx) Forget() error {
	for _, table := range []string{"directory", "account", "skip", "budget", "discard", "member"} {
		if err := tx.run(`DELETE FROM ` + table); err != nil {
			return fmt.Errorf("empty the table %s: %w", table, err)
		}
	}
	return nil
}
