package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// Copy is a store to try things out on: it begins as a store of its own with
// what the original holds, and Close removes it. The original is neither
// written, nor brought up to date, nor made when there is none.
type Copy struct {
	*DB
	folder string
	lock   *flock.Flock // of the folder: it is in use
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
	removeDeadCopies()
	c, err := newCopy()
	if err != nil {
		return nil, fmt.Errorf("make a folder for a copy of the store: %w", err)
	}
	if err = c.open(ctx, path); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// newCopy makes a folder and locks it. Until it is locked another process may
// take it for a dead one's, so one that is gone by then is made anew.
func newCopy() (*Copy, error) {
	for {
		folder, err := os.MkdirTemp("", copyFolders)
		if err != nil {
			return nil, err
		}
		c := &Copy{folder: folder, lock: folderLock(folder)}
		locked, err := c.lock.TryLock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
		if _, err := os.Stat(folder); locked && err == nil {
			return c, nil
		}
		if err := c.lock.Close(); err != nil {
			return nil, err
		}
	}
}

// folderLock is a lock on a folder itself, which ends with the process.
func folderLock(folder string) *flock.Flock {
	return flock.New(folder, flock.SetFlag(os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW))
}

// removeDeadCopies removes this user's copies that no process has locked. What
// cannot be removed is left to the next process that tries: it is no reason
// not to do what this one is there for.
func removeDeadCopies() {
	entries, _ := os.ReadDir(os.TempDir()) // of a folder that cannot be read, to make one in it will say more
	for _, e := range entries {
		if matched, err := filepath.Match(copyFolders, e.Name()); err != nil || !matched || !e.IsDir() {
			continue
		}
		if info, err := e.Info(); err != nil || !mine(info) {
			continue
		}
		folder := filepath.Join(os.TempDir(), e.Name())
		lock := folderLock(folder)
		if dead, err := lock.TryLock(); err == nil && dead {
			_ = os.RemoveAll(folder)
		}
		_ = lock.Close()
	}
}

// mine tells whether a file belongs to the user this process runs as.
func mine(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

func (c *Copy) open(ctx context.Context, path string) error {
	to := filepath.Join(c.folder, "zensync.db")
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
	if c.DB, err = Open(ctx, to); err != nil {
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
	return err
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

func (c *Copy) remove() error { return errors.Join(os.RemoveAll(c.folder), c.lock.Close()) }
