package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// ErrUpgraded is what Update and Upgraded return once a newer zensync has changed
// the schema of a store that is open. An older one must not go on with it, just as
// it must not open it: it does not know what the rows mean any more.
var ErrUpgraded = errors.New("a newer zensync has upgraded the store while it was in use")

// schemaWatch notices such a change.
type schemaWatch struct {
	known   int64 // the version that this program brings a store to
	changes int64 // SQLite's count of changes of the schema, when it was last found to be that; 0 before
}

// look is an error once the schema is a newer one. While nothing has changed, to
// ask SQLite for its count is all that it takes.
func (w *schemaWatch) look(tx *Tx) error {
	var changes, have int64
	if err := tx.row(`PRAGMA schema_version`).Scan(&changes); err != nil || changes == w.changes {
		return err
	}
	if err := tx.row(`SELECT max(version_id) FROM ` + goose.DefaultTablename).Scan(&have); err != nil {
		return err
	}
	if have > w.known {
		return fmt.Errorf("%w: its schema has version %d and this program knows up to %d; restart the service, with the newer program", ErrUpgraded, have, w.known)
	}
	w.changes = changes
	return nil
}

// Upgraded is an error once a newer zensync has changed the schema: for a service
// that would rather end than answer each Update with it.
func (db *DB) Upgraded(ctx context.Context) error {
	now := schemaWatch{known: db.schema.known}
	return db.View(ctx, now.look)
}
