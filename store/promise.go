package store

import "time"

// DeadRow is a promise that was given up.
type DeadRow struct {
	ID     int64
	OktaID string
}

func scanDead(s scanner) (DeadRow, error) {
	var d DeadRow
	err := s.Scan(&d.ID, &d.OktaID)
	return d, err
}

// Dead returns every promise that was given up, the oldest first.
func (tx *Tx) Dead() ([]DeadRow, error) {
	return collect(tx, scanDead, `SELECT id, okta_id FROM outbox WHERE state = 'dead' ORDER BY id`)
}

// RowOf returns a run's promise about a user, the last if there are several,
// and one that is held only where there is no other.
func (tx *Tx) RowOf(run int64, oktaID string) (id int64, found bool, err error) {
	found, err = tx.find(`SELECT id FROM outbox WHERE run = ? AND okta_id = ? ORDER BY state = 'held', id DESC LIMIT 1`, []any{run, oktaID}, &id)
	return id, found, err
}

// DeadRow returns one of them, false when the row is none (any more).
func (tx *Tx) DeadRow(id int64) (DeadRow, bool, error) {
	return first(tx, scanDead, `SELECT id, okta_id FROM outbox WHERE id = ? AND state = 'dead'`, id)
}

// Reopen makes a promise that was given up due at once, as if it had never
// been tried, in the name of an operator.
func (tx *Tx) Reopen(id int64, actor string) error {
	return tx.run(`UPDATE outbox SET state = 'open', due = ?, attempts = 0, looks = 0, finished = NULL, error = NULL, actor = ?
		WHERE id = ? AND state = 'dead'`, FormatTime(tx.Now), textArg(actor), id)
}

// OpenRow is a promise about a user that is not kept yet.
type OpenRow struct {
	ID       int64
	Origin   Origin
	State    State
	Attempts int
	Due      time.Time
	Error    string
}

// OpenRows returns the promises about a user that are open, running, held or
// dead, the oldest first.
func (tx *Tx) OpenRows(oktaID string) ([]OpenRow, error) {
	return collect(tx, func(s scanner) (r OpenRow, err error) {
		err = s.Scan(&r.ID, &r.Origin, &r.State, &r.Attempts, timeOf{&r.Due}, textOf{&r.Error})
		return r, err
	}, `SELECT id, origin, state, attempts, due, error FROM outbox WHERE okta_id = ? AND state IN ('open', 'running', 'held', 'dead') ORDER BY id`, oktaID)
}

// LetThrough tells whether an open promise about a user was let through the
// brake with an action: it counts no second time, and is not held.
func (tx *Tx) LetThrough(oktaID string, action Action) (through bool, err error) {
	err = tx.row(`
		SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_pending
		WHERE okta_id = ? AND (state = 'open' OR state = 'running') AND action = ? AND cleared <> '')`, oktaID, action).Scan(&through)
	return through, err
}

// EndedSince tells whether a promise about a user ended at a time or later.
func (tx *Tx) EndedSince(oktaID string, since time.Time) (ended bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM outbox WHERE okta_id = ? AND finished >= ?)`, oktaID, FormatTime(since)).Scan(&ended)
	return ended, err
}
