package measure

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// String is the figures in the order of their names.
func (f Figures) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		parts = append(parts, short(f[name])+" "+name)
	}
	return strings.Join(parts, ", ")
}

// short is a number with three digits that count, or all before the point.
func short(v float64) string {
	if math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// Quantile returns the smallest of sorted values that at least the share q of
// them does not exceed. There must be a value.
func Quantile[T cmp.Ordered](sorted []T, q float64) T {
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}

// median is the value in the middle, or the mean of the two there.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// judge returns the claim's value in each round.
func (c Claim) judge(done rounds) ([]float64, error) {
	values := make([]float64, len(done[c.Of]))
	if len(values) == 0 {
		return nil, fmt.Errorf("there is no contestant %q", c.Of)
	}
	for round, figures := range done[c.Of] {
		v, found := figures[c.Figure]
		if !found {
			return nil, fmt.Errorf("%s has no figure %q", c.Of, c.Figure)
		}
		values[round] = v
		if len(c.To) == 0 {
			continue
		}
		against, err := c.hardest(done, round)
		if err != nil {
			return nil, err
		}
		values[round] = v / against
	}
	return values, nil
}

// hardest is the figure in a round that the claim is hardest to meet against:
// the largest where it has to be exceeded, else the smallest.
func (c Claim) hardest(done rounds, round int) (float64, error) {
	var all []float64
	for _, name := range c.To {
		if round >= len(done[name]) {
			return 0, fmt.Errorf("there is no contestant %q", name)
		}
		v, found := done[name][round][c.Figure]
		if !found || v <= 0 {
			return 0, fmt.Errorf("%s has no figure %q to compare with", name, c.Figure)
		}
		all = append(all, v)
	}
	if c.Target.atLeast || c.Target.none() {
		return slices.Max(all), nil
	}
	return slices.Min(all), nil
}
