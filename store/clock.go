package store

import (
	"fmt"
	"time"
)

// A clock that was ahead and has been set back leaves times in the store that
// are still to come. What compares itself with now would wait for them: the
// outbox for its attempts, the schedule for its walks, an alert for its turn.

// lastDueQuery asks each priority for itself, for that is the order of the index.
const lastDueQuery = `
	SELECT max((SELECT max(o.due) FROM outbox o WHERE o.state = 'open' AND o.priority = p.column1))
	FROM (VALUES (0), (1), (2), (3)) p`

// Ahead tells whether anything that the worker waits for is after latest: the
// caller's idea of how far ahead such a time can be by a clock that is right.
func (tx *Tx) Ahead(latest time.Time) (bool, error) {
	var due, wanted time.Time
	if _, err := tx.find(lastDueQuery, nil, timeOf{&due}); err != nil {
		return false, fmt.Errorf("look for work that is put off: %w", err)
	}
	if _, err := tx.find(`SELECT max(wanted) FROM run WHERE state = 'wanted'`, nil, timeOf{&wanted}); err != nil {
		return false, fmt.Errorf("look for runs that are put off: %w", err)
	}
	served, err := tx.ScheduledUntil()
	return due.After(latest) || wanted.After(latest) || served.After(latest), err
}

// Recall makes due at once what waits for a time after latest, and lets all
// that is reckoned from a time still to come be reckoned from now: the schedule
// and the tending of the store, what the brake has let through, and when whom
// was told of what.
func (tx *Tx) Recall(latest time.Time) error {
	now, far := FormatTime(tx.Now), FormatTime(latest)
	for _, update := range []string{
		`UPDATE outbox INDEXED BY outbox_open SET due = ?1 WHERE state = 'open' AND due > ?2`,
		`UPDATE run SET wanted = ?1 WHERE state = 'wanted' AND wanted > ?2`,
		`UPDATE setting SET value = ?1 WHERE key IN ('` + ScheduledUntil + `', '` + Upkept + `') AND value > ?1 AND ?2 <> ''`,
		`UPDATE budget SET spent = ?1 WHERE spent > ?1 AND ?2 <> ''`,
		`UPDATE alert SET told = ?1 WHERE told > ?1 AND ?2 <> ''`,
	} {
		if err := tx.run(update, now, far); err != nil {
			return fmt.Errorf("take back times still to come: %w", err)
		}
	}
	return nil
}
