package crowd

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the database/sql driver
)

// kept are the tables that a reconcile with nothing to do leaves as they are.
var kept = []string{"directory", "link", "account", "outbox", "event", "log", "skip"}

// CountWrites has the store at path count, from now on, every row of those
// tables that is written. Nobody else may have it open.
func CountWrites(ctx context.Context, path string) error {
	return with(path, func(db *sql.DB) error {
		if _, err := db.ExecContext(ctx, `CREATE TABLE bench_written (tab TEXT)`); err != nil {
			return err
		}
		for _, table := range kept {
			for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
				if _, err := db.ExecContext(ctx, fmt.Sprintf(
					`CREATE TRIGGER bench_%[1]s_%[2]s AFTER %[2]s ON %[1]s BEGIN INSERT INTO bench_written VALUES ('%[1]s'); END`, table, verb)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Written is how many rows were, since CountWrites or the last time.
func Written(ctx context.Context, path string) (n int, err error) {
	err = with(path, func(db *sql.DB) error {
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM bench_written`).Scan(&n); err != nil {
			return err
		}
		_, err := db.ExecContext(ctx, `DELETE FROM bench_written`)
		return err
	})
	return n, err
}

func with(path string, fn func(*sql.DB) error) error {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return err
	}
	return errors.Join(fn(db), db.Close())
}
