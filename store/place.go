package store

import (
	"fmt"
	"os"
)

// place remembers which files the store was opened with. Whoever puts another
// file in their place, or removes one, leaves a process that has them open
// writing to what nobody will find again, without an error.
type place struct {
	path    string
	db, wal os.FileInfo // wal is nil until the first commit
}

func newPlace(path string) (place, error) {
	info, err := os.Stat(path)
	return place{path: path, db: info}, err
}

// check refuses what was written just now when it is not where it would be
// looked for.
func (p *place) check() error {
	if err := same(p.path, p.db); err != nil {
		return err
	}
	wal := p.path + "-wal"
	if p.wal != nil {
		return same(wal, p.wal)
	}
	info, err := os.Stat(wal)
	if err != nil {
		return errMoved(wal)
	}
	p.wal = info
	return nil
}

func same(name string, opened os.FileInfo) error {
	if now, err := os.Stat(name); err != nil || !os.SameFile(now, opened) {
		return errMoved(name)
	}
	return nil
}

func errMoved(name string) error {
	return fmt.Errorf("%s is not the file that was opened: it was removed or replaced while in use; restart every zensync that uses this store", name)
}
