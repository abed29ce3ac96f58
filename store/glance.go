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

// standsOut are the columns of a Glance that are not the Person's. It asks for
// what costs something only where it can matter: whom a group gives what where
// groups are mapped, and accounts for who has no link.
var standsOut = fmt.Sprintf(outOfScope, "d.okta_id") + `,
	       EXISTS (SELECT 1 FROM outbox o INDEXED BY outbox_pending WHERE o.okta_id = d.okta_id AND (o.state = 'open' OR o.state = 'running')),
	       EXISTS (SELECT 1 FROM skip s WHERE s.okta_id = d.okta_id),
	       l.okta_id IS NULL AND (EXISTS (SELECT 1 FROM account a WHERE a.external_id = d.okta_id AND a.external_id <> '')
	           OR EXISTS (SELECT 1 FROM account a WHERE a.address = d.address AND a.address <> '' AND a.external_id = '')),
	       l.okta_id IS NOT NULL,
	       coalesce(d.updated > coalesce(l.okta_updated, ''), 0) OR coalesce(d.status <> l.okta_status, 1),
	       coalesce(l.active, 0), coalesce(l.wish, ''),
	       CASE WHEN EXISTS (SELECT 1 FROM role_map) THEN ` + fmt.Sprintf(entitled, "d.okta_id") + ` ELSE '[]' END,
	       coalesce(l.entitled, '[]')`

func (g *Glance) dest() []any {
	return []any{&g.OutOfScope, &g.Open, &g.Skipped, &g.Claims, &g.Linked, &g.Moved, &g.Active, &g.Wish, &g.Entitlement, &g.Applied}
}

// places stands for a list of places, as placesArg writes it.
const places = `(SELECT value FROM json_each(?))`

func placesArg(list []int64) (string, error) { return jsonArg(list) }

var glanceQuery = `
	SELECT d.n, d.status, d.email, d.first_name, d.last_name, d.title, ` + standsOut + `
	FROM directory d LEFT JOIN link l ON l.okta_id = d.okta_id
	WHERE d.n IN ` + places + ` ORDER BY d.n`

// Glances calls look with who stands at places of the directory, in its order.
// Where nobody stands it is not called.
func (tx *Tx) Glances(at []int64, look func(Glance)) error {
	list, err := placesArg(at)
	if err != nil {
		return fmt.Errorf("directory: glance at %d places: %w", len(at), err)
	}
	rows, err := tx.query(glanceQuery, list)
	if err != nil {
		return fmt.Errorf("directory: glance at %d places: %w", len(at), err)
	}
	defer rows.Close()
	for rows.Next() {
		var g Glance
		if err := rows.Scan(append([]any{&g.N, &g.Status, &g.Email, &g.FirstName, &g.LastName, &g.Title}, g.dest()...)...); err != nil {
			return fmt.Errorf("directory: glance at %d places: %w", len(at), err)
		}
		look(g)
	}
	return rows.Err()
}

// Presence is what tells whether a list of Okta's users should have contained
// a user of the directory.
type Presence struct {
	N       int64
	Status  string
	Active  bool // linked, and active as ZenQMS last answered
	Skipped bool
}

// Presences calls look with who stands at places of the directory, in its
// order. Where nobody stands it is not called.
func (tx *Tx) Presences(at []int64, look func(Presence)) error {
	list, err := placesArg(at)
	if err != nil {
		return fmt.Errorf("directory: see who is at %d places: %w", len(at), err)
	}
	all, err := collect(tx, func(s scanner) (p Presence, err error) { return p, s.Scan(&p.N, &p.Status, &p.Active, &p.Skipped) }, `
		SELECT d.n, d.status, coalesce(l.active, 0), EXISTS (SELECT 1 FROM skip s WHERE s.okta_id = d.okta_id)
		FROM directory d LEFT JOIN link l ON l.okta_id = d.okta_id
		WHERE d.n IN `+places+` ORDER BY d.n`, list)
	if err != nil {
		return fmt.Errorf("directory: see who is at %d places: %w", len(at), err)
	}
	for _, p := range all {
		look(p)
	}
	return nil
}

// LastPlace is the last place of the directory, 0 of an empty one.
func (tx *Tx) LastPlace() (n int64, err error) {
	if err := tx.row(`SELECT coalesce(max(n), 0) FROM directory`).Scan(&n); err != nil {
		return 0, fmt.Errorf("directory: find its end: %w", err)
	}
	return n, nil
}

// ActiveListed is how many users of the directory have an account that was
// active as ZenQMS last answered.
func (tx *Tx) ActiveListed() (n int64, err error) {
	if err := tx.row(`SELECT count(*) FROM link l WHERE l.active = 1 AND EXISTS (SELECT 1 FROM directory d WHERE d.okta_id = l.okta_id)`).Scan(&n); err != nil {
		return 0, fmt.Errorf("directory: count the active links: %w", err)
	}
	return n, nil
}

// PlacesWorkedOn are the places of those whom the log speaks of behind a row.
func (tx *Tx) PlacesWorkedOn(after int64) ([]int64, error) {
	all, err := collect(tx, func(s scanner) (n int64, err error) { return n, s.Scan(&n) },
		`SELECT DISTINCT d.n FROM log l JOIN directory d ON d.okta_id = l.okta_id WHERE l.seq > ?`, after)
	if err != nil {
		return nil, fmt.Errorf("directory: see who was worked on: %w", err)
	}
	return all, nil
}

// sightQuery is asked once for a page of users.
var sightQuery = `
	SELECT ` + personColumns + `, ` + standsOut + `
	FROM directory d LEFT JOIN link l ON l.okta_id = d.okta_id
	WHERE d.okta_id IN (SELECT value FROM json_each(?))`

// Sights glances at people whom Okta has just told of, in their order. Whom
// the directory does not have just so has the place 0, and is to be put there:
// there is nothing else to be seen of him.
func (tx *Tx) Sights(people []Person) ([]Glance, error) {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.OktaID
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("directory: look up a page: %w", err)
	}
	known := make(map[string]Glance, len(people))
	rows, err := tx.query(sightQuery, string(list))
	if err != nil {
		return nil, fmt.Errorf("directory: look up a page: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var g Glance
		if err := rows.Scan(append(g.Person.dest(), g.dest()...)...); err != nil {
			return nil, fmt.Errorf("directory: look up a page: %w", err)
		}
		known[g.OktaID] = g
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("directory: look up a page: %w", err)
	}
	sights := make([]Glance, len(people))
	for i, p := range people {
		if g, found := known[p.OktaID]; found && g.same(p) {
			sights[i] = g
		}
	}
	return sights, nil
}
