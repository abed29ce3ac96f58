package store

import (
	"fmt"
	"time"
)

// Alert is what an address was last told of a cause.
type Alert struct {
	Channel string // names the address without telling it
	Cause   string
	Gist    string // what was told, where more than one thing can be
	Size    int64  // of how many
	Told    time.Time
}

// Alerts returns what every address was last told.
func (tx *Tx) Alerts() ([]Alert, error) {
	return collect(tx, func(s scanner) (a Alert, err error) {
		err = s.Scan(&a.Channel, &a.Cause, &a.Gist, &a.Size, timeOf{&a.Told})
		return a, err
	}, `SELECT channel, cause, gist, size, told FROM alert ORDER BY channel, cause`)
}

// PutAlert notes what an address was told.
func (tx *Tx) PutAlert(a Alert) error {
	if err := tx.run(`INSERT INTO alert (channel, cause, gist, size, told) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (channel, cause) DO UPDATE SET gist = excluded.gist, size = excluded.size, told = excluded.told`,
		a.Channel, a.Cause, a.Gist, a.Size, FormatTime(a.Told)); err != nil {
		return fmt.Errorf("note what %s was told of %s: %w", a.Channel, a.Cause, err)
	}
	return nil
}

// DropAlert forgets what an address was told of a cause.
func (tx *Tx) DropAlert(channel, cause string) error {
	return tx.run(`DELETE FROM alert WHERE channel = ? AND cause = ?`, channel, cause)
}

// HeldActions counts what the brake holds, by action.
func (tx *Tx) HeldActions() (map[Action]int64, error) {
	type count struct {
		action Action
		n      int64
	}
	counts, err := collect(tx, func(s scanner) (c count, err error) {
		err = s.Scan(&c.action, &c.n)
		return c, err
	}, `SELECT action, count(*) FROM outbox WHERE state = 'held' GROUP BY action`)
	all := map[Action]int64{}
	for _, c := range counts {
		all[c.action] = c.n
	}
	return all, err
}

// Overlooked counts the users whom a run has changed in ZenQMS, who moved in
// Okta between two times, and of whom no event came since they did. slack is
// by how much Okta's clock may be ahead of this host's.
//
// Only what a user's own lastUpdated dates is counted: roles follow groups,
// whose changes it does not show.
func (tx *Tx) Overlooked(run int64, after, before time.Time, slack time.Duration) (users int64, err error) {
	type mover struct {
		id    string
		moved time.Time
	}
	movers, err := collect(tx, func(s scanner) (m mover, err error) {
		err = s.Scan(&m.id, timeOf{&m.moved})
		return m, err
	}, `SELECT DISTINCT d.okta_id, d.updated FROM log l JOIN directory d ON d.okta_id = l.okta_id
		WHERE l.run = ? AND l.origin = 'reconcile' AND l.outcome = 'ok'
		  AND l.action IN ('create', 'update', 'activate', 'deactivate', 'link', 'relink')
		  AND d.updated > ? AND d.updated < ?`, run, FormatTime(after), FormatTime(before))
	if err != nil {
		return 0, fmt.Errorf("look for what hooks should have brought: %w", err)
	}
	for _, m := range movers {
		var told bool
		if err := tx.row(`SELECT EXISTS (SELECT 1 FROM outbox o JOIN event e ON e.id = o.event WHERE o.okta_id = ?1 AND e.received >= ?2)
			OR EXISTS (SELECT 1 FROM arrival WHERE okta_id = ?1 AND received >= ?2)`,
			m.id, FormatTime(m.moved.Add(-slack))).Scan(&told); err != nil {
			return 0, fmt.Errorf("look for the events of %s: %w", m.id, err)
		}
		if !told {
			users++
		}
	}
	return users, nil
}
