package store

import (
	"fmt"
	"time"
)

// Hold is an action that waits for a person.
type Hold struct {
	ID     int64 // of the outbox row
	OktaID string
	Run    int64
	Action Action
	Reason string
	Since  time.Time
}

func scanHold(s scanner) (Hold, error) {
	var h Hold
	err := s.Scan(&h.ID, &h.OktaID, idOf{&h.Run}, &h.Action, textOf{&h.Reason}, timeOf{&h.Since})
	return h, err
}

const holdQuery = `SELECT id, okta_id, run, action, error, due FROM outbox WHERE state = 'held'`

// Holds returns every hold, the oldest first; of one run when run is not 0.
func (tx *Tx) Holds(run int64) ([]Hold, error) {
	return collect(tx, scanHold, holdQuery+` AND (?1 IS NULL OR run = ?1) ORDER BY id`, idArg(run))
}

// HoldsOf returns the holds of one user.
func (tx *Tx) HoldsOf(oktaID string) ([]Hold, error) {
	return collect(tx, scanHold, holdQuery+` AND okta_id = ? ORDER BY id`, oktaID)
}

// Hold returns one hold, false when the row is none (any more).
func (tx *Tx) Hold(id int64) (Hold, bool, error) {
	return first(tx, scanHold, holdQuery+` AND id = ?`, id)
}

// AddHold stores a promise that waits for a person from the start.
func (tx *Tx) AddHold(p Promise, action Action, reason string) error {
	now := FormatTime(tx.Now)
	if err := tx.run(`
		INSERT INTO outbox (okta_id, origin, priority, run, actor, action, state, due, created, error)
		VALUES (?, ?, ?, ?, ?, ?, 'held', ?, ?, ?)`,
		p.OktaID, p.Origin, p.Priority, idArg(p.Run), textArg(p.Actor), string(action), now, now, reason); err != nil {
		return fmt.Errorf("hold %s of %s: %w", action, p.OktaID, err)
	}
	return nil
}

// HoldRow makes a promise the worker of epoch had taken wait for a person.
func (tx *Tx) HoldRow(epoch, id int64, action Action, reason string) error {
	return tx.leave(epoch, id, `state = 'held', action = ?, cleared = '', due = ?, error = ?`, string(action), FormatTime(tx.Now), reason)
}

// Approve lets a hold through: its promise is due at once.
func (tx *Tx) Approve(id int64, actor string) error {
	return tx.run(`UPDATE outbox SET state = 'open', cleared = 'approved', due = ?, actor = ?, attempts = 0, error = NULL
		WHERE id = ? AND state = 'held'`, FormatTime(tx.Now), textArg(actor), id)
}

// Drop ends a hold that is not to be carried out.
func (tx *Tx) Drop(id int64, why string) error {
	return tx.run(`UPDATE outbox SET state = 'dropped', finished = ?, error = ? WHERE id = ? AND state = 'held'`, FormatTime(tx.Now), textArg(why), id)
}

// Discard remembers that a person does not want an action for a user as he is
// in Okta now.
func (tx *Tx) Discard(oktaID string, action Action) error {
	return tx.run(`
		INSERT INTO discard (okta_id, action, okta_updated, okta_status, entitled, said)
		SELECT ?1, ?2, d.updated, coalesce(d.status, ''), `+fmt.Sprintf(entitled, "?1")+`, ?3 FROM (SELECT 1) LEFT JOIN directory d ON d.okta_id = ?1
		ON CONFLICT (okta_id, action) DO UPDATE SET okta_updated = excluded.okta_updated, okta_status = excluded.okta_status,
		    entitled = excluded.entitled, said = excluded.said`,
		oktaID, string(action), FormatTime(tx.Now))
}

// ForgetDiscards forgets a person's no to what is wanted no more.
func (tx *Tx) ForgetDiscards(oktaID string, activate, deactivate, removeRole bool) error {
	return tx.run(`DELETE FROM discard WHERE okta_id = ? AND (action = 'activate' AND NOT ? OR action = 'deactivate' AND NOT ? OR action = 'remove_role' AND NOT ?)`,
		oktaID, activate, deactivate, removeRole)
}

// Discarded tells whether a person's no stands: it does until the user's
// lastUpdated or status in Okta is another, and a no to taking roles away until
// his groups give him other roles.
func (tx *Tx) Discarded(u Person, action Action) (bool, error) {
	var stands bool
	err := tx.row(`SELECT EXISTS (SELECT 1 FROM discard WHERE okta_id = ?1 AND action = ?2 AND okta_updated IS ?3 AND okta_status = ?4
		AND (action <> 'remove_role' OR entitled IN ('', `+fmt.Sprintf(entitled, "?1")+`)))`,
		u.OktaID, string(action), timeArg(u.Updated), u.Status).Scan(&stands)
	return stands, err
}

// Spent returns for how many users an action was let through since a time,
// and whether oktaID is one of them.
func (tx *Tx) Spent(action Action, since time.Time, oktaID string) (users int64, his bool, err error) {
	err = tx.row(`SELECT count(*), count(*) FILTER (WHERE okta_id = ?) > 0 FROM budget WHERE action = ? AND spent > ?`,
		oktaID, string(action), FormatTime(since)).Scan(&users, &his)
	return users, his, err
}

// Spend notes that an action is let through for a user now.
func (tx *Tx) Spend(action Action, oktaID string) error {
	return tx.run(`INSERT INTO budget (action, okta_id, spent) VALUES (?, ?, ?) ON CONFLICT (action, okta_id) DO UPDATE SET spent = excluded.spent`,
		string(action), oktaID, FormatTime(tx.Now))
}

// Refund gives back what was spent on an action that failed.
func (tx *Tx) Refund(action Action, oktaID string) error {
	return tx.run(`DELETE FROM budget WHERE action = ? AND okta_id = ?`, string(action), oktaID)
}

// PersonAt returns who stands at a place of the directory.
func (tx *Tx) PersonAt(n int64) (Standing, error) {
	st, err := scanStanding(tx.row(standingQuery+` WHERE d.n = ?`, n))
	if err != nil {
		return st, fmt.Errorf("directory: read place %d: %w", n, err)
	}
	return st, nil
}
