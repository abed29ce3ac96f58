package store

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
