package store

import (
	"fmt"
	"os"
)

// place remembers which files the store was opened with. Whoever puts another
// file in their place, or removes one, leaves a process that has them open
// writing to what nobody will find again, without an error; and one that starts
// after that writes over what this one writes, for they no longer see each
// other's locks.
type place struct {
	path  string
	files [len(placeSuffixes)]os.FileInfo // nil until the first look
}

// placeSuffixes are behind the names of the files: the database, the
// write-ahead log, and its index, which also holds the locks.
var placeSuffixes = [...]string{"", "-wal", "-shm"}

func newPlace(path string) (place, error) {
	p := place{path: path}
	var err error
	p.files[0], err = os.Stat(path)
	return p, err
}

// stays is an error when a file that was there is no longer where it was: before a
// write, so that nothing is written.
func (p *place) stays() error {
	for i, suffix := range placeSuffixes {
		if p.files[i] == nil {
			continue
		}
		if now, err := os.Stat(p.path + suffix); err != nil || !os.SameFile(now, p.files[i]) {
			return errMoved(p.path + suffix)
		}
	}
	return nil
}

// check is stays after a write: then all of them have to be there.
func (p *place) check() error {
	if err := p.stays(); err != nil {
		return err
	}
	for i, suffix := range placeSuffixes {
		if p.files[i] != nil {
			continue
		}
		now, err := os.Stat(p.path + suffix)
		if err != nil {
			return errMoved(p.path + suffix)
		}
		p.files[i] = now
	}
	return nil
}

func errMoved(name string) error {
	return fmt.Errorf("%s is not the file that was opened: it was removed or replaced while in use; restart every zensync that uses this store", name)
}
