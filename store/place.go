package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrBereft is what Intact and Update return once a file that SQLite keeps beside
// the database is no longer the one that was opened.
var ErrBereft = errors.New("it was removed or replaced while in use")

// place remembers which files the store was opened with. Whoever puts another
// file in their place, or removes one, leaves a process that has them open
// writing to what nobody will find again, without an error; and one that starts
// after that writes over what this one writes, for they no longer see each
// other's locks. A database that was cut off it would also go on writing to: what
// SQLite needs for that it may have in memory or in the log.
type place struct {
	path  string
	files [len(placeSuffixes)]os.FileInfo
	file  *os.File // the database, to read what it says of itself
	size  int64    // of the database, when it was last found whole
}

// placeSuffixes are behind the names of the files: the database, the
// write-ahead log, and its index, which also holds the locks. While a process has
// the store open SQLite keeps all of them.
var placeSuffixes = [...]string{"", logSuffix, indexSuffix}

const (
	logSuffix   = "-wal"
	indexSuffix = "-shm"
)

// newPlace is for a store that SQLite has open.
func newPlace(path string) (p place, err error) {
	p.path = path
	for i, suffix := range placeSuffixes {
		if p.files[i], err = os.Stat(path + suffix); err != nil {
			return p, errMoved(path, suffix)
		}
	}
	p.file, err = os.Open(path)
	return p, err
}

// close is for when SQLite has closed the store, and not before: a process that
// closes a file gives up all locks that it has on it, and those of SQLite are such.
func (p *place) close() error { return p.file.Close() }

// stays is an error when a file is no longer where it was: before a write, so that
// nothing is written, and after one, so that it is not taken for stored.
func (p *place) stays() error {
	for i, suffix := range placeSuffixes {
		if now, err := os.Stat(p.path + suffix); err != nil || !os.SameFile(now, p.files[i]) {
			return errMoved(p.path, suffix)
		} else if suffix == "" {
			if err := p.reaches(now.Size()); err != nil {
				return err
			}
		}
	}
	return nil
}

// bereft tells whether the database is where it was, and a file beside it is not.
func (p *place) bereft() bool {
	for i, suffix := range placeSuffixes {
		now, err := os.Stat(p.path + suffix)
		if same := err == nil && os.SameFile(now, p.files[i]); !same {
			return suffix != ""
		}
	}
	return false
}

// lostLog tells whether the write-ahead log was removed, and no other was begun: a
// connection that is opened after that makes an empty one. All who have the old one
// open share its index, whether it was removed too or not, and with it their locks.
func (p *place) lostLog() bool {
	for i, suffix := range placeSuffixes {
		now, err := os.Stat(p.path + suffix)
		there, same := err == nil, err == nil && os.SameFile(now, p.files[i])
		gone := errors.Is(err, os.ErrNotExist)
		switch suffix {
		case logSuffix:
			if same || there && now.Size() > 0 || !there && !gone {
				return false
			}
		case indexSuffix:
			if !same && !gone {
				return false
			}
		default:
			if !same {
				return false
			}
		}
	}
	return true
}

// reaches is an error when the database has become shorter than it says that it
// is. It does become shorter when somebody has SQLite pack it (VACUUM).
func (p *place) reaches(size int64) error {
	if size < p.size {
		if says, err := saysSize(p.file); err != nil || size < says {
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
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	var cut error
	for range 2 {
		says, err := saysSize(file)
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
func saysSize(file io.ReaderAt) (int64, error) {
	var head [32]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(head[:], []byte("SQLite format 3\x00")) {
		return 0, errors.New("it does not begin as a database does")
	}
	return int64(binary.BigEndian.Uint16(head[16:])) * int64(binary.BigEndian.Uint32(head[28:])), nil
}

func errMoved(path, suffix string) error {
	if suffix == "" {
		return fmt.Errorf("%s is not the file that was opened: it was removed or replaced while in use; restart every zensync that uses this store", path)
	}
	return fmt.Errorf("%s is not the file that was opened: %w; a service ends, to be started again, and a command has to be run again", path+suffix, ErrBereft)
}
