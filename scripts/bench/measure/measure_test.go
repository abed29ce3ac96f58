package measure

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 100}, 3.5},
	} {
		if got := median(tc.values); got != tc.want {
			t.Errorf("median of %v: %v instead of %v", tc.values, got, tc.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, tc := range []struct {
		values []int
		q      float64
		want   int
	}{
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
		{hundred, 0, 1},
		{[]int{7}, 0.99, 7},
		{[]int{1, 2, 3}, 0.5, 2},
	} {
		if got := Quantile(tc.values, tc.q); got != tc.want {
			t.Errorf("quantile %v of %d values: %v instead of %v", tc.q, len(tc.values), got, tc.want)
		}
	}
}

// fixed is a contestant with a given rate in each round.
func fixed(name string, began *[]string, rates ...float64) Contestant {
	round := 0
	return Contestant{Name: name, Run: func(_ context.Context, folder string) (Figures, error) {
		if _, err := os.Stat(folder); err != nil {
			return nil, err
		}
		*began = append(*began, name)
		round++
		return Figures{"jobs/s": rates[round-1], "p99 ms": 1000 / rates[round-1]}, nil
	}}
}

func TestRatiosAreTakenPerRound(t *testing.T) {
	var order []string
	m := Measurement{
		Name:        "queue",
		Contestants: []Contestant{fixed("ours", &order, 100, 50, 90), fixed("one", &order, 10, 1, 30), fixed("two", &order, 20, 5, 10)},
		Claims: []Claim{
			{What: "rate", Figure: "jobs/s", Of: "ours", To: []string{"one", "two"}, Target: AtLeast(5)},
			{What: "p99", Figure: "p99 ms", Of: "ours", To: []string{"one", "two"}, Target: AtMost(0.1)},
			{What: "alone", Figure: "p99 ms", Of: "ours", Target: AtMost(15)},
			{What: "shown", Figure: "jobs/s", Of: "ours"},
		},
	}
	report, err := Run(t.Context(), []Measurement{m}, 3, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	// Of the best in each round: 100/20, 50/5, 90/30.
	want := []struct {
		measured, low, high float64
		target              string
		holds               bool
	}{
		{5, 3, 10, "at least 5x", true},
		{0.2, 0.1, 1. / 3, "at most 0.1x", false},
		{1000. / 90, 10, 20, "at most 15 ms", true},
		{90, 50, 100, "", false},
	}
	for i, w := range want {
		got := report.Results[i]
		if !near(got.Measured, w.measured) || !near(got.Low, w.low) || !near(got.High, w.high) || got.Target != w.target {
			t.Errorf("%s: %+v instead of %+v", got.What, got, w)
		}
		if (got.Holds == nil) != (w.target == "") || got.Holds != nil && *got.Holds != w.holds {
			t.Errorf("%s: whether it holds", got.What)
		}
	}
	if got := strings.Join(order, " "); got != "ours one two one two ours two ours one" {
		t.Errorf("each begins a round: %s", got)
	}
	var out bytes.Buffer
	report.Print(&out)
	if !strings.Contains(out.String(), "5x (3 to 10)") || !strings.Contains(out.String(), "NO") {
		t.Errorf("the tables:\n%s", out.String())
	}
}

func near(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }

func TestFailureNamesTheContestant(t *testing.T) {
	broken := Contestant{Name: "broken", Run: func(context.Context, string) (Figures, error) { return nil, errors.New("lost rows") }}
	_, err := Run(t.Context(), []Measurement{{Name: "queue", Contestants: []Contestant{broken}}}, 1, t.TempDir(), io.Discard)
	if err == nil || err.Error() != "queue, broken: lost rows" {
		t.Errorf("error: %v", err)
	}
}

func TestCurvesAreOfMedians(t *testing.T) {
	var order []string
	m := Measurement{Name: "queue", Contestants: []Contestant{fixed("ours", &order, 4, 2, 9), fixed("one", &order, 1, 1, 1)},
		Curves: []Curve{{Name: "rate", Labels: []string{"a", "b"}, Lines: []Line{{Name: "x", Spots: []Spot{{"ours", "jobs/s"}, {}}}, {Name: "y", Spots: []Spot{{"one", "speed"}, {"one", "jobs/s"}}}}}}}
	report, err := Run(t.Context(), []Measurement{m}, 3, t.TempDir(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	x, y := report.Curves[0].Lines[0].Values, report.Curves[0].Lines[1].Values
	if x[0] == nil || *x[0] != 4 || x[1] != nil || y[0] != nil || y[1] == nil || *y[1] != 1 {
		t.Errorf("the points: %v, %v", x, y)
	}
}

func TestClaimsNameWhatThereIs(t *testing.T) {
	var order []string
	for _, claim := range []Claim{
		{Figure: "jobs/s", Of: "nobody"},
		{Figure: "speed", Of: "ours"},
		{Figure: "jobs/s", Of: "ours", To: []string{"nobody"}},
	} {
		m := Measurement{Name: "queue", Contestants: []Contestant{fixed("ours", &order, 1)}, Claims: []Claim{claim}}
		if _, err := Run(t.Context(), []Measurement{m}, 1, t.TempDir(), io.Discard); err == nil {
			t.Errorf("%+v was judged", claim)
		}
	}
}
