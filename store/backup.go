package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Snapshot is what was found out about a file that holds a whole store.
type Snapshot struct {
	Schema int64 // its version
	Rows   int64 // of its log
	Head   Head  // the end of its log
	Size   int64 // bytes
}

// backupFolders is what folders are called in which backups are made.
const backupFolders = ".zensync-backup-*"

// Backup copies the store at path, as it is at this moment, into a file that
// its owner alone can read, and proves that the copy is whole: see Inspect.
// The file appears under its name when all of that is done and on disk, not
// before. One that is there is left alone, unless replace says otherwise.
//
// Processes that use the store are neither hindered nor waited for, and its
// schema stays as it is.
func Backup(ctx context.Context, path, to string, replace bool, progress ReadProgress) (s Snapshot, err error) {
	if err := mayBecome(path, to, replace); err != nil {
		return s, err
	}
	work, err := scratchBeside(to, backupFolders)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, work.remove()) }()
	made := work.file("copy")
	if err := copyInto(ctx, path, made); err != nil {
		return s, fmt.Errorf("copy the store %s: %w", path, err)
	}
	if s, err = Inspect(ctx, made, progress); err != nil {
		return s, fmt.Errorf("the copy that was made of %s is no backup: %w", path, remedied(err))
	}
	return s, settleAs(made, to, replace)
}

// mayBecome refuses a name for a copy of the store at path that is taken. The
// store's own files are never replaced.
func mayBecome(path, to string, replace bool) error {
	there, err := os.Stat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !there.Mode().IsRegular():
		return fmt.Errorf("%s is there already and is no file: name another", to)
	case !replace:
		return taken(to)
	}
	for _, own := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(own); err == nil && os.SameFile(info, there) {
			return fmt.Errorf("%s belongs to the store itself: name another file", to)
		}
	}
	return nil
}

func taken(name string) error {
	return fmt.Errorf("%s is there already and stays as it is: name another file", name)
}

// settleAs gives a file that is whole its name, and has both on disk.
func settleAs(made, to string, replace bool) error {
	if err := syncFile(made); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	put := os.Rename
	if !replace {
		put = putNew
	}
	if err := put(made, to); errors.Is(err, fs.ErrExist) {
		return taken(to)
	} else if err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return syncFile(filepath.Dir(to))
}

// putNew renames a file, unless there is one of the new name. Where the file
// system has no links, the name is taken first by an empty file.
func putNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Close(), os.Rename(from, to)); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// ErrNoStore says that a file is no zensync database, ErrDamaged that it is one
// which is not whole.
var (
	ErrNoStore = errors.New("it is no zensync database")
	ErrDamaged = errors.New("it is damaged")
)

// Inspect proves that a file that nobody writes holds a whole store, of a
// schema that this program knows: SQLite finds it whole, what refers to another
// row finds it, and the log's chain holds. What is there is only read. progress
// is told of the reading of the log; it may be nil.
func Inspect(ctx context.Context, path string, progress ReadProgress) (s Snapshot, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return s, err
	}
	if !info.Mode().IsRegular() {
		return s, fmt.Errorf("%w, and no regular file", ErrNoStore)
	}
	r, err := newReader(path, sealed(path))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	s.Size = info.Size()
	have, newest, err := r.Schema(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return s, ctx.Err()
	case err != nil && MayPass(err):
		return s, err
	case err != nil:
		return s, fmt.Errorf("%w: %w", ErrNoStore, unremedied(err))
	case have == 0:
		return s, ErrNoStore
	case have > newest:
		return s, tooNew(path, have, newest)
	}
	s.Schema = have
	damage, err := r.damage(ctx, `PRAGMA integrity_check(5)`)
	if err == nil && len(damage) > 0 {
		err = errors.New(strings.Join(damage, "; "))
	}
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrDamaged, unremedied(err))
	}
	return s, r.View(ctx, func(tx *Tx) error { return tx.prove(&s, progress) })
}

// prove holds the store's contents to what SQLite does not look at.
func (tx *Tx) prove(s *Snapshot, progress ReadProgress) (err error) {
	var table string
	if dangling, err := tx.find(`SELECT "table" FROM pragma_foreign_key_check LIMIT 1`, nil, &table); err != nil {
		return err
	} else if dangling {
		return fmt.Errorf("%w: a row of the table %s refers to one that is not there", ErrDamaged, table)
	}
	if s.Head, err = tx.CheckLog(Head{}, progress); err != nil {
		return err
	}
	return tx.row(`SELECT count(*) FROM log`).Scan(&s.Rows)
}

// sealed is how a file is opened that nobody writes. Where there is no
// write-ahead log beside it, SQLite is told so: else it makes files there to
// read it, or fails where it may not.
func sealed(path string) string {
	if exists(path + "-wal") {
		return "ro"
	}
	return "ro&immutable=1"
}
