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
)

// Nudge tells the worker, if there is one, that the outbox has something new.
// It is a courtesy: a nudge that is lost costs the worker's slow poll, no
// more, so there is no error to return.
func (db *DB) Nudge() {
	conn, err := net.DialUnix("unixgram", nil, db.wakeAddr())
	if err != nil {
		return // no worker is up; the next one looks at the outbox when it starts
	}
	_, _ = conn.Write([]byte{1}) // a full socket buffer means that nudges wait already
	_ = conn.Close()
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
