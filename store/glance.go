package store

import (
	"encoding/json"
	"fmt"
)

// Glance is as much of a user of the directory as tells whether a walk has to
// look closer. A walk glances at everybody and finds most of them quiet, so it
// holds no times, and nothing that has to be taken apart.
type Glance struct {
	Person             // but for ids, times and the login
	Open        bool   // a promise about him is open or running
	Skipped     bool   // he is in the skip report
	Claims      bool   // not linked, and the index knows an account that may be his
	Linked      bool   // what follows is of his link
	Moved       bool   // Okta's lastUpdated or status is past what was last applied
	Active      bool   // is_active as ZenQMS last answered
	Wish        string // hash of what was asked for when last applied
	Entitlement string // JSON of the mapped roles his groups give him
	Applied     string // the same when roles were last applied
}

// glanceQuery asks for what costs something only where it can matter: whom a
// group gives what where groups are mapped, and accounts for who has no link.
var glanceQuery = `
	SELECT d.n, d.status, d.email, d.first_name, d.last_name, d.title,
	       ` + fmt.Sprintf(outOfScope, "d.okta_id") + `,
	       EXISTS (SELECT 1 FROM outbox o INDEXED BY outbox_pending WHERE o.okta_id = d.okta_id AND (o.state = 'open' OR o.state = 'running')),
	       EXISTS (SELECT 1 FROM skip s WHERE s.okta_id = d.okta_id),
	       l.okta_id IS NULL AND (EXISTS (SELECT 1 FROM account a WHERE a.external_id = d.okta_id AND a.external_id <> '')
	           OR EXISTS (SELECT 1 FROM account a WHERE a.address = d.address AND a.address <> '' AND a.external_id = '')),
	       l.okta_id IS NOT NULL,
	       coalesce(d.updated > coalesce(l.okta_updated, ''), 0) OR coalesce(d.status <> l.okta_status, 1),
	       coalesce(l.active, 0), coalesce(l.wish, ''),
	       CASE WHEN EXISTS (SELECT 1 FROM role_map) THEN ` + fmt.Sprintf(entitled, "d.okta_id") + ` ELSE '[]' END,
	       coalesce(l.entitled, '[]')
	FROM directory d LEFT JOIN link l ON l.okta_id = d.okta_id
	WHERE d.n > ? ORDER BY d.n LIMIT ?`

// GlancesAfter calls look with up to limit users of the directory behind place
// n, in the directory's order, and returns how many there were.
func (tx *Tx) GlancesAfter(n int64, limit int, look func(Glance)) (int, error) {
	rows, err := tx.query(glanceQuery, n, limit)
	if err != nil {
		return 0, fmt.Errorf("directory: glance from %d on: %w", n, err)
	}
	defer rows.Close()
	count := 0
	for ; rows.Next(); count++ {
		var g Glance
		if err := rows.Scan(&g.N, &g.Status, &g.Email, &g.FirstName, &g.LastName, &g.Title, &g.OutOfScope,
			&g.Open, &g.Skipped, &g.Claims, &g.Linked, &g.Moved, &g.Active, &g.Wish, &g.Entitlement, &g.Applied); err != nil {
			return count, fmt.Errorf("directory: glance from %d on: %w", n, err)
		}
		look(g)
	}
	return count, rows.Err()
}

// Presence is what tells whether a list of Okta's users should have contained
// a user of the directory.
type Presence struct {
	N       int64
	Status  string
	Active  bool // linked, and active as ZenQMS last answered
	Skipped bool
}

// PresencesAfter calls look with up to limit users of the directory behind
// place n, in the directory's order, and returns how many there were.
func (tx *Tx) PresencesAfter(n int64, limit int, look func(Presence)) (int, error) {
	rows, err := tx.query(`
		SELECT d.n, d.status, coalesce(l.active, 0), EXISTS (SELECT 1 FROM skip s WHERE s.okta_id = d.okta_id)
		FROM directory d LEFT JOIN link l ON l.okta_id = d.okta_id
		WHERE d.n > ? ORDER BY d.n LIMIT ?`, n, limit)
	if err != nil {
		return 0, fmt.Errorf("directory: see who is there from %d on: %w", n, err)
	}
	defer rows.Close()
	count := 0
	for ; rows.Next(); count++ {
		var p Presence
		if err := rows.Scan(&p.N, &p.Status, &p.Active, &p.Skipped); err != nil {
			return count, fmt.Errorf("directory: see who is there from %d on: %w", n, err)
		}
		look(p)
	}
	return count, rows.Err()
}

// Places returns the places of people in the directory, in their order, and
// which of them the directory does not have just so: those have the place 0
// and are to be put there. It is one question for a page of users.
func (tx *Tx) Places(people []Person) (places []int64, changed []int, err error) {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.OktaID
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, nil, fmt.Errorf("directory: look up a page: %w", err)
	}
	rows, err := collect(tx, scanPerson, `SELECT `+personColumns+` FROM directory d WHERE d.okta_id IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return nil, nil, fmt.Errorf("directory: look up a page: %w", err)
	}
	known := make(map[string]Person, len(rows))
	for _, p := range rows {
		known[p.OktaID] = p
	}
	places = make([]int64, len(people))
	for i, p := range people {
		if old, found := known[p.OktaID]; found && old.same(p) {
			places[i] = old.N
		} else {
			changed = append(changed, i)
		}
	}
	return places, changed, nil
}
