package output

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAsk(t *testing.T) {
	in := strings.NewReader("  one \ntwo\nthree")
	for _, want := range []string{"one", "two"} {
		var out bytes.Buffer
		got, err := Ask(t.Context(), in, &out, "Which? ")
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.Equal(t, "Which? ", out.String())
	}
	got, err := AskSecret(t.Context(), in, io.Discard, "Which? ")
	assert.ErrorIs(t, err, io.EOF)
	assert.Equal(t, "three", got)
}

func TestAsk_EndsWithItsContext(t *testing.T) {
	in, _, err := os.Pipe()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Ask(ctx, in, io.Discard, "Which? ")
	assert.ErrorIs(t, err, context.Canceled)
	require.NoError(t, in.Close())
}

func ioctl(t *testing.T, file *os.File, request uintptr, value unsafe.Pointer) {
	t.Helper()
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), request, uintptr(value))
	require.Zero(t, errno)
}

// openTerminal makes a terminal: what a person types is written to the first
// end, and what he sees is read from it. The second is what a program has.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	var locked, number int32
	ioctl(t, person, syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	ioctl(t, person, syscall.TIOCGPTN, unsafe.Pointer(&number))
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { program.Close() })
	return person, program
}

// shows tells whether a terminal shows what is typed.
func shows(t *testing.T, program *os.File) bool {
	var state syscall.Termios
	ioctl(t, program, syscall.TCGETS, unsafe.Pointer(&state))
	return state.Lflag&syscall.ECHO != 0
}

// hidden waits until it does not.
func hidden(t *testing.T, program *os.File) {
	t.Helper()
	require.Eventually(t, func() bool { return !shows(t, program) }, time.Minute, time.Millisecond)
}

func TestAskSecret_ShowsNothing(t *testing.T) {
	person, program := openTerminal(t)
	answers := make(chan string, 1)
	go func() {
		answer, err := AskSecret(t.Context(), program, program, "Token: ")
		assert.NoError(t, err)
		answers <- answer
	}()
	hidden(t, program)
	_, err := person.WriteString("hushhush\n")
	require.NoError(t, err)
	require.Equal(t, "hushhush", <-answers)
	assert.True(t, shows(t, program), "it shows again what is typed")
	_, err = program.WriteString("end")
	require.NoError(t, err)
	var seen string
	for buffer := make([]byte, 100); !strings.Contains(seen, "end"); {
		n, err := person.Read(buffer)
		require.NoError(t, err)
		seen += string(buffer[:n])
	}
	assert.Contains(t, seen, "Token: ")
	assert.NotContains(t, seen, "hush")
}

func TestAskSecret_ShowsAgainWhenItIsBrokenOff(t *testing.T) {
	_, program := openTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := AskSecret(ctx, program, io.Discard, "Token: ")
		ended <- err
	}()
	hidden(t, program)
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
	assert.True(t, shows(t, program))
}
