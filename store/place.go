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

// check is an error when a file is not where it would be looked for: before a
// write, so that nothing is written, and after it, for what was written just now.
func (p *place) check() error {
	for i, suffix := range placeSuffixes {
		name := p.path + suffix
		now, err := os.Stat(name)
		if err != nil || p.files[i] != nil && !os.SameFile(now, p.files[i]) {
			return fmt.Errorf("%s is not the file that was opened: it was removed or replaced while in use; "+
				"restart every zensync that uses this store", name)
		}
		p.files[i] = now
	}
	return nil
}
