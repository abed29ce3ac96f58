package store

import (
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// SkipCode is why a user is skipped, in one word.
type SkipCode string

const (
	SkipMissing   SkipCode = "missing"   // Okta lacks a field ZenQMS needs
	SkipConflict  SkipCode = "conflict"  // what he wants is somebody else's
	SkipAmbiguous SkipCode = "ambiguous" // it cannot be told whose account it is
	SkipRefused   SkipCode = "refused"   // ZenQMS said no
)

// Skip says that a user is not, or not wholly, in step, and why.
type Skip struct {
	OktaID      string
	Code        SkipCode
	Reason      string   // for a person: what is wrong and what to do
	Login       string   // as Okta has it, so that a person recognises him
	Email       string   // the address Okta asks for
	Fields      []string // of a linked user: what is held back; empty when the whole user waits
	OktaUpdated time.Time
	OktaStatus  string
	Wish        string
	Since       time.Time // when this code began to hold
	LastSeen    time.Time
}

const skipColumns = `s.okta_id, s.code, s.reason, s.login, s.email, s.fields, s.okta_updated, s.okta_status, s.wish, s.since, s.last_seen`

// nullSkip scans the columns of an outer join.
type nullSkip struct {
	id     sql.NullString
	code   string
	fields string
	skip   Skip
}

func (n *nullSkip) dest() []any {
	return []any{&n.id, textOf{&n.code}, textOf{&n.skip.Reason}, textOf{&n.skip.Login}, textOf{&n.skip.Email}, textOf{&n.fields},
		timeOf{&n.skip.OktaUpdated}, textOf{&n.skip.OktaStatus}, textOf{&n.skip.Wish}, timeOf{&n.skip.Since}, timeOf{&n.skip.LastSeen}}
}

func (n *nullSkip) value() *Skip {
	if !n.id.Valid {
		return nil
	}
	n.skip.OktaID, n.skip.Code, n.skip.Fields = n.id.String, SkipCode(n.code), strings.Fields(n.fields)
	return &n.skip
}

func scanSkip(s scanner) (Skip, error) {
	var n nullSkip
	if err := s.Scan(n.dest()...); err != nil {
		return Skip{}, err
	}
	return *n.value(), nil
}

// Skip returns a user's skip, false when he is not skipped.
func (tx *Tx) Skip(oktaID string) (Skip, bool, error) {
	s, found, err := first(tx, scanSkip, `SELECT `+skipColumns+` FROM skip s WHERE s.okta_id = ?`, oktaID)
	if err != nil {
		return s, false, fmt.Errorf("read the skip of %s: %w", oktaID, err)
	}
	return s, found, nil
}

// PutSkip writes a skip as of now. While its code stays the same, since stays
// what it was.
func (tx *Tx) PutSkip(s Skip) error {
	now := FormatTime(tx.Now)
	err := tx.run(`
		INSERT INTO skip (okta_id, code, reason, login, email, address, fields, okta_updated, okta_status, wish, since, last_seen)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (okta_id) DO UPDATE SET
		    since = CASE WHEN code = excluded.code THEN since ELSE excluded.since END,
		    code = excluded.code, reason = excluded.reason, login = excluded.login, email = excluded.email,
		    address = excluded.address, fields = excluded.fields, okta_updated = excluded.okta_updated,
		    okta_status = excluded.okta_status, wish = excluded.wish, last_seen = excluded.last_seen`,
		s.OktaID, s.Code, s.Reason, s.Login, s.Email, Address(s.Email), strings.Join(s.Fields, " "),
		timeArg(s.OktaUpdated), s.OktaStatus, s.Wish, now, now)
	if err != nil {
		return fmt.Errorf("write the skip of %s: %w", s.OktaID, err)
	}
	return nil
}

// SeeSkip notes that a waiting skip was found to hold still.
func (tx *Tx) SeeSkip(oktaID string) error {
	return tx.run(`UPDATE skip SET last_seen = ? WHERE okta_id = ?`, FormatTime(tx.Now), oktaID)
}

// DropSkip forgets a user's skip; nothing happens when there is none.
func (tx *Tx) DropSkip(oktaID string) error {
	return tx.run(`DELETE FROM skip WHERE okta_id = ?`, oktaID)
}

// SkipsAt returns the skips of those who want an address.
func (tx *Tx) SkipsAt(address string) ([]Skip, error) {
	return collect(tx, scanSkip, `SELECT `+skipColumns+` FROM skip s WHERE s.address = ? AND s.address <> '' ORDER BY s.okta_id`, address)
}

// SkipsAfter returns up to limit skips behind oktaID, ordered by Okta id.
func (tx *Tx) SkipsAfter(oktaID string, limit int) ([]Skip, error) {
	return collect(tx, scanSkip, `SELECT `+skipColumns+` FROM skip s WHERE s.okta_id > ? ORDER BY s.okta_id LIMIT ?`, oktaID, limit)
}

// SkipCount counts the skips by code.
func (tx *Tx) SkipCount() (map[SkipCode]int64, error) {
	type count struct {
		code SkipCode
		n    int64
	}
	counts, err := collect(tx, func(s scanner) (c count, err error) {
		err = s.Scan(&c.code, &c.n)
		return c, err
	}, `SELECT code, count(*) FROM skip GROUP BY code`)
	all := map[SkipCode]int64{}
	for _, c := range counts {
		all[c.code] = c.n
	}
	return all, err
}
