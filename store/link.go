package store

import (
	"database/sql"
	"fmt"
	"time"
)

// What stands for a wish where nothing is asked for but that an account is
// inactive, or left alone.
const (
	WishGone       = "gone"         // the user is gone, or his status means nothing known
	WishOutOfScope = "out of scope" // he is live, and in none of the groups of the scope
)

// Link says which ZenQMS user an Okta user is, and what was last applied.
type Link struct {
	OktaID      string
	ZenQMSID    string
	Email       string   // the address ZenQMS last answered with
	Active      bool     // as ZenQMS last answered
	Roles       []string // names, as ZenQMS last answered
	OktaUpdated time.Time
	OktaStatus  string
	Wish        string   // hash of what Okta and the config asked for, or WishGone or WishOutOfScope; "" before anything was applied
	TakenFrom   string   // the Okta id the account still carries after an operator's relink
	Entitled    []string // ids of the mapped roles his groups gave him when roles were last applied
	Created     time.Time
	AppliedAt   time.Time
}

const linkColumns = `l.okta_id, l.zenqms_id, l.email, l.active, l.roles, l.okta_updated, l.okta_status, l.wish, l.taken_from, l.entitled, l.created, l.applied_at`

// nullLink scans the columns of an outer join.
type nullLink struct {
	id     sql.NullString
	active sql.NullBool
	link   Link
}

func (n *nullLink) dest() []any {
	return []any{&n.id, textOf{&n.link.ZenQMSID}, textOf{&n.link.Email}, &n.active, jsonOf{&n.link.Roles}, timeOf{&n.link.OktaUpdated},
		textOf{&n.link.OktaStatus}, textOf{&n.link.Wish}, textOf{&n.link.TakenFrom}, jsonOf{&n.link.Entitled},
		timeOf{&n.link.Created}, timeOf{&n.link.AppliedAt}}
}

func (n *nullLink) value() *Link {
	if !n.id.Valid {
		return nil
	}
	n.link.OktaID, n.link.Active = n.id.String, n.active.Bool
	return &n.link
}

func scanLink(s scanner) (Link, error) {
	var n nullLink
	if err := s.Scan(n.dest()...); err != nil {
		return Link{}, err
	}
	return *n.value(), nil
}

// Link returns a user's link, false when he has none.
func (tx *Tx) Link(oktaID string) (Link, bool, error) {
	l, found, err := first(tx, scanLink, `SELECT `+linkColumns+` FROM link l WHERE l.okta_id = ?`, oktaID)
	if err != nil {
		return l, false, fmt.Errorf("read the link of %s: %w", oktaID, err)
	}
	return l, found, nil
}

// LinkOf returns the link of a ZenQMS user, false when he has none.
func (tx *Tx) LinkOf(zenqmsID string) (Link, bool, error) {
	l, found, err := first(tx, scanLink, `SELECT `+linkColumns+` FROM link l WHERE l.zenqms_id = ?`, zenqmsID)
	if err != nil {
		return l, false, fmt.Errorf("read the link of ZenQMS user %s: %w", zenqmsID, err)
	}
	return l, found, nil
}

// LinkAt returns the link whose ZenQMS user last answered with an address,
// false when there is none.
func (tx *Tx) LinkAt(address string) (Link, bool, error) {
	return first(tx, scanLink, `SELECT `+linkColumns+` FROM link l WHERE l.address = ? ORDER BY l.okta_id LIMIT 1`, address)
}

// PutLink writes a link. Links are one to one: a second Okta user of the same
// ZenQMS user is refused by the schema.
func (tx *Tx) PutLink(l Link) error {
	roles, err := jsonArg(l.Roles)
	if err != nil {
		return fmt.Errorf("write the link of %s: %w", l.OktaID, err)
	}
	entitled, err := jsonArg(l.Entitled)
	if err != nil {
		return fmt.Errorf("write the link of %s: %w", l.OktaID, err)
	}
	err = tx.run(`
		INSERT INTO link (okta_id, zenqms_id, email, address, active, roles, okta_updated, okta_status, wish, taken_from, entitled, created, applied_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (okta_id) DO UPDATE SET zenqms_id = excluded.zenqms_id, email = excluded.email, address = excluded.address,
		    active = excluded.active, roles = excluded.roles, okta_updated = excluded.okta_updated,
		    okta_status = excluded.okta_status, wish = excluded.wish, taken_from = excluded.taken_from,
		    entitled = excluded.entitled, applied_at = excluded.applied_at`,
		l.OktaID, l.ZenQMSID, l.Email, Address(l.Email), l.Active, roles, timeArg(l.OktaUpdated), l.OktaStatus, l.Wish, l.TakenFrom, entitled,
		FormatTime(tx.Now), FormatTime(tx.Now))
	if err != nil {
		return fmt.Errorf("write the link of %s to ZenQMS user %s: %w", l.OktaID, l.ZenQMSID, err)
	}
	return nil
}

// Unapply forgets what was last applied to a user's account, so that whoever
// looks next finds him moved; nothing happens when there is no link.
func (tx *Tx) Unapply(oktaID string) error {
	return tx.SetWish(oktaID, "")
}

// SetWish replaces what is kept of the wish last dealt with, for whoever deals
// with a user without a sync of his; nothing happens when there is no link.
func (tx *Tx) SetWish(oktaID, wish string) error {
	return tx.run(`UPDATE link SET wish = ? WHERE okta_id = ?`, wish, oktaID)
}

// SetEntitled replaces what is kept of the roles a user's groups gave him when
// roles were last applied; nothing happens when there is no link.
func (tx *Tx) SetEntitled(oktaID string, roleIDs []string) error {
	text, err := jsonArg(roleIDs)
	if err != nil {
		return fmt.Errorf("note the roles of %s: %w", oktaID, err)
	}
	return tx.run(`UPDATE link SET entitled = ? WHERE okta_id = ?`, text, oktaID)
}

// DropLink forgets a user's link; nothing happens when there is none.
func (tx *Tx) DropLink(oktaID string) error {
	return tx.run(`DELETE FROM link WHERE okta_id = ?`, oktaID)
}

// LinkCount counts the links by whether their ZenQMS user is active.
type LinkCount struct{ Active, Inactive int64 }

// LinkCount returns the counts.
func (tx *Tx) LinkCount() (LinkCount, error) {
	var c LinkCount
	// The index is a tenth of the table, which SQLite would read whole.
	err := tx.row(`SELECT count(*) FILTER (WHERE active), count(*) FILTER (WHERE NOT active) FROM link INDEXED BY link_active`).Scan(&c.Active, &c.Inactive)
	return c, err
}

// StandingLink is a link with its user's place in the directory, 0 when the
// directory does not have him.
type StandingLink struct {
	Link
	N int64
}

// LinksAfter returns up to limit links behind oktaID, ordered by Okta id.
func (tx *Tx) LinksAfter(oktaID string, limit int) ([]StandingLink, error) {
	return collect(tx, func(s scanner) (StandingLink, error) {
		var n nullLink
		var sl StandingLink
		err := s.Scan(append(n.dest(), idOf{&sl.N})...)
		if err == nil {
			sl.Link = *n.value()
		}
		return sl, err
	}, `SELECT `+linkColumns+`, d.n FROM link l LEFT JOIN directory d ON d.okta_id = l.okta_id
		WHERE l.okta_id > ? ORDER BY l.okta_id LIMIT ?`, oktaID, limit)
}
