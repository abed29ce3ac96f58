package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/zensync/zensync/schema"
)

// beforeMigration is called before the schema of the store at path is brought
// to a version. An error keeps the schema as it is.
type beforeMigration func(ctx context.Context, path string, next int64) error

// migrate brings the schema up to date, and returns its version. A lock file keeps a relay and a
// worker that start together from doing so at the same time.
func migrate(ctx context.Context, path string, db *sql.DB, before beforeMigration) (newest int64, err error) {
	lock := flock.New(path+".migrate", flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return 0, fmt.Errorf("lock %s.migrate: %w", path, err)
	}
	defer lock.Unlock() //nolint:errcheck // closing the process frees it as well

	provider, err := goose.NewProvider(goose.DialectSQLite3, db, schema.Migrations(),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the schema version: %w", err)
	}
	sources := provider.ListSources()
	newest = sources[len(sources)-1].Version
	if have > newest {
		return 0, tooNew(path, have, newest)
	}
	if have == newest {
		return newest, nil
	}
	if have > 0 && before != nil {
		if err := before(ctx, path, newest); err != nil {
			return 0, fmt.Errorf("before its schema is updated from version %d to %d it is copied, and that failed: %w", have, newest, err)
		}
	}
	if _, err := provider.Up(ctx); err != nil {
		return 0, fmt.Errorf("update the schema from version %d to %d: %w", have, newest, err)
	}
	return newest, nil
}

// tooNew refuses a store that a newer zensync has written, and names the copy
// that it made then of what this one can read.
func tooNew(path string, have, newest int64) error {
	remedy := "restore a backup made before the upgrade"
	for upgrade := newest + 1; upgrade <= have; upgrade++ { // the first that went too far
		if made := beforeName(path, upgrade, 1); exists(made) {
			remedy = "go back to how it was before the upgrade with `zensync restore " + made + "`"
			break
		}
	}
	return fmt.Errorf("its schema has version %d and this zensync knows up to %d: install the newer zensync again, or %s", have, newest, remedy)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// beforeName is the name of the nth copy of a store made before its schema got
// a version, n being 1 or more.
func beforeName(path string, version int64, n int) string {
	name := fmt.Sprintf("%s.before-%04d", path, version)
	if n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	return name
}

// keepBefore copies the store into a file beside it, named after the version
// that its schema is about to have, and looks whether the copy is whole. One
// that an earlier attempt made serves, if nothing was logged since; it is never
// overwritten.
//
// The log's chain is not read: a start must not take as long as that does.
func keepBefore(ctx context.Context, path string, next int64) (err error) {
	now, err := sketch(ctx, path, copyMode(path))
	if err != nil {
		return err
	}
	to := ""
	for n := 1; to == ""; n++ {
		name := beforeName(path, next, n)
		if !exists(name) {
			to = name
		} else if made, err := sketch(ctx, name, sealed(name)); err == nil && made.head == now.head && made.schema <= now.schema {
			return nil
		}
	}
	work, err := newScratch(filepath.Dir(path), backupFolders)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, work.remove()) }()
	made := work.file("copy")
	if err := copyInto(ctx, path, made); err != nil {
		return err
	}
	if err := whole(ctx, made); err != nil {
		return err
	}
	return settleAs(made, to, false)
}

// whole is an error unless SQLite finds a file whole that nobody writes.
func whole(ctx context.Context, path string) error {
	r, err := newReader(path, sealed(path))
	if err != nil {
		return err
	}
	damage, err := r.Damage(ctx)
	if err == nil && len(damage) > 0 {
		err = fmt.Errorf("the copy is damaged: %s", damage[0])
	}
	return errors.Join(err, r.Close())
}

// outline is what tells one state of a store from another.
type outline struct {
	schema int64
	head   Head
}

// sketch reads it of a file.
func sketch(ctx context.Context, path, mode string) (o outline, err error) {
	r, err := newReader(path, mode)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if o.schema, _, err = r.Schema(ctx); err != nil {
		return o, err
	}
	return o, r.View(ctx, func(tx *Tx) (err error) {
		o.head, err = tx.LogHead()
		return err
	})
}
