package demo

import (
	"fmt"
	"io"
	"os"

	"github.com/zensync/zensync/cmd/zensync/output"
)

// story is what the audience reads. An error of the writer is not looked at:
// a reader who has gone ends the demo by SIGPIPE.
type story struct {
	out    io.Writer
	colour bool
	scenes int
}

func newStory(out io.Writer) story {
	return story{out: out, colour: output.IsTerminal(out) && os.Getenv("NO_COLOR") == ""}
}

// The few colours, as ECMA-48 calls them.
const (
	bold = "1"
	cyan = "36"
	dim  = "2"
)

func (s *story) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// title opens the story.
func (s *story) title(text string) { fmt.Fprintln(s.out, s.paint(bold, text)) }

// scene opens a step: one line that says what it is about.
func (s *story) scene(title string) {
	s.scenes++
	fmt.Fprintf(s.out, "\n%s\n", s.paint(bold, fmt.Sprintf("%d. %s", s.scenes, title)))
}

// say tells what happened.
func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "   %s\n", fmt.Sprintf(format, args...))
}

// aside tells what need not be read.
func (s *story) aside(text string) { fmt.Fprintln(s.out, s.paint(dim, text)) }

// prompt shows a command line as it would be typed.
func (s *story) prompt(line string) { fmt.Fprintf(s.out, "\n%s\n", s.paint(cyan, "$ "+line)) }
