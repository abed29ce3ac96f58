package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// openTerminal makes one whose screen a test reads: a program gets the file, and what
// it wrote is there once it was closed.
func openTerminal(t *testing.T) (program *os.File, screen func() string) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	var locked, number int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(value)))
		require.Zero(t, errno)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	all := make(chan string)
	go func() {
		var seen bytes.Buffer
		_, _ = seen.ReadFrom(person) // it ends with an error when the program's end is closed
		all <- seen.String()
	}()
	return program, func() string {
		require.NoError(t, program.Close())
		return <-all
	}
}

// TestA1_VerifyShowsHowFarItIsOnATerminal: a log of years takes its time. What
// is printed stands apart from it, and nothing of it is left on the screen.
func TestA1_VerifyShowsHowFarItIsOnATerminal(t *testing.T) {
	w, err := newWorld(t.TempDir(), t.Cleanup)
	require.NoError(t, err)
	t.Setenv("ZENSYNC_CONFIG", w.vars["ZENSYNC_CONFIG"])
	const rows = 25_000
	many := make([]store.LogRow, rows)
	for i := range many {
		many[i] = store.LogRow{Origin: "hook", OktaID: "00u1", Action: store.ActNone, Outcome: store.OutcomeUnchanged}
	}
	require.NoError(t, w.withStore(func(db *store.DB) error {
		return db.Update(t.Context(), func(tx *store.Tx) error { return tx.AppendLog(many...) })
	}))
	file := filepath.Join(t.TempDir(), "log.jsonl")
	for _, line := range [][]string{{"export", "--output", file}, {"verify"}, {"verify", file}} {
		t.Run(fmt.Sprintf("%s of %d", line[0], len(line)), func(t *testing.T) {
			program, screen := openTerminal(t)
			var printed bytes.Buffer
			status := run(t.Context(), append([]string{"zensync"}, line...), strings.NewReader(""), &printed, program)
			seen := screen()
			require.Equal(t, exitDone, status, seen)
			what := map[string]string{"export": "rows exported", "verify": "rows verified"}[line[0]]
			assert.Regexp(t, what+` .*\(\d0000/(25000|-)`, seen, "A1: %v; of a file nobody knows how long it is", line)
			assert.NotContains(t, printed.String(), what, "%v", line)
			last := seen[strings.LastIndex(strings.TrimRight(seen, "\r\n"), "\r")+1:]
			assert.NotContains(t, last, what+" ", "%v: the bar is gone in the end", line)
		})
	}
}
