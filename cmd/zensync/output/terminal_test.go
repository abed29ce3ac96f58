package output

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIsTerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer file.Close()
	for _, w := range []any{file, &bytes.Buffer{}, nil, io.Discard} {
		assert.False(t, IsTerminal(w))
		assert.Zero(t, width(w))
	}
}

func TestConfirm(t *testing.T) {
	for in, want := range map[string]bool{
		"y\n": true, "yes\n": true, " YES \r\n": true, "y": true,
		"": false, "\n": false, "n\n": false, "yep\n": false, "no\ny\n": false,
	} {
		var out strings.Builder
		got, err := Confirm(strings.NewReader(in), &out, "deactivate 3 users?")
		require.NoError(t, err)
		assert.Equal(t, want, got, "%q", in)
		assert.Equal(t, "deactivate 3 users? [y/N] ", strings.TrimSuffix(out.String(), "\n"))
		assert.Equal(t, !strings.Contains(in, "\n"), strings.HasSuffix(out.String(), "\n"), "%q", in)
	}
}

func TestConfirmTwice(t *testing.T) {
	in := strings.NewReader("n\ny\n")
	first, err := Confirm(in, io.Discard, "one?")
	require.NoError(t, err)
	second, err := Confirm(in, io.Discard, "two?")
	require.NoError(t, err)
	assert.Equal(t, []bool{false, true}, []bool{first, second})
}

func TestConfirmFails(t *testing.T) {
	broken := errors.New("broken")
	yes, err := Confirm(iotest.ErrReader(broken), io.Discard, "one?")
	require.ErrorIs(t, err, broken)
	assert.False(t, yes)
	yes, err = Confirm(strings.NewReader("y\n"), full{}, "one?")
	require.ErrorIs(t, err, errFull)
	assert.False(t, yes)
}

func TestProgressIsSilentWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, "users")
	p.Set(1, 2)
	p.Set(2, 2)
	p.Close()
	assert.Empty(t, out.String())
}

// drawn is a progress that takes out for a terminal.
func drawn(out io.Writer) *Progress { return &Progress{w: out, what: "users"} }

func TestProgressDraws(t *testing.T) {
	for name, test := range map[string]struct {
		steps [][2]int64
		want  []string
	}{
		"known":           {[][2]int64{{5, 10}}, []string{"users", "50%", "(5/10)"}},
		"unknown":         {[][2]int64{{7, 0}}, []string{"users", "7/-"}},
		"becomes known":   {[][2]int64{{7, 0}, {8, 16}}, []string{"7/-", "50%", "(8/16)"}},
		"beyond":          {[][2]int64{{10, 10}, {5, 20}}, []string{"25%", "(5/20)"}},
		"shrinks":         {[][2]int64{{10, 20}, {4, 16}}, []string{"50%", "(4/16)"}},
		"more than whole": {[][2]int64{{1, 4}, {30, 10}, {6, 20}}, []string{"25%", "(6/20)"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p := drawn(&out)
			for _, step := range test.steps {
				p.Set(step[0], step[1])
			}
			p.Close()
			p.Close()
			for _, want := range test.want {
				assert.Contains(t, out.String(), want)
			}
			size := out.Len()
			p.Set(1, 2)
			assert.Equal(t, size, out.Len(), "nothing is drawn after Close")
			last := out.String()[strings.LastIndex(strings.TrimRight(out.String(), "\r"), "\r")+1:]
			assert.Empty(t, strings.TrimSpace(last), "the bar is gone")
		})
	}
}

func TestProgressFromManyGoroutines(t *testing.T) {
	p := drawn(io.Discard)
	var wg sync.WaitGroup
	for i := range int64(8) {
		wg.Go(func() { p.Set(i, 8+i) })
	}
	wg.Wait()
	p.Close()
}

func TestProgressOnABrokenTerminal(t *testing.T) {
	p := drawn(full{})
	assert.NotPanics(t, func() { p.Set(1, 2); p.Set(3, 4); p.Close() })
}
