package store

import (
	"fmt"
	"time"
)

// Pruning is how far the deletion of what is old has come. It deletes events,
// promises that have ended, the names of manual runs, and what a
// decommissioning did with each account.
//
// It leaves alone whatever is open, held or given up, and all that belongs to
// the users concerned or to those in the skip report: that is what reports of
// the present are about. It never touches the log.
type Pruning struct {
	Before  time.Time // what ended or came before
	Rows    int       // looked at in one step
	Deleted int64     // so far
	Done    bool

	table int
	place int64 // the id up to which the table was looked through
}

// prunes are the steps, a table each: what refers to others goes first.
var prunes = []func(*Tx, Pruning) (deleted, place int64, done bool, err error){
	pruneOutbox, pruneEvents,
	func(tx *Tx, p Pruning) (int64, int64, bool, error) {
		return tx.pruneSome(p, `DELETE FROM named WHERE (run, okta_id) IN (
			SELECT n.run, n.okta_id FROM run r JOIN named n ON n.run = r.id WHERE r.finished < ? LIMIT ?)`)
	},
	func(tx *Tx, p Pruning) (int64, int64, bool, error) {
		return tx.pruneSome(p, `DELETE FROM unlinked WHERE (run, zenqms_id) IN (
			SELECT u.run, u.zenqms_id FROM run r JOIN unlinked u ON u.run = r.id WHERE r.finished < ? LIMIT ?)`)
	},
}

// Prune makes one step. The caller makes the next one with what it returns, in
// another transaction, so that nobody waits for long.
func (tx *Tx) Prune(p Pruning) (Pruning, error) {
	deleted, place, done, err := prunes[p.table](tx, p)
	if err != nil {
		return p, fmt.Errorf("delete what is older than %s: %w", FormatTime(p.Before), err)
	}
	if p.Deleted, p.place = p.Deleted+deleted, place; done {
		p.table, p.place = p.table+1, 0
		p.Done = p.table == len(prunes)
	}
	if deleted > 0 {
		return p, tx.notePruned(p.Before)
	}
	return p, nil
}

// notePruned keeps for reports from when on what they list is all there was.
func (tx *Tx) notePruned(before time.Time) error {
	known, err := tx.Setting(PrunedBefore)
	if text := FormatTime(before); err == nil && text > known {
		err = tx.SetSetting(PrunedBefore, text)
	}
	return err
}

// window is the next part of a table, in the order of its ids: up to which id,
// and when the first row of it was made. One that begins too late, or is empty,
// is the end.
func (tx *Tx) window(p Pruning, table, made string) (last int64, done bool, err error) {
	var first, rows string
	err = tx.row(`SELECT coalesce(max(id), 0), coalesce(min(made), ''), count(*) FROM (SELECT id, `+made+` AS made FROM `+table+`
		WHERE id > ? ORDER BY id LIMIT ?)`, p.place, p.Rows).Scan(&last, &first, &rows)
	return last, rows == "0" || first >= FormatTime(p.Before), err
}

func pruneOutbox(tx *Tx, p Pruning) (deleted, last int64, done bool, err error) {
	if last, done, err = tx.window(p, "outbox", "created"); err != nil || done {
		return 0, last, done, err
	}
	deleted, err = tx.count(`
		DELETE FROM outbox
		WHERE id > ? AND id <= ? AND finished < ? AND state NOT IN ('open', 'running', 'held', 'dead')
		  AND NOT EXISTS (SELECT 1 FROM skip WHERE skip.okta_id = outbox.okta_id)
		  AND NOT EXISTS (SELECT 1 FROM outbox o INDEXED BY outbox_stuck WHERE (o.state = 'held' OR o.state = 'dead') AND o.okta_id = outbox.okta_id)
		  AND NOT EXISTS (SELECT 1 FROM outbox o INDEXED BY outbox_pending WHERE (o.state = 'open' OR o.state = 'running') AND o.okta_id = outbox.okta_id)`,
		p.place, last, FormatTime(p.Before))
	return deleted, last, false, err
}

func pruneEvents(tx *Tx, p Pruning) (deleted, last int64, done bool, err error) {
	if last, done, err = tx.window(p, "event", "received"); err != nil || done {
		return 0, last, done, err
	}
	deleted, err = tx.count(`
		DELETE FROM event
		WHERE id > ? AND id <= ? AND received < ? AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.event = event.id)`,
		p.place, last, FormatTime(p.Before))
	return deleted, last, false, err
}

// pruneSome deletes up to a step's rows by a statement that has the time and
// their number, until there are none.
func (tx *Tx) pruneSome(p Pruning, statement string) (deleted, place int64, done bool, err error) {
	deleted, err = tx.count(statement, FormatTime(p.Before), p.Rows)
	return deleted, 0, deleted < int64(p.Rows), err
}

// count is exec for statements of which the number of rows matters.
func (tx *Tx) count(query string, args ...any) (int64, error) {
	result, err := tx.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
