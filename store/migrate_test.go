package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/schema"
)

// oldStore is a store as the first zensync has made it, with a row in its log.
func oldStore(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "zensync.db")
	pool, err := sql.Open("sqlite", dsn(path, "_txlock=immediate"))
	require.NoError(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, pool, schema.Migrations(), goose.WithLogger(goose.NopLogger()))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 1)
	require.NoError(t, err)
	s, err := newSession(t.Context(), pool)
	require.NoError(t, err)
	require.NoError(t, (&Tx{Now: noon, ctx: t.Context(), session: s}).AppendLog(LogRow{Origin: "operator", Action: ActDeploy, Outcome: OutcomeOK}))
	require.NoError(t, errors.Join(s.close(), pool.Close()))
	return path
}

// newestSchema is the version that this program brings a store to.
func newestSchema(t *testing.T) int64 {
	f := setup(t)
	return f.number(`SELECT max(version_id) FROM goose_db_version`)
}

func copiesBefore(t *testing.T, path string) (all []string) {
	t.Helper()
	for _, name := range names(t, filepath.Dir(path)) {
		if suffix, found := strings.CutPrefix(name, filepath.Base(path)+".before-"); found {
			all = append(all, suffix)
		}
	}
	return all
}

func TestAMigrationTakesACopyFirst(t *testing.T) {
	path, newest := oldStore(t), newestSchema(t)
	name := fmt.Sprintf("%04d", newest)
	db, err := Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	assert.Equal(t, []string{name}, copiesBefore(t, path))
	info, err := os.Stat(path + ".before-" + name)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	made, err := Inspect(t.Context(), path+".before-"+name, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 1, made.Schema, "it is as it was before")
	assert.EqualValues(t, 1, made.Rows)

	db, err = Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	assert.Equal(t, []string{name}, copiesBefore(t, path), "with nothing to migrate there is none")
}

func TestANewStoreIsNotCopied(t *testing.T) {
	f := setup(t)
	assert.Empty(t, copiesBefore(t, f.db.Path()))
}

func TestACopyOfTheSameNumberIsNotOverwritten(t *testing.T) {
	path, newest := oldStore(t), newestSchema(t)
	old := path + fmt.Sprintf(".before-%04d", newest)
	require.NoError(t, os.WriteFile(old, []byte("of another time"), 0o600))
	db, err := Open(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	assert.Equal(t, []string{fmt.Sprintf("%04d", newest), fmt.Sprintf("%04d-2", newest)}, copiesBefore(t, path))
	text, err := os.ReadFile(old)
	require.NoError(t, err)
	assert.Equal(t, "of another time", string(text))
}

// A service that the service manager starts again and again must not fill the
// disk with copies.
func TestAMigrationThatFailsAgainAndAgainTakesOneCopy(t *testing.T) {
	path := oldStore(t)
	raw(t, path, `CREATE TABLE alert (in_the_way TEXT)`)
	for range 3 {
		_, err := Open(t.Context(), path)
		require.ErrorContains(t, err, "update the schema")
	}
	assert.Len(t, copiesBefore(t, path), 1)
}

func TestWithoutACopyThereIsNoMigration(t *testing.T) {
	path := oldStore(t)
	_, err := openStore(t.Context(), path, func(context.Context, string, int64) error { return errors.New("no space left") })
	require.ErrorContains(t, err, "it is copied, and that failed: no space left")
	made, err := Inspect(t.Context(), path, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 1, made.Schema, "the schema is as it was")
}

// The same holds for an older one that has the store open when it is upgraded.
func TestAnOlderProgramWritesNothingOnceTheStoreIsUpgraded(t *testing.T) {
	f := setup(t)
	path, next := f.db.Path(), newestSchema(t)+1
	write := func() error {
		return f.db.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting("written", FormatTime(tx.Now)) })
	}
	require.NoError(t, write())
	raw(t, path, `CREATE TABLE mine (id INTEGER PRIMARY KEY)`)
	require.NoError(t, write(), "somebody's own table is nobody's business")
	require.NoError(t, f.db.Upgraded(t.Context()))
	raw(t, path, `CREATE TABLE later (id INTEGER PRIMARY KEY)`)
	raw(t, path, fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)`, next))
	for range 2 {
		err := write()
		require.ErrorIs(t, err, ErrUpgraded)
		assert.ErrorContains(t, err, fmt.Sprintf("its schema has version %d and this program knows up to %d; restart the service, with the newer program", next, next-1))
	}
	assert.ErrorIs(t, f.db.Upgraded(t.Context()), ErrUpgraded)
}

func TestAnOlderProgramRefusesANewerStoreAndSaysWhatToDo(t *testing.T) {
	f := setup(t)
	path, next := f.db.Path(), newestSchema(t)+1
	require.NoError(t, f.db.Close())
	raw(t, path, fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)`, next))
	_, err := Open(t.Context(), path)
	require.ErrorContains(t, err, fmt.Sprintf("its schema has version %d and this zensync knows up to %d: install the newer zensync again, or restore a backup made before the upgrade", next, next-1))
	made := path + fmt.Sprintf(".before-%04d", next)
	require.NoError(t, os.WriteFile(made, nil, 0o600))
	_, err = Open(t.Context(), path)
	assert.ErrorContains(t, err, "or go back to how it was before the upgrade with `zensync restore "+made+"`")
}
