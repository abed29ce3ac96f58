package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// scratch is a folder for what is made and then moved or removed. Only this
// user may enter it.
//
// A process that is killed cannot remove its own. The next one of the same
// user that makes one of that name in the same place does.
type scratch struct {
	folder string
	lock   *flock.Flock // of the folder: it is in use
}

// newScratch makes a folder in parent, called as os.MkdirTemp has it. Until it
// is locked another process may take it for a dead one's, so one that is gone
// by then is made anew.
func newScratch(parent, pattern string) (*scratch, error) {
	removeDead(parent, pattern)
	for {
		folder, err := os.MkdirTemp(parent, pattern)
		if err != nil {
			return nil, err
		}
		s := &scratch{folder: folder, lock: folderLock(folder)}
		locked, err := s.lock.TryLock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, os.RemoveAll(folder))
		}
		if _, err := os.Stat(folder); locked && err == nil {
			return s, nil
		}
		if err := s.lock.Close(); err != nil {
			return nil, err
		}
	}
}

// scratchBeside makes one in the folder that a file is to be in.
func scratchBeside(file, pattern string) (*scratch, error) {
	parent := filepath.Dir(file)
	s, err := newScratch(parent, pattern)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no folder %s for %s: make it, for the user zensync runs as", parent, filepath.Base(file))
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s cannot be made in %s: let the user zensync runs as write there, or name another folder: %w", filepath.Base(file), parent, err)
	case err != nil:
		return nil, fmt.Errorf("make a folder beside %s: %w", file, err)
	}
	return s, nil
}

// file is the path of a file in the folder.
func (s *scratch) file(name string) string { return filepath.Join(s.folder, name) }

func (s *scratch) remove() error { return errors.Join(os.RemoveAll(s.folder), s.lock.Close()) }

// folderLock is a lock on a folder itself, which ends with the process.
func folderLock(folder string) *flock.Flock {
	return flock.New(folder, flock.SetFlag(os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW))
}

// removeDead removes this user's folders that no process has locked. What
// cannot be removed is left to the next process that tries: it is no reason
// not to do what this one is there for.
func removeDead(parent, pattern string) {
	entries, _ := os.ReadDir(parent) // of a folder that cannot be read, to make one in it will say more
	for _, e := range entries {
		if matched, err := filepath.Match(pattern, e.Name()); err != nil || !matched || !e.IsDir() {
			continue
		}
		if info, err := e.Info(); err != nil || !mine(info) {
			continue
		}
		folder := filepath.Join(parent, e.Name())
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

// syncFile has what was written to a file, or what a folder names, on disk.
func syncFile(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
