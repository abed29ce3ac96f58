package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// Exit statuses. Scripts, units and monitoring rely on them.
const (
	exitDone      = 0
	exitFailed    = 1
	exitUsage     = 2 // the command line or the configuration cannot be followed
	exitAttention = 3 // done, but some users failed, or need a person; of a plan: there is something to do
	exitHeld      = 4 // done, but the brake held something new
)

// usageError says that the command line or the configuration cannot be
// followed.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

var (
	// errAttention ends a command that has said itself who needs a person.
	errAttention = errors.New("some users need attention")
	// errToDo ends a plan that has said itself what there is to do.
	errToDo = errors.New("there is something to do")
	// errHeld ends a command that has said itself what the brake holds.
	errHeld = errors.New("the brake holds something")
	// errInterrupted is what a signal makes of whatever it cut short.
	errInterrupted = errors.New("interrupted; what was asked for is kept, and the next worker goes on with it")
)

// statusOf is the exit status of an error.
func statusOf(err error) int {
	var usage usageError
	var wrong *config.Error
	var foreign *reconcile.ErrForeign
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage), errors.As(err, &wrong), errors.As(err, &foreign), errors.Is(err, reconcile.ErrGroups), errors.Is(err, reconcile.ErrRoles):
		return exitUsage
	case errors.Is(err, errHeld):
		return exitHeld
	case errors.Is(err, errAttention), errors.Is(err, errToDo):
		return exitAttention
	}
	return exitFailed
}

// complain prints an error: in lower case, without a full stop, a line for
// each problem. It may quote other systems, so nothing in it acts on a
// terminal.
func complain(w io.Writer, err error) {
	if err == nil || errors.Is(err, errAttention) || errors.Is(err, errToDo) || errors.Is(err, errHeld) {
		return
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(w, "zensync: "+output.Escape(strings.TrimRight(line, "\n")))
	}
	if store.MayPass(err) { // it says so itself
		return
	}
	for _, ailment := range diskAilments {
		if errors.Is(err, ailment.cause) {
			fmt.Fprintln(w, "zensync: "+ailment.remedy)
		}
	}
}

// diskAilments are what a disk other than the store's, or the store's ahead of
// SQLite, answers who makes a file, and what to do about it.
var diskAilments = []struct {
	cause  error
	remedy string
}{
	{syscall.ENOSPC, "the disk is full: make room, and give the command again"},
	{syscall.EDQUOT, "this user's share of the disk is used up: make room, and give the command again"},
	{syscall.EROFS, "that disk is mounted read-only: look into the kernel's log (dmesg) for the cause and mount it anew, or name a file elsewhere"},
	{syscall.EIO, "the disk failed: look into the kernel's log (dmesg), and give the command again once the disk works"},
}
