package store

import (
	"context"
	"encoding/binary"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// usage is the lock of the store's file itself: every process that has the
// store open shares it, and who puts another file in its place has it alone.
func usage(path string) *flock.Flock {
	return flock.New(path+".use", flock.SetPermissions(0o600))
}

const (
	// usePoll is how often a process looks whether it may have that lock. To put a
	// file in its place takes some milliseconds.
	usePoll = 20 * time.Millisecond
	// joinPatience is how long Open waits for those who have the store open without
	// all its files. They look once a second.
	joinPatience = 2 * time.Second
)

// join takes part in the lock, as all do who have the store open. Where others have
// it, and one of the files that SQLite keeps meanwhile is gone, they go by it all the
// same, and SQLite would make a new one here: of the two that write then, each spoils
// what the other has. So that is an error, unless they end in time. They may also
// have yet to make the files, or have the last word as they close.
func (db *DB) join(ctx context.Context) error {
	for late := time.Now().Add(joinPatience); ; {
		if _, err := db.use.TryRLockContext(ctx, usePoll); err != nil {
			return err
		}
		suffix := lacks(db.path)
		if suffix == "" {
			return nil
		}
		if err := db.use.Unlock(); err != nil {
			return err
		}
		alone, err := db.use.TryLock()
		switch {
		case err != nil:
			return err
		case alone: // nobody has it, and there is nothing that could be gone
			if err := db.use.Unlock(); err != nil {
				return err
			}
			_, err := db.use.TryRLockContext(ctx, usePoll)
			return err
		case time.Now().After(late):
			return errMoved(db.path, suffix)
		}
		select {
		case <-time.After(usePoll):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lacks names the file beside the database at path that is not there. A log that is
// empty while its index knows of pages in it is not the one that they were written to:
// a connection of those who have the store open made it when it found none.
func lacks(path string) (suffix string) {
	for _, suffix := range placeSuffixes[1:] {
		if _, err := os.Stat(path + suffix); err != nil {
			return suffix
		}
	}
	if log, err := os.Stat(path + logSuffix); err == nil && log.Size() == 0 && indexed(path) > 0 {
		return logSuffix
	}
	return ""
}

// indexed is how many pages the index says that the log at path has: mxFrame, in the
// byte order of the machine, at byte 16 of
// https://www.sqlite.org/walformat.html#the_wal_index_file_format. It is 0 before the
// log is cut to nothing.
func indexed(path string) uint32 {
	file, err := os.Open(path + indexSuffix)
	if err != nil {
		return 0
	}
	defer file.Close() // of Open, which has no locks on it yet: see place.close
	var head [20]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return 0
	}
	return binary.NativeEndian.Uint32(head[16:])
}

// Intact is an error, of ErrBereft, once a file beside the database was removed or
// replaced: for a service that would rather end, and begin anew with what is there,
// than answer each Update with it. What a removed log holds is folded into the
// database before.
func (db *DB) Intact(ctx context.Context) error {
	if !db.place.bereft() {
		return nil
	}
	return db.Batch(ctx, func(*Tx) error { return nil })
}
