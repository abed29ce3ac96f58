package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// supervisor is the service manager of a script: it holds the relay's socket
// for the whole of it, and starts services.
type supervisor struct {
	socket   *os.File
	services map[string]*supervised
}

// supervised is a service, and what it has said to its manager.
type supervised struct {
	cmd     *exec.Cmd
	notices *net.UnixConn
	heard   chan struct{} // closed when there is nothing more to hear

	mu   sync.Mutex
	told string
}

// watchdogTime is a little more than two turns of a worker that has nothing
// to do.
const watchdogTime = "2500000" // in microseconds

// supervisor begins to listen where the configuration has the relay listen, so
// that a relay which did not take the socket could not start.
func (w *world) supervisor(ts *testscript.TestScript) *supervisor {
	if w.manager != nil {
		return w.manager
	}
	l, err := net.Listen("tcp", w.relay)
	ts.Check(err)
	// To hand over a file of net's makes its socket block, for whoever has it
	// already, too: a relay that accepts just then would never stop. A file that
	// was made of one that blocks leaves that as it is.
	file, err := l.(*net.TCPListener).File()
	ts.Check(err)
	fd, err := syscall.Dup(int(file.Fd()))
	ts.Check(errors.Join(err, file.Close(), l.Close()))
	socket := os.NewFile(uintptr(fd), "the relay's socket")
	s := &supervisor{socket: socket, services: map[string]*supervised{}}
	w.manager = s
	ts.Defer(func() {
		for _, service := range s.services {
			_ = service.cmd.Process.Kill()
			_ = service.end()
		}
		ts.Check(socket.Close())
	})
	return s
}

// supervise starts `zensync SERVICE` as a service manager would: with the
// relay's socket, an ear and a watchdog.
func supervise(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: supervise SERVICE")
	}
	w := worldOf(ts)
	s := w.supervisor(ts)
	if before := s.services[args[0]]; before != nil {
		_ = before.end() // it has failed, and the script has said so
	}
	name := filepath.Join(w.folder, args[0]+".notify")
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	ts.Check(err)
	// The manager names the process that a socket is for; only a shell knows
	// that in time.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec zensync "$0"`, args[0])
	cmd.Dir = w.folder
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=relay", "WATCHDOG_USEC="+watchdogTime,
		"NOTIFY_SOCKET="+name, transcript+"="+ts.Getenv(transcript), "ZENSYNC_CONFIG="+ts.Getenv("ZENSYNC_CONFIG"))
	cmd.ExtraFiles = []*os.File{s.socket}
	cmd.Stderr = new(bytes.Buffer)
	ts.Check(cmd.Start())
	service := &supervised{cmd: cmd, notices: notices, heard: make(chan struct{})}
	s.services[args[0]] = service
	go service.listen()
}

// release stops a service that supervise started.
func release(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: release SERVICE")
	}
	service := worldOf(ts).supervisor(ts).services[args[0]]
	ts.Check(service.cmd.Process.Signal(syscall.SIGTERM))
	if err := service.end(); err != nil {
		ts.Check(fmt.Errorf("%s: %w: %s", args[0], err, service.cmd.Stderr))
	}
}

// goodbye comes behind all that a service has said.
const goodbye = "goodbye"

// listen keeps what the service says until it has ended.
func (s *supervised) listen() {
	defer close(s.heard)
	buf := make([]byte, 4096)
	for {
		n, err := s.notices.Read(buf)
		if err != nil || string(buf[:n]) == goodbye {
			return
		}
		s.mu.Lock()
		s.told += string(buf[:n]) + "\n"
		s.mu.Unlock()
	}
}

// end waits for the service to end. It may be called again.
func (s *supervised) end() error {
	if s.cmd.ProcessState != nil {
		return nil
	}
	err := s.cmd.Wait()
	last, dialErr := net.DialUnix("unixgram", nil, s.notices.LocalAddr().(*net.UnixAddr))
	if dialErr != nil {
		return errors.Join(err, dialErr)
	}
	_, writeErr := last.Write([]byte(goodbye))
	<-s.heard
	return errors.Join(err, writeErr, last.Close(), s.notices.Close(), os.Remove(s.notices.LocalAddr().String()))
}

// wasTold tells whether a service has said something, n times at least.
func (w *world) wasTold(service, text string, n int) bool {
	s := w.manager.services[service]
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.told, text) >= n
}

// told is the script command of that name.
func (w *world) told(args []string) (bool, error) {
	n := 1
	if len(args) > 2 {
		var err error
		if n, err = strconv.Atoi(args[2]); err != nil {
			return false, err
		}
	}
	return w.wasTold(args[0], args[1], n), nil
}
