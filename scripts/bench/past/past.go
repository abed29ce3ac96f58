// Package past gives a store the rows that a year of hooks leaves: events, the
// promises they made, and the log of what was done.
package past

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver
)

// layout is how the store writes times.
const layout = "2006-01-02T15:04:05.000Z"

// Fill gives the store at path n events, spread evenly over the time up to
// now, about people 0 to people-1 of a crowd; each made one promise, which is
// kept, and one row of the log. The hashes are no chain. Nobody else may have
// the store open.
func Fill(ctx context.Context, path string, n, people int, over time.Duration) error {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=cache_size(-500000)") // nothing here has to outlive a crash
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	indexes, err := dropIndexes(ctx, db)
	if err == nil {
		err = fill(ctx, db, n, people, over)
	}
	for _, index := range indexes {
		if err == nil {
			_, err = db.ExecContext(ctx, index)
		}
	}
	return errors.Join(err, db.Close())
}

// dropIndexes takes the indexes from the tables that are filled, and returns how
// to make them again: of many rows SQLite sorts them once then.
func dropIndexes(ctx context.Context, db *sql.DB) (again []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('event', 'outbox', 'log')`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, make string
		if err := rows.Scan(&name, &make); err != nil {
			return nil, err
		}
		names, again = append(names, name), append(again, make)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := db.ExecContext(ctx, `DROP INDEX `+name); err != nil {
			return nil, err
		}
	}
	return again, nil
}

func fill(ctx context.Context, db *sql.DB, n, people int, over time.Duration) error {
	step := over / time.Duration(n)
	begin := time.Now().UTC().Add(-over)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after the commit it does nothing
	insert := map[string]*sql.Stmt{}
	for _, query := range []string{insertEvent, insertPromise, insertLog} {
		if insert[query], err = tx.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	for i := range n {
		at := begin.Add(time.Duration(i) * step)
		who := i * 7919 % people // a prime: nobody's rows are neighbours
		published, received, ended := at.Format(layout), at.Add(time.Second).Format(layout), at.Add(2*time.Second).Format(layout)
		kind, action := "user.account.update_profile", "update"
		if i%20 == 0 {
			kind, action = "user.lifecycle.deactivate", "deactivate"
		}
		id := fmt.Sprintf("00u%017d", who)
		uuid := fmt.Sprintf("%016x-%016x", uint64(i)*0x9e3779b97f4a7c15, i) // in no order
		for _, row := range []struct {
			query string
			args  []any
		}{
			{insertEvent, []any{i + 1, uuid, kind, published, received}},
			{insertPromise, []any{i + 1, id, i + 1, received, received, received, ended}},
			{insertLog, []any{i + 1, i + 1, ended, uuid, id, fmt.Sprint(who + 1), action, fmt.Sprintf("%064x", i)}},
		} {
			if _, err := insert[row.query].ExecContext(ctx, row.args...); err != nil {
				return fmt.Errorf("row %d: %w", i, err)
			}
		}
	}
	return tx.Commit()
}

const (
	insertEvent   = `INSERT INTO event (id, uuid, type, published, received, actor) VALUES (?, ?, ?, ?, ?, 'admin@example.com')`
	insertPromise = `INSERT INTO outbox (id, okta_id, origin, priority, event, state, due, attempts, epoch, created, claimed, finished)
		VALUES (?, ?, 'hook', 1, ?, 'done', ?, 1, 1, ?, ?, ?)`
	insertLog = `INSERT INTO log (seq, attempt, time, origin, event, actor, okta_id, zenqms_id, action, outcome, changes, hash)
		VALUES (?, ?, ?, 'hook', ?, 'admin@example.com', ?, ?, ?, 'ok', '{"title": {"old": "Analyst", "new": "Senior Analyst"}}', ?)`
)
