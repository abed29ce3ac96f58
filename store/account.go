package store

import (
	"fmt"
	"time"
)

// Account is a ZenQMS user as last read. It finds, it never concludes:
// whoever builds a verdict on it asks ZenQMS first.
type Account struct {
	ZenQMSID   string
	ExternalID string
	Email      string
	FirstName  string
	LastName   string
	Title      string
	Active     bool
	Roles      []AccountRole
}

// AccountRole is a role a ZenQMS user has.
type AccountRole struct{ ID, Name string }

const accountColumns = `zenqms_id, external_id, email, first_name, last_name, title, active, roles`

func scanAccount(s scanner) (Account, error) {
	var a Account
	err := s.Scan(&a.ZenQMSID, &a.ExternalID, &a.Email, &a.FirstName, &a.LastName, &a.Title, &a.Active, jsonOf{&a.Roles})
	return a, err
}

// PutAccount writes what ZenQMS answered about one of its users. generation
// names the reading of all users it belongs to; 0 keeps the one it had.
func (tx *Tx) PutAccount(a Account, generation int64) error {
	_, err := tx.putAccount(a, generation, latest)
	return err
}

// ListAccount is PutAccount for a row of a list that ZenQMS was asked for at a
// time: what was written down since is newer, and stays.
func (tx *Tx) ListAccount(a Account, generation int64, asked time.Time) error {
	written, err := tx.putAccount(a, generation, FormatTime(asked))
	if err != nil || written {
		return err
	}
	return tx.run(`UPDATE account SET generation = max(generation, ?) WHERE zenqms_id = ?`, generation, a.ZenQMSID)
}

// latest is behind every time.
const latest = "~"

// putAccount writes unless something was written down after a time.
func (tx *Tx) putAccount(a Account, generation int64, after string) (written bool, err error) {
	roles, err := jsonArg(a.Roles)
	if err != nil {
		return false, fmt.Errorf("index: write ZenQMS user %s: %w", a.ZenQMSID, err)
	}
	_, written, err = tx.insert(`
		INSERT INTO account (zenqms_id, external_id, email, address, first_name, last_name, title, active, roles, generation, told)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (zenqms_id) DO UPDATE SET external_id = excluded.external_id, email = excluded.email, address = excluded.address,
		    first_name = excluded.first_name, last_name = excluded.last_name, title = excluded.title, active = excluded.active, roles = excluded.roles,
		    generation = max(generation, excluded.generation), told = excluded.told
		WHERE told <= ?`,
		a.ZenQMSID, a.ExternalID, a.Email, Address(a.Email), a.FirstName, a.LastName, a.Title, a.Active, roles, generation, FormatTime(tx.Now), after)
	if err != nil {
		return false, fmt.Errorf("index: write ZenQMS user %s: %w", a.ZenQMSID, err)
	}
	return written, nil
}

// DropAccount forgets a ZenQMS user that is gone.
func (tx *Tx) DropAccount(zenqmsID string) error {
	return tx.run(`DELETE FROM account WHERE zenqms_id = ?`, zenqmsID)
}

// DropAccountsBefore forgets the ZenQMS users a complete reading no longer
// saw, but for those written meanwhile (they have the generation 0).
func (tx *Tx) DropAccountsBefore(generation int64) error {
	return tx.run(`DELETE FROM account WHERE generation < ? AND generation > 0`, generation)
}

// AccountByID returns a ZenQMS user of the index, false when it has none.
func (tx *Tx) AccountByID(zenqmsID string) (Account, bool, error) {
	return first(tx, scanAccount, `SELECT `+accountColumns+` FROM account WHERE zenqms_id = ?`, zenqmsID)
}

// AccountsByExternalID returns the ZenQMS users that carry an external id.
func (tx *Tx) AccountsByExternalID(externalID string) ([]Account, error) {
	return collect(tx, scanAccount, `SELECT `+accountColumns+` FROM account WHERE external_id = ? AND external_id <> '' ORDER BY zenqms_id`, externalID)
}

// AccountsAt returns the ZenQMS users that have an address.
func (tx *Tx) AccountsAt(address string) ([]Account, error) {
	return collect(tx, scanAccount, `SELECT `+accountColumns+` FROM account WHERE address = ? AND address <> '' ORDER BY zenqms_id`, address)
}
