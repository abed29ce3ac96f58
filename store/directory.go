package store

import (
	"fmt"
	"time"
)

// Deleted is the status the directory keeps for a user whose id read 404.
// Okta itself has no such status.
const Deleted = "DELETED"

// Person is an Okta user as the directory has him.
type Person struct {
	N             int64 // his place in the directory, for a walk's bit set
	OktaID        string
	Created       time.Time
	Updated       time.Time // Okta's lastUpdated
	Status        string
	Transitioning string
	Login         string
	Email         string
	FirstName     string
	LastName      string
	Title         string

	// OutOfScope says that the config limits zensync to groups he is in none
	// of. It is not the directory's: reading a Standing works it out.
	OutOfScope bool
}

const personColumns = `d.n, d.okta_id, d.created, d.updated, d.status, d.transitioning, d.login, d.email, d.first_name, d.last_name, d.title`

func (p *Person) dest() []any {
	return []any{&p.N, &p.OktaID, timeOf{&p.Created}, timeOf{&p.Updated}, &p.Status, &p.Transitioning,
		&p.Login, &p.Email, &p.FirstName, &p.LastName, &p.Title}
}

func scanPerson(s scanner) (Person, error) {
	var p Person
	err := s.Scan(p.dest()...)
	return p, err
}

// PutPerson writes a user into the directory and returns his place in it. A
// row that did not change is not written.
func (tx *Tx) PutPerson(p Person) (int64, error) {
	old, found, err := tx.Person(p.OktaID)
	if err != nil {
		return 0, err
	}
	if found && old.same(p) {
		return old.N, nil
	}
	var n int64
	err = tx.row(`
		INSERT INTO directory (okta_id, created, updated, status, transitioning, login, email, address, first_name, last_name, title)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (okta_id) DO UPDATE SET created = excluded.created, updated = excluded.updated, status = excluded.status,
		    transitioning = excluded.transitioning, login = excluded.login, email = excluded.email, address = excluded.address,
		    first_name = excluded.first_name, last_name = excluded.last_name, title = excluded.title
		RETURNING n`,
		p.OktaID, timeArg(p.Created), timeArg(p.Updated), p.Status, p.Transitioning, p.Login, p.Email, Address(p.Email),
		p.FirstName, p.LastName, p.Title).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("directory: write %s: %w", p.OktaID, err)
	}
	return n, nil
}

// same compares what Okta said of a user, to the millisecond that is stored.
func (p Person) same(q Person) bool {
	p.N, q.N, p.OutOfScope, q.OutOfScope = 0, 0, false, false
	p.Created, q.Created = p.Created.Truncate(time.Millisecond), q.Created.Truncate(time.Millisecond)
	p.Updated, q.Updated = p.Updated.Truncate(time.Millisecond), q.Updated.Truncate(time.Millisecond)
	sameTimes := p.Created.Equal(q.Created) && p.Updated.Equal(q.Updated)
	p.Created, q.Created, p.Updated, q.Updated = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return sameTimes && p == q
}

// Person returns a user of the directory, false when the store never saw him.
func (tx *Tx) Person(oktaID string) (Person, bool, error) {
	p, found, err := first(tx, scanPerson, `SELECT `+personColumns+` FROM directory d WHERE d.okta_id = ?`, oktaID)
	if err != nil {
		return p, false, fmt.Errorf("directory: read %s: %w", oktaID, err)
	}
	return p, found, nil
}

// MarkDeleted notes that a user's id read 404. One the directory does not
// know is left unknown: a 404 proves nothing about an id never seen.
func (tx *Tx) MarkDeleted(oktaID string) error {
	return tx.run(`UPDATE directory SET status = ?, transitioning = '' WHERE okta_id = ?`, Deleted, oktaID)
}

// Known tells whether this store has known an Okta id: in the directory or as
// a link.
func (tx *Tx) Known(oktaID string) (bool, error) {
	var known bool
	err := tx.row(`SELECT EXISTS (SELECT 1 FROM directory WHERE okta_id = ?1) OR EXISTS (SELECT 1 FROM link WHERE okta_id = ?1)`, oktaID).Scan(&known)
	return known, err
}

// PeopleAt returns everyone in the directory who has the address, oldest in
// Okta first, with whether he is linked.
func (tx *Tx) PeopleAt(address string) ([]Standing, error) {
	people, err := collect(tx, scanStanding, standingQuery+` WHERE d.address = ? AND d.address <> '' ORDER BY d.created, d.okta_id`, address)
	if err != nil {
		return nil, fmt.Errorf("directory: read who has an address: %w", err)
	}
	return people, nil
}

// Standing is where one user of the directory stands.
type Standing struct {
	Person
	Link *Link // nil: not linked
	// Entitled are the ids of the mapped roles his groups give him, in order.
	Entitled []string
	Skip     *Skip // nil: not skipped
	Open     bool  // a promise about him is open, running or waiting
	Asked    bool  // one of those is a deploy's or a manual sync's, and nobody has taken it yet
	Dead     bool  // a promise about him was given up
}

// outOfScope is NULL-safe for a user of whom only the id is known. While one of
// the groups of the scope cannot be read nobody leaves it (rule W4): who was in
// scope when something was last applied to his account is so still.
const outOfScope = `EXISTS (SELECT 1 FROM mapped_group WHERE purpose = 'scope') AND NOT EXISTS (
	           SELECT 1 FROM member m JOIN mapped_group g ON g.group_id = m.group_id WHERE m.okta_id = %[1]s AND g.purpose = 'scope')
	       AND NOT (EXISTS (SELECT 1 FROM mapped_group WHERE purpose = 'scope' AND frozen IS NOT NULL)
	           AND coalesce((SELECT wish FROM link WHERE okta_id = %[1]s), '') NOT IN ('', '` + WishGone + `', '` + WishOutOfScope + `'))`

const entitled = `(SELECT json_group_array(role_id) FROM (
	           SELECT DISTINCT r.role_id FROM member m JOIN role_map r ON r.group_id = m.group_id WHERE m.okta_id = %s ORDER BY r.role_id))`

var standingQuery = `
	SELECT ` + personColumns + `, ` + linkColumns + `, ` + skipColumns + `,
	       ` + fmt.Sprintf(outOfScope, "d.okta_id") + `, ` + fmt.Sprintf(entitled, "d.okta_id") + `,
	       EXISTS (SELECT 1 FROM outbox o INDEXED BY outbox_pending WHERE o.okta_id = d.okta_id AND (o.state = 'open' OR o.state = 'running')),
	       EXISTS (SELECT 1 FROM outbox o INDEXED BY outbox_pending WHERE o.okta_id = d.okta_id AND o.state = 'open' AND (o.origin = 'initial' OR o.origin = 'manual')),
	       EXISTS (SELECT 1 FROM outbox o WHERE o.okta_id = d.okta_id AND o.state = 'dead')
	FROM directory d LEFT JOIN link l ON l.okta_id = d.okta_id LEFT JOIN skip s ON s.okta_id = d.okta_id`

func scanStanding(s scanner) (Standing, error) {
	var st Standing
	var link nullLink
	var skip nullSkip
	dest := append(st.Person.dest(), link.dest()...)
	dest = append(dest, skip.dest()...)
	err := s.Scan(append(dest, &st.OutOfScope, jsonOf{&st.Entitled}, &st.Open, &st.Asked, &st.Dead)...)
	st.Link, st.Skip = link.value(), skip.value()
	return st, err
}

// Standing returns where a user stands. One the directory does not know has
// the place 0; his link, if any, is there all the same.
func (tx *Tx) Standing(oktaID string) (Standing, error) {
	st, found, err := first(tx, scanStanding, standingQuery+` WHERE d.okta_id = ?`, oktaID)
	if err != nil || found {
		return st, err
	}
	st.OktaID = oktaID
	if err := tx.row(`SELECT `+fmt.Sprintf(outOfScope, "?1")+`, `+fmt.Sprintf(entitled, "?1"), oktaID).Scan(&st.OutOfScope, jsonOf{&st.Entitled}); err != nil {
		return st, err
	}
	link, linked, err := tx.Link(oktaID)
	if err != nil {
		return st, err
	}
	skip, skipped, err := tx.Skip(oktaID)
	if linked {
		st.Link = &link
	}
	if skipped {
		st.Skip = &skip
	}
	return st, err
}
