package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
)

// waker is the sending end of the wake-up socket. It keeps its connection: to
// make one costs more than to store an event does. The zero value is ready.
type waker struct {
	wanted atomic.Bool // a nudge that nobody has sent yet
	mu     sync.Mutex
	conn   *net.UnixConn // nil: none yet, or the last one failed
}

// Nudge tells the worker, if there is one, that the inbox or the outbox has something new.
// It is a courtesy: a nudge that is lost costs the worker's slow poll, no
// more, so there is no error to return. Nudges of concurrent callers become
// one.
func (db *DB) Nudge() {
	db.wake.wanted.Store(true)
	// Whoever holds the lock looks again once it has given it back.
	for db.wake.wanted.Load() && db.wake.mu.TryLock() {
		for db.wake.wanted.Swap(false) {
			db.wake.send(db.wakeAddr())
		}
		db.wake.mu.Unlock()
	}
}

// send sends one datagram, over a new connection where the old one leads to a
// worker that is gone.
func (w *waker) send(addr *net.UnixAddr) {
	if w.conn != nil {
		if err := sendAtOnce(w.conn); err == nil || errors.Is(err, syscall.EAGAIN) {
			return // nudges that fill the socket's buffer wait there already
		}
		w.close()
	}
	conn, err := net.DialUnix("unixgram", nil, addr)
	if err != nil {
		return // no worker is up; the next one looks when it starts
	}
	w.conn = conn
	_ = sendAtOnce(conn) // a worker that is gone again looks when it starts
}

func (w *waker) close() {
	if w.conn != nil {
		_ = w.conn.Close() // it only sends, and has nothing left to send
		w.conn = nil
	}
}

// sendAtOnce writes one byte without waiting: net's Write would wait for a
// worker that hangs to read what it has.
func sendAtOnce(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		_, failed = syscall.Write(int(fd), []byte{1})
		return true
	})
	return errors.Join(err, failed)
}

// Nudges returns a channel that holds a value whenever somebody nudged since
// it was last read, and a function that ends the listening. The caller has to
// hold the worker's lock throughout: a socket file that a dead worker left is
// replaced.
func (db *DB) Nudges() (<-chan struct{}, func(), error) {
	addr := db.wakeAddr()
	if err := os.Remove(addr.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("replace the wake-up socket: %w", err)
	}
	conn, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("listen on the wake-up socket: %w", err)
	}
	if err := os.Chmod(addr.Name, 0o600); err != nil { // whatever the umask: nobody else is to keep the worker busy
		return nil, nil, errors.Join(fmt.Errorf("keep the wake-up socket from others: %w", err), conn.Close())
	}
	nudges := make(chan struct{}, 1)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		buf := make([]byte, 1)
		for {
			if _, err := conn.Read(buf); err != nil {
				return // closed by the function below
			}
			select {
			case nudges <- struct{}{}:
			default:
			}
		}
	}()
	stop := func() {
		_ = conn.Close()
		<-stopped
		_ = os.Remove(addr.Name) // the next listener would replace it anyway
	}
	return nudges, stop, nil
}

// longestSocket is how many bytes the kernel leaves for a socket's path: 108,
// of which one ends it (unix(7), sun_path).
const longestSocket = 107

// wakeAddr is beside the database, or, when that path is too long for a
// socket, under a name made from it in the folder for temporary files.
func (db *DB) wakeAddr() *net.UnixAddr {
	name := db.path + ".wake"
	if len(name) > longestSocket {
		sum := sha256.Sum256([]byte(name))
		name = filepath.Join(os.TempDir(), "zensync-"+hex.EncodeToString(sum[:8])+".wake")
	}
	return &net.UnixAddr{Name: name, Net: "unixgram"}
}
