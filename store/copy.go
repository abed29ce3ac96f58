package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
)

// Copy is a store to try things out on: it begins as a store of its own with
// what the original holds, and Close removes it. The original is neither
// written, nor brought up to date, nor made when there is none.
type Copy struct {
	*DB
	*scratch
}

// copyFolders is what copies' folders are called, as os.MkdirTemp has it.
const copyFolders = "zensync-copy-*"

// OpenCopy copies the store at path, as it is at this moment, into a folder of
// its own below $TMPDIR that only this user may enter. When there is no store
// at path, the copy is an empty one. Processes that use the original are
// neither hindered nor waited for.
//
// A process that is killed cannot remove its copy. The next OpenCopy of the
// same user in the same $TMPDIR does.
func OpenCopy(ctx context.Context, path string) (*Copy, error) {
	s, err := newScratch(os.TempDir(), copyFolders)
	if err != nil {
		return nil, fmt.Errorf("make a folder for a copy of the store: %w", err)
	}
	c := &Copy{scratch: s}
	if err = c.open(ctx, path); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

func (c *Copy) open(ctx context.Context, path string) error {
	to := c.file("zensync.db")
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("look for the store: %w", err)
	default:
		if err := copyInto(ctx, path, to); err != nil {
			return fmt.Errorf("copy the store %s: %w", path, err)
		}
	}
	if c.DB, err = openStore(ctx, to, nil); err != nil {
		return err
	}
	if err := c.Sort(ctx); err != nil {
		return errors.Join(err, c.DB.Close())
	}
	return nil
}

// copyInto writes what the store at path holds into a new file, which is
// readable by its owner only.
func copyInto(ctx context.Context, path, to string) (err error) {
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // VACUUM INTO takes an empty file
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	pool, err := sql.Open("sqlite", fmt.Sprintf("file:%s?mode=%s&_pragma=busy_timeout(%d)",
		(&url.URL{Path: path}).EscapedPath(), copyMode(path), busyTimeout.Milliseconds()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	_, err = pool.ExecContext(ctx, `VACUUM INTO ?`, to)
	return ofDisk(err)
}

// copyMode is how the original is opened for copying. Where there is a
// write-ahead log, for reading: the last connection that may write would
// otherwise fold the log into the database on closing. Where there is none,
// for writing: only such a connection takes away again the files that SQLite
// makes beside a database to read it, and there is nothing to fold in.
func copyMode(path string) string {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return "ro"
	}
	return "rw"
}

// Close closes the copy and removes it.
func (c *Copy) Close() error {
	return errors.Join(c.DB.Close(), c.remove())
}
