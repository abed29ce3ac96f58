package relay

import (
	"log/slog"
	"sync"
	"time"
)

// LookEvery is how often a file is looked at, at most, and so how long after
// a change it may take to count, on a relay that is asked for something.
const LookEvery = time.Second

// watched is a value read from a file or two, and read again whenever it is
// asked for and was not looked at within LookEvery. A file that cannot be read
// now, or holds nothing usable, leaves the last good value in force and is
// logged once, to slog's default logger. The files are small: reading them
// once a second is cheaper to reason about than telling whether they changed.
type watched[T any] struct {
	name string // for the log
	read func() (T, error)

	mu     sync.Mutex
	value  T
	looked time.Time
	stale  bool // the last look failed
}

// watch makes a watched of what read returns now.
func watch[T any](name string, read func() (T, error)) (*watched[T], error) {
	value, err := read()
	if err != nil {
		return nil, err
	}
	return &watched[T]{name: name, read: read, value: value, looked: time.Now()}, nil
}

// get returns the value that holds now.
func (w *watched[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if now.Sub(w.looked) < LookEvery {
		return w.value
	}
	w.looked = now
	value, err := w.read()
	if err != nil {
		if !w.stale {
			slog.Warn("a file of the relay cannot be used; what it held before stays in force until it can, or until a restart", "file", w.name, "cause", err)
		}
		w.stale = true
		return w.value
	}
	if w.stale {
		slog.Info("a file of the relay can be used again", "file", w.name)
	}
	w.value, w.stale = value, false
	return w.value
}
