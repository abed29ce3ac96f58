package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// A Part is one of the roles only one process at a time may have.
type Part string

const (
	WorkerPart Part = "worker" // drains the outbox and runs the walks
	RelayPart  Part = "relay"  // receives Okta's hooks
	HookPart   Part = "hook"   // makes, changes or deletes Okta's event hook, renews its secret, clears all links
)

// ErrLocked says that another process has the part already.
type ErrLocked struct {
	Part   Part
	Holder string // what that process called itself, for instance "worker" or "deploy"
}

func (e *ErrLocked) Error() string {
	return fmt.Sprintf("the %s's lock is held by another process (%s)", e.Part, e.Holder)
}

// Lock is a part, held until Release or the end of the process, however that
// comes.
type Lock struct{ file *flock.Flock }

// Release gives the part up.
func (l *Lock) Release() error { return l.file.Unlock() }

// glimpses is how often an exclusive lock is tried: Alive holds a shared one
// for an instant, and must not make a starting worker give up.
const (
	glimpses     = 5
	glimpsePause = 20 * time.Millisecond
)

// TryLock takes the part for a process that calls itself holder, or returns
// an *ErrLocked at once.
func (db *DB) TryLock(part Part, holder string) (*Lock, error) {
	file := flock.New(db.lockPath(part), flock.SetPermissions(0o600))
	for range glimpses {
		got, err := file.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", file.Path(), err)
		}
		if got {
			if err := os.WriteFile(file.Path(), []byte(holder+"\n"), 0o600); err != nil {
				return nil, errors.Join(fmt.Errorf("write %s: %w", file.Path(), err), file.Unlock())
			}
			return &Lock{file}, nil
		}
		time.Sleep(glimpsePause)
	}
	return nil, &ErrLocked{Part: part, Holder: db.holder(part)}
}

// Alive tells whether a process has the part now, and what it calls itself.
func (db *DB) Alive(part Part) (holder string, alive bool) {
	file := flock.New(db.lockPath(part), flock.SetPermissions(0o600))
	got, err := file.TryRLock()
	if err == nil && got {
		_ = file.Unlock() // it was only a look
		return "", false
	}
	return db.holder(part), true
}

func (db *DB) lockPath(part Part) string { return db.path + "." + string(part) }

func (db *DB) holder(part Part) string {
	text, err := os.ReadFile(db.lockPath(part))
	if name := strings.TrimSpace(string(text)); err == nil && name != "" {
		return name
	}
	return "unknown"
}

// wasUsed tells whether a process has ever had a part of the store at path.
func wasUsed(path string) bool {
	for _, part := range []Part{WorkerPart, RelayPart, HookPart} {
		if info, err := os.Stat((&DB{path: path}).lockPath(part)); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}
