package output

import (
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
