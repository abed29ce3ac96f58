package store

import (
	"errors"
	"fmt"
	"syscall"

	"modernc.org/sqlite"
)

// remedies says what a person does about what SQLite met, by its primary result
// codes (https://www.sqlite.org/rescode.html), and whether that may be all there is
// to do. An extended code is told apart by itself where that is to be done about
// something else. What is not here is a bug.
var remedies = map[int]struct {
	text   string
	passes bool
}{
	5:  {"another program has the database open and keeps it locked: end it (`fuser -v` names it), and it goes on by itself", true},
	8:  {remountIt, true},
	10: {"the disk failed: look into the kernel's log (dmesg); what was accepted is stored, and it goes on by itself once the disk works", true},
	11: {restoreIt, false},
	13: {makeRoom, true},
	14: {"the file or its folder cannot be opened: check that both belong to the user zensync runs as, and that the disk is mounted", true},
	26: {restoreIt, false},
	// SQLITE_IOERR_SHMSIZE: the file beside the database that says what is in the
	// log could not be made larger.
	10 | 19<<8: {makeRoom, true},
}

const (
	makeRoom  = "the disk is full: make room, and it goes on by itself"
	remountIt = "the disk or the file cannot be written: if it is mounted read-only, look into the kernel's log (dmesg) for the cause and mount it anew"
	restoreIt = "stop the services, and `zensync restore` the last backup, which keeps this file; " +
		"without one move it away, and `zensync deploy` finds every account again (the log is lost)"
)

// An ailment is an error of the file or its disk that says what to do. It is
// the last of its chain, so that who looks for the root of an error finds the
// remedy; its cause is found by errors.Is and errors.As all the same.
type ailment struct {
	cause  error
	remedy string
	passes bool
}

func (a *ailment) Error() string        { return a.cause.Error() + ": " + a.remedy }
func (a *ailment) Is(target error) bool { return errors.Is(a.cause, target) }
func (a *ailment) As(target any) bool   { return errors.As(a.cause, target) }

// MayPass tells whether an error is the disk's or another program's, so that what
// failed may go through later without anything being done about the store.
func MayPass(err error) bool {
	var a *ailment
	return errors.As(err, &a) && a.passes
}

// remedied adds to an error what to do about it, if it is the file's or the
// disk's fault and does not say so yet.
func remedied(err error) error {
	var known *ailment
	if err == nil || errors.As(err, &known) {
		return err
	}
	var refused *sqlite.Error
	if errors.As(err, &refused) {
		for _, code := range []int{refused.Code(), refused.Code() & 0xff} {
			if remedy, found := remedies[code]; found {
				return &ailment{err, remedy.text, remedy.passes}
			}
		}
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return &ailment{err, remountIt, true}
	case errors.Is(err, syscall.ENOSPC):
		return &ailment{err, makeRoom, true}
	}
	return err
}

// unremedied is an error about a file that is not the store in use: what that
// would need is not said of it.
func unremedied(err error) error {
	var known *ailment
	if errors.As(err, &known) && !known.passes {
		return known.cause
	}
	return err
}

// ofDisk adds to an error of SQLite's about a file that is not the store in use
// what the operating system calls it, by which whoever asked for the file is told
// what to do about his disk.
func ofDisk(err error) error {
	var refused *sqlite.Error
	if !errors.As(err, &refused) {
		return err
	}
	cause, found := map[int]syscall.Errno{8: syscall.EROFS, 10: syscall.EIO, 13: syscall.ENOSPC}[refused.Code()&0xff]
	if !found {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}
