package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	// turnPoll is how often a process looks whether its turn has come: a small
	// part of what a durable commit takes, even on a fast disk.
	turnPoll = 200 * time.Microsecond
	// turnPatience is how long it waits for that. A turn takes milliseconds; a
	// process that was stopped, or hangs, keeps its place for longer, and must
	// not keep the relay from answering.
	turnPatience = 100 * time.Millisecond
)

// turns is how the processes that write one store take turns. SQLite's own
// lock goes to whoever happens to ask when it is free, and who waits for it
// asks a few times a second only: a relay that is busy for seconds would keep
// the worker from writing all the while.
//
// Whoever wants to write queues for the first file, and holds it while he
// waits for the second, which is that of the one who writes. So nobody writes
// twice while another waits. The locks end with their process.
//
// A turn is a courtesy. Who gets none in time goes on without, as do programs
// that are not this one: SQLite's lock is what keeps them apart.
type turns struct{ queue, writing *os.File }

func openTurns(path string) (*turns, error) {
	open := func(name string) (*os.File, error) {
		return os.OpenFile(path+name, os.O_RDONLY|os.O_CREATE, 0o600)
	}
	queue, err := open(".queue")
	if err != nil {
		return nil, err
	}
	writing, err := open(".turn")
	if err != nil {
		return nil, errors.Join(err, queue.Close())
	}
	return &turns{queue, writing}, nil
}

// take waits for this process's turn, which lasts until give.
func (t *turns) take() error {
	deadline := time.Now().Add(turnPatience)
	first, err := await(t.queue, deadline)
	if err != nil || !first {
		return err
	}
	_, err = await(t.writing, deadline)
	return errors.Join(err, unlock(t.queue))
}

// give ends the turn, if there was one.
func (t *turns) give() error { return unlock(t.writing) }

func (t *turns) close() error { return errors.Join(t.queue.Close(), t.writing.Close()) }

// await takes a file's lock, or gives up at the deadline.
func await(file *os.File, deadline time.Time) (taken bool, err error) {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("lock %s: %w", file.Name(), err)
		case time.Now().After(deadline):
			return false, nil
		}
		time.Sleep(turnPoll)
	}
}

func unlock(file *os.File) error {
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_UN); err != nil {
		return fmt.Errorf("unlock %s: %w", file.Name(), err)
	}
	return nil
}
