package store

import (
	"fmt"
	"time"
)

// paceOver is how far back the pace of the work is taken from: long enough that
// a single slow call does not count for much, and few enough rows for status.
const paceOver = time.Minute

// paceQuery counts attempts: each is one user. What an operator did is none.
const paceQuery = `
	SELECT count(DISTINCT attempt), min(time) FROM log INDEXED BY log_time
	WHERE time >= ? AND origin <> 'operator' AND origin <> 'unlink'`

// readyUsersQuery counts users: one sync serves all that is ready of one. Only
// indexes are read: a row of the table would be for its state alone.
const readyUsersQuery = `
	SELECT count(*) FROM (
	    SELECT okta_id FROM outbox INDEXED BY outbox_pending WHERE (state = 'open' OR state = 'running') AND due <= ?
	    UNION SELECT okta_id FROM outbox INDEXED BY outbox_running WHERE state = 'running'
	    UNION SELECT okta_id FROM arrival WHERE okta_id IS NOT NULL)`

// ExpectedEnd is when the users of whom something is ready will have been
// worked on, at the pace of the last minute; false where nothing is ready, or
// nothing was worked on in it.
func (tx *Tx) ExpectedEnd() (end time.Time, known bool, err error) {
	var users, done int64
	var first time.Time
	if err := tx.row(readyUsersQuery, FormatTime(tx.Now)).Scan(&users); err != nil {
		return end, false, fmt.Errorf("outbox: count the users who wait: %w", err)
	}
	if users == 0 {
		return end, false, nil
	}
	if err := tx.row(paceQuery, FormatTime(tx.Now.Add(-paceOver))).Scan(&done, timeOf{&first}); err != nil {
		return end, false, fmt.Errorf("log: tell the pace of the work: %w", err)
	}
	if done == 0 {
		return end, false, nil
	}
	each := max(tx.Now.Sub(first), time.Second) / time.Duration(done)
	return tx.Now.Add(each * time.Duration(users)), true, nil
}
