// Package measure compares contestants: it runs them in turn, round by round,
// and holds what came of it against targets.
//
// What the machine does meanwhile changes from minute to minute by a factor of
// two and more, so a figure alone says little. Contestants that are compared
// run right after one another, each round has a ratio of its own, and the
// median of these is the result.
package measure

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// Figures are what one run of a contestant came to, by name. The last word of
// a name is the unit: "requests/s", "p99 ms".
type Figures map[string]float64

// Contestant is one way of doing what a Measurement is about.
type Contestant struct {
	Name string
	// Run does it once. folder is empty, on the disk to be measured, and
	// removed afterwards.
	Run func(ctx context.Context, folder string) (Figures, error)
}

// Measurement is one thing to measure.
type Measurement struct {
	Name        string // as in --only
	Contestants []Contestant
	Claims      []Claim
	Curves      []Curve
}

// Claim is what a figure of a contestant is held to.
type Claim struct {
	What   string
	Figure string
	Of     string // the contestant
	// To are the contestants it is compared with, by a ratio to the one that
	// makes the claim hardest in that round. None: the figure itself counts.
	To     []string
	Target Target
}

// Target is a bound. The zero Target is none: the result is only shown.
type Target struct {
	bound   float64
	atLeast bool
	set     bool
}

// AtLeast is met by bound and more.
func AtLeast(bound float64) Target { return Target{bound, true, true} }

// AtMost is met by bound and less.
func AtMost(bound float64) Target { return Target{bound, false, true} }

func (t Target) none() bool { return !t.set }

func (t Target) holds(v float64) bool {
	if t.atLeast {
		return v >= t.bound
	}
	return v <= t.bound
}

// rounds are the figures of one measurement: by contestant, one per round.
type rounds map[string][]Figures

// Run measures each of the measurements in n rounds, in folders below dir, and
// says on progress where it is. In every round another contestant begins, so
// that none is always the one who finds the disk at rest.
func Run(ctx context.Context, all []Measurement, n int, dir string, progress io.Writer) (*Report, error) {
	report := &Report{Rounds: n}
	for _, m := range all {
		done := rounds{}
		for round := range n {
			for i := range m.Contestants {
				c := m.Contestants[(i+round)%len(m.Contestants)]
				figures, err := runOnce(ctx, c, dir)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", m.Name, c.Name, err)
				}
				done[c.Name] = append(done[c.Name], figures)
				fmt.Fprintf(progress, "%s, round %d of %d, %s: %s\n", m.Name, round+1, n, c.Name, figures)
			}
		}
		if err := report.add(m, done); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return report, nil
}

func runOnce(ctx context.Context, c Contestant, dir string) (_ Figures, err error) {
	folder, err := os.MkdirTemp(dir, "zensync-bench-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if removed := os.RemoveAll(folder); err == nil {
			err = removed
		}
	}()
	return c.Run(ctx, folder)
}

// unit is the last word of a figure's name.
func unit(figure string) string { return figure[strings.LastIndex(figure, " ")+1:] }
