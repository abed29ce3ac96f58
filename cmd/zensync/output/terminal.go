package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"
)

// IsTerminal tells whether w, a reader or a writer, is a terminal.
func IsTerminal(w any) bool {
	file, ok := w.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}

// width returns the columns of the terminal w, or 0 if it is none.
func width(w any) int {
	if !IsTerminal(w) {
		return 0
	}
	columns, _, err := term.GetSize(int(w.(interface{ Fd() uintptr }).Fd()))
	if err != nil { // a terminal that does not tell: do not wrap
		return 0
	}
	return columns
}

// Confirm asks a question and reads one line. Only y or yes is a yes; anything
// else is a no, the end of the input included. It takes no more than that line
// from in, so that a second question finds the second line.
func Confirm(in io.Reader, out io.Writer, question string) (bool, error) {
	if _, err := fmt.Fprintf(out, "%s [y/N] ", question); err != nil {
		return false, fmt.Errorf("ask for confirmation: %w", err)
	}
	answer, err := readLine(in)
	if errors.Is(err, io.EOF) {
		_, err = fmt.Fprintln(out) // nobody has pressed return
	}
	if err != nil {
		return false, fmt.Errorf("ask for confirmation: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// Ask asks for one line and returns it without the blanks around it. The end of
// the input is io.EOF, the end of ctx its error. It takes no more than that line
// from in.
func Ask(ctx context.Context, in io.Reader, out io.Writer, question string) (string, error) {
	return ask(ctx, out, question, func() (string, error) { return readLine(in) })
}

// AskSecret is Ask for what must not be seen: a terminal shows nothing of it. It
// does again afterwards, however this ends.
func AskSecret(ctx context.Context, in io.Reader, out io.Writer, question string) (string, error) {
	if !IsTerminal(in) {
		return Ask(ctx, in, out, question)
	}
	fd := int(in.(interface{ Fd() uintptr }).Fd())
	shown, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("ask without showing the answer: %w", err)
	}
	answer, err := ask(ctx, out, question, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	if ctx.Err() == nil || err == nil {
		_, _ = fmt.Fprintln(out) // the return that was not shown
	}
	return answer, errors.Join(err, term.Restore(fd, shown))
}

func ask(ctx context.Context, out io.Writer, question string, read func() (string, error)) (string, error) {
	if _, err := fmt.Fprint(out, question); err != nil {
		return "", fmt.Errorf("ask: %w", err)
	}
	type answer struct {
		text string
		err  error
	}
	given := make(chan answer, 1)
	go func() {
		text, err := read()
		given <- answer{text, err}
	}()
	select {
	case a := <-given:
		if errors.Is(a.err, io.EOF) {
			_, _ = fmt.Fprintln(out) // nobody has pressed return
		}
		return strings.TrimSpace(a.text), a.err
	case <-ctx.Done():
		_, _ = fmt.Fprintln(out)
		return "", ctx.Err()
	}
}

// readLine reads up to a line end, byte by byte. At io.EOF the line so far is
// returned with it.
func readLine(in io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := in.Read(b)
		if n == 1 && b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[:n]...)
		if err != nil {
			return string(line), err
		}
	}
}
