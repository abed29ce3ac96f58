package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Owner is whose the files are to be. Only root can give files to others; for
// anybody else, and for root where no user of zensync's is known, they are his
// who makes them.
type Owner struct {
	Given    bool
	UID, GID int
}

// draft is a file to be written.
type draft struct {
	name    string
	content []byte
	from    string // the file that the content is of; if it is this very one, that stays
	public  bool   // the configuration, which the owner may read and not change
}

// mode is who may read a file: of a secret its owner alone; of the configuration
// the owner's group, if it is root's.
func (s *Setup) mode(d draft) fs.FileMode {
	if d.public && s.Owner.Given {
		return 0o640
	}
	return 0o600
}

// write writes all files or none: each is made whole beside its place, and then
// put there in one step. What is there is kept beside under another name.
func (s *Setup) write(drafts []draft) (written, kept []string, err error) {
	var undo []func() error
	defer func() {
		if err == nil {
			return
		}
		var left error
		for i := len(undo) - 1; i >= 0; i-- {
			left = errors.Join(left, undo[i]())
		}
		if left != nil {
			err = fmt.Errorf("%w; and what was written before could not all be taken back: %w", err, left)
			return
		}
		err = fmt.Errorf("not set up, and nothing was written: %w", err)
	}()
	stamp := time.Now().UTC().Format("20060102T150405Z")
	var due []draft
	for _, d := range drafts {
		if sameFile(d.name, d.from) {
			if err = s.tighten(d); err != nil {
				return nil, nil, err
			}
			continue
		}
		due = append(due, d)
		defer os.Remove(d.draft()) //nolint:errcheck // it is gone if all went well
		if err := s.prepare(d); err != nil {
			return nil, nil, err
		}
	}
	for _, d := range due {
		copied, back, err := s.place(d, stamp)
		if err != nil {
			return nil, nil, err
		}
		undo = append(undo, back)
		written = append(written, d.name)
		if copied != "" {
			kept = append(kept, copied)
		}
	}
	return written, kept, syncFolder(filepath.Dir(s.Path))
}

func (d draft) draft() string { return d.name + ".new" }

// prepare makes the draft of a file, and returns when the disk has it.
func (s *Setup) prepare(d draft) (err error) {
	defer func() { err = explained(err) }()
	if err := os.Remove(d.draft()); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a setup that was killed
		return err
	}
	file, err := os.OpenFile(d.draft(), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(d.content); err != nil {
		return err
	}
	if s.Owner.Given {
		uid := s.Owner.UID
		if d.public {
			uid = 0 // root's own, as the packages have it
		}
		if err := file.Chown(uid, s.Owner.GID); err != nil {
			return err
		}
	}
	if err := file.Chmod(s.mode(d)); err != nil {
		return err
	}
	return file.Sync()
}

// tighten gives a file that stays the owner and the mode it would have been
// given.
func (s *Setup) tighten(d draft) error {
	if s.Owner.Given {
		if err := os.Chown(d.name, s.Owner.UID, s.Owner.GID); err != nil {
			return explained(err)
		}
	}
	return explained(os.Chmod(d.name, s.mode(d)))
}

// place puts a draft where it belongs, and returns under which name it kept what
// was there, and what undoes it.
func (s *Setup) place(d draft, stamp string) (kept string, undo func() error, err error) {
	if !s.Force {
		if err := os.Link(d.draft(), d.name); err != nil { // unlike a rename it overwrites nothing
			return "", nil, explained(err)
		}
		return "", func() error { return os.Remove(d.name) }, nil
	}
	undo = func() error { return os.Remove(d.name) }
	if _, err := os.Lstat(d.name); err == nil {
		kept = d.name + "." + stamp
		if err := os.Link(d.name, kept); err != nil {
			return "", nil, explained(err)
		}
		undo = func() error { return os.Rename(kept, d.name) }
	}
	if err := os.Rename(d.draft(), d.name); err != nil {
		if kept != "" {
			err = errors.Join(err, os.Remove(kept))
		}
		return "", nil, explained(err)
	}
	return kept, undo, nil
}

// explained says what to do about an error of the operating system.
func explained(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: run this as root, or as the user zensync runs as where the folder is his", err)
	}
	return err
}

// syncFolder returns when the disk has what was put into a folder.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
