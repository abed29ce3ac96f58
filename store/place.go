package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// place remembers which files the store was opened with. Whoever puts another
// file in their place, or removes one, leaves a process that has them open
// writing to what nobody will find again, without an error; and one that starts
// after that writes over what this one writes, for they no longer see each
// other's locks. A database that was cut off it would also go on writing to: what
// SQLite needs for that it may have in memory or in the log.
type place struct {
	path  string
	files [len(placeSuffixes)]os.FileInfo // nil until the first look
	size  int64                           // of the database, when it was last found whole
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
		} else if suffix == "" {
			if err := p.reaches(now.Size()); err != nil {
				return err
			}
		}
	}
	return nil
}

// lostLog tells whether the write-ahead log was removed and nothing else has
// happened: no process has begun another, and all that have the old one open share
// its index and with it their locks.
func (p *place) lostLog() bool {
	for i, suffix := range placeSuffixes {
		now, err := os.Stat(p.path + suffix)
		if suffix == "-wal" {
			if p.files[i] == nil || !errors.Is(err, os.ErrNotExist) {
				return false
			}
		} else if err != nil || p.files[i] == nil || !os.SameFile(now, p.files[i]) {
			return false
		}
	}
	return true
}

// reaches is an error when the database has become shorter than it says that it
// is. It does become shorter when somebody has SQLite pack it (VACUUM).
func (p *place) reaches(size int64) error {
	if size < p.size {
		if says, err := saysSize(p.path); err != nil || size < says {
			return errors.Join(errCut(p.path, size, max(says, p.size)), err)
		}
	}
	p.size = size
	return nil
}

// lostSome is an error when a database that nobody may have open was cut off. Of a
// file of nothing SQLite makes a new one, and throws away the write-ahead log
// beside it; where there was one before, that is lost. Of any other it may not see
// it before it wants a page that is gone. One whose log is still to be folded in
// may be short; and what is no database it says itself.
func lostSome(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // there is none, or to open it will say what is wrong
	}
	if info.Size() == 0 {
		if wasUsed(path) {
			return &ailment{fmt.Errorf("the store %s is empty, and was in use before", path), restoreIt, false}
		}
		return nil
	}
	// Another process may just have folded its log in, which it removes when the
	// database has its size: so that is looked at last. And it may have packed the
	// database (VACUUM) between two of these looks, so it has to be short twice.
	var cut error
	for range 2 {
		says, err := saysSize(path)
		if err != nil {
			return nil
		}
		if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
			return nil
		}
		if info, err = os.Stat(path); err != nil || info.Size() >= says {
			return nil
		}
		cut = errCut(path, info.Size(), says)
	}
	return cut
}

func errCut(path string, has, says int64) error {
	return &ailment{fmt.Errorf("the store %s was cut off: it has %d bytes of %d", path, has, says), restoreIt, false}
}

// saysSize is how long a database is, in bytes, as it says itself: the size of a
// page and their number, at bytes 16 and 28 of
// https://www.sqlite.org/fileformat.html. Pages of 64 KiB, which are 1 there,
// zensync has none of.
func saysSize(path string) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	var head [32]byte
	if _, err := io.ReadFull(file, head[:]); err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(head[:], []byte("SQLite format 3\x00")) {
		return 0, errors.New("it does not begin as a database does")
	}
	return int64(binary.BigEndian.Uint16(head[16:])) * int64(binary.BigEndian.Uint32(head[28:])), nil
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
