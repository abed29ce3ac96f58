package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/zensync/zensync/schema"
)

// migrate brings the schema up to date. A lock file keeps a relay and a
// worker that start together from doing so at the same time.
func migrate(ctx context.Context, path string, db *sql.DB) error {
	lock := flock.New(path+".migrate", flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock %s.migrate: %w", path, err)
	}
	defer lock.Unlock() //nolint:errcheck // closing the process frees it as well

	provider, err := goose.NewProvider(goose.DialectSQLite3, db, schema.Migrations(),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	if have > newest {
		return tooNew(have, newest)
	}
	if have == newest {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("update the schema from version %d to %d: %w", have, newest, err)
	}
	return nil
}

// tooNew refuses a store that a newer zensync has written.
func tooNew(have, newest int64) error {
	return fmt.Errorf("its schema has version %d and this zensync knows up to %d: "+
		"install the newer zensync again, or restore the backup made before the upgrade", have, newest)
}
