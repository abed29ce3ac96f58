// Package curve draws what was measured as pictures, by the status page's
// charts: for light surroundings and for dark ones.
package curve

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/zensync/zensync/cmd/zensync/page/chart"
	"github.com/zensync/zensync/scripts/bench/measure"
)

// Draw writes the pictures of each drawing into a folder, in place of older
// ones: NAME-light-wide.svg and NAME-dark-wide.svg.
func Draw(folder string, all []measure.Drawing) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, d := range all {
		c := chart.Chart{Labels: d.Labels, Durations: true}
		for _, line := range d.Lines {
			c.Lines = append(c.Lines, chart.Line{Name: line.Name, Values: milliseconds(line.Values)})
		}
		for _, look := range []chart.Look{{}, {Dark: true}} {
			picture, err := c.SVG(look)
			if err != nil {
				return fmt.Errorf("%s: %w", d.Name, err)
			}
			if err := os.WriteFile(filepath.Join(folder, d.Name+look.Suffix()), picture, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// milliseconds are what a chart of durations shows.
func milliseconds(seconds []*float64) []float64 {
	all := make([]float64, len(seconds))
	for i, s := range seconds {
		if all[i] = math.NaN(); s != nil {
			all[i] = *s * float64(time.Second/time.Millisecond)
		}
	}
	return all
}

// Label is a number of users as it stands below a curve.
func Label(users int) string { return chart.Count(float64(users)) }
