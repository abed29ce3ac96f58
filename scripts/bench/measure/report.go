package measure

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Report is all that was measured.
type Report struct {
	Machine Machine   `json:"machine"`
	Rounds  int       `json:"rounds"`
	Results []Result  `json:"results"`
	Figures []Figure  `json:"figures"`
	Curves  []Drawing `json:"curves"`
}

// Machine is what it was measured on.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
}

// Result is a claim and what came of it.
type Result struct {
	What     string  `json:"what"`
	Measured float64 `json:"measured"` // median of the rounds
	Low      float64 `json:"low"`      // of all rounds
	High     float64 `json:"high"`
	Unit     string  `json:"unit"`            // "x" for a ratio
	Target   string  `json:"target"`          // "" for none
	Holds    *bool   `json:"holds,omitempty"` // absent without a target
}

// Figure is a contestant's, as it was.
type Figure struct {
	Measurement string    `json:"measurement"`
	Contestant  string    `json:"contestant"`
	Name        string    `json:"name"`
	Median      float64   `json:"median"`
	Low         float64   `json:"low"`
	High        float64   `json:"high"`
	Rounds      []float64 `json:"rounds"`
}

func (r *Report) add(m Measurement, done rounds) error {
	for _, c := range m.Claims {
		values, err := c.judge(done)
		if err != nil {
			return err
		}
		r.Results = append(r.Results, newResult(c, values))
	}
	for _, c := range m.Curves {
		r.Curves = append(r.Curves, c.draw(done))
	}
	for _, c := range m.Contestants {
		r.addFigures(m.Name, c.Name, done[c.Name])
	}
	return nil
}

func newResult(c Claim, values []float64) Result {
	result := Result{What: c.What, Measured: median(values), Low: slices.Min(values), High: slices.Max(values), Unit: "x"}
	if len(c.To) == 0 {
		result.Unit = unit(c.Figure)
	}
	if !c.Target.none() {
		result.Target = "at most "
		if c.Target.atLeast {
			result.Target = "at least "
		}
		result.Target += withUnit(c.Target.bound, result.Unit)
		holds := c.Target.holds(result.Measured)
		result.Holds = &holds
	}
	return result
}

func (r *Report) addFigures(measurement, contestant string, runs []Figures) {
	var names []string
	for name := range runs[0] {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		var values []float64
		for _, figures := range runs {
			values = append(values, figures[name])
		}
		r.Figures = append(r.Figures, Figure{Measurement: measurement, Contestant: contestant, Name: name,
			Median: median(values), Low: slices.Min(values), High: slices.Max(values), Rounds: values})
	}
}

// Print writes the figures, and then the table of results.
func (r *Report) Print(w io.Writer) {
	figures := table.NewWriter()
	figures.AppendHeader(table.Row{"measurement", "contestant", "figure", "median", "lowest", "highest"})
	for _, f := range r.Figures {
		figures.AppendRow(table.Row{f.Measurement, f.Contestant, f.Name, short(f.Median), short(f.Low), short(f.High)})
	}
	results := table.NewWriter()
	results.AppendHeader(table.Row{"what", "measured", "target", "holds"})
	for _, result := range r.Results {
		results.AppendRow(table.Row{result.What, result.measured(), result.Target, result.verdict()})
	}
	printTable(w, figures)
	printTable(w, results)
}

// PrintTable writes any other table in the same form.
func PrintTable(w io.Writer, header []string, rows [][]string) {
	t := table.NewWriter()
	t.AppendHeader(tableRow(header))
	for _, row := range rows {
		t.AppendRow(tableRow(row))
	}
	printTable(w, t)
}

func tableRow(cells []string) (row table.Row) {
	for _, cell := range cells {
		row = append(row, cell)
	}
	return row
}

func printTable(w io.Writer, t table.Writer) {
	t.Style().Format.Header = text.FormatDefault // as it is written
	fmt.Fprintln(w, t.Render())
}

func (r Result) measured() string {
	if r.Low == r.High {
		return withUnit(r.Measured, r.Unit)
	}
	return withUnit(r.Measured, r.Unit) + " (" + short(r.Low) + " to " + short(r.High) + ")"
}

func (r Result) verdict() string {
	switch {
	case r.Holds == nil:
		return ""
	case *r.Holds:
		return "yes"
	}
	return "NO"
}

func withUnit(v float64, unit string) string {
	if unit == "x" {
		return short(v) + unit
	}
	return strings.TrimSpace(short(v) + " " + unit)
}

// WriteJSON writes the same for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
