// Package chart draws the status page's charts, as SVG: pictures that need no
// script. What they show stands beside them in words.
//
// It knows nothing of what the figures mean.
package chart

import (
	"fmt"
	"math"

	"github.com/go-analyze/charts"
)

// Look is for whom a chart is drawn: who has dark or light surroundings, and
// room for a wide or a narrow picture.
type Look struct{ Dark, Narrow bool }

// Line is a line of a chart, or the bars of one. A value for each label; NaN is
// none.
type Line struct {
	Name   string
	Values []float64
}

// Chart is what is drawn.
type Chart struct {
	Labels []string
	Lines  []Line
	Bars   bool // instead of lines
	// Durations says that values are milliseconds, and that each step of the
	// scale is ten times the one before.
	Durations bool
}

// Sizes in pixels: the pictures are drawn for these and scaled a little.
const (
	wide, narrow = 620, 340
	height       = 230
	letters      = 12
	letterWidth  = 9  // of such letters, at most, on average
	axisRoom     = 80 // beside the picture proper
	rightRoom    = 24 // of that, to its right
)

// palette has a line's colours that are told apart with every kind of colour
// vision, and are 3:1 and more against their background (WCAG 1.4.11).
func palette(dark bool) charts.ColorPalette {
	o := charts.ThemeOption{
		BackgroundColor: charts.ColorFromHex("#ffffff"), TextColor: charts.ColorFromHex("#3d4450"),
		AxisStrokeColor: charts.ColorFromHex("#8a919c"), AxisSplitLineColor: charts.ColorFromHex("#e3e6ea"),
		SeriesColors: []charts.Color{charts.ColorFromHex("#1f6feb"), charts.ColorFromHex("#b35900")},
	}
	if dark {
		o = charts.ThemeOption{
			IsDarkMode: true, BackgroundColor: charts.ColorFromHex("#171b21"), TextColor: charts.ColorFromHex("#c6ccd5"),
			AxisStrokeColor: charts.ColorFromHex("#7b838f"), AxisSplitLineColor: charts.ColorFromHex("#2b313a"),
			SeriesColors: []charts.Color{charts.ColorFromHex("#6cb0ff"), charts.ColorFromHex("#ffb057")},
		}
	}
	return charts.MakeTheme(o)
}

var themes = map[bool]charts.ColorPalette{false: palette(false), true: palette(true)}

// SVG draws a chart.
func (c Chart) SVG(l Look) ([]byte, error) {
	theme := themes[l.Dark]
	width := wide
	if l.Narrow {
		width = narrow
	}
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height, Theme: theme})
	if err := c.draw(p, theme); err != nil {
		return nil, fmt.Errorf("draw a chart: %w", err)
	}
	return p.Bytes()
}

func (c Chart) draw(p *charts.Painter, theme charts.ColorPalette) error {
	font := charts.FontStyle{FontSize: letters, FontColor: theme.GetXAxisTextColor()}
	y, values := c.scale()
	y.LabelFontStyle = font
	x := charts.XAxisOption{Labels: thinned(c.Labels, p.Width()), LabelFontStyle: font, LabelCount: len(c.Labels)}
	legend := charts.LegendOption{Show: charts.Ptr(len(c.Lines) > 1), FontStyle: font}
	for _, line := range c.Lines {
		legend.SeriesNames = append(legend.SeriesNames, line.Name)
	}
	padding := charts.NewBox(4, 10, rightRoom, 4)
	if c.Bars {
		o := charts.NewBarChartOptionWithData(values)
		o.Theme, o.Padding, o.Legend, o.CategoryAxis, o.ValueAxis = theme, padding, legend, x, []charts.ValueAxisOption{y}
		return p.BarChart(o)
	}
	o := charts.NewLineChartOptionWithData(values)
	o.Theme, o.Padding, o.Legend, o.XAxis, o.YAxis = theme, padding, legend, x, []charts.YAxisOption{y}
	o.LineStrokeWidth = 2.5
	return p.LineChart(o)
}

// thinned has labels for as many places as there is room for; the others are
// blank.
func thinned(labels []string, width int) []string {
	longest := 0
	for _, label := range labels {
		longest = max(longest, len(label))
	}
	most := max(1, (width-axisRoom)/((longest+3)*letterWidth))
	step := (len(labels) + most - 1) / most
	some := make([]string, len(labels))
	for i, label := range labels {
		// A label stands below its place, in the middle: at the end there has to
		// be room for its half.
		room := (len(labels)-1-i)*(width-axisRoom)/max(1, len(labels)-1) + rightRoom
		if i%step == step/2 && room >= len(label)*letterWidth/2 {
			some[i] = label
		}
	}
	return some
}

// scale is the axis of the values, and where each is on it.
func (c Chart) scale() (charts.ValueAxisOption, [][]float64) {
	values := make([][]float64, len(c.Lines))
	least, most := math.Inf(1), math.Inf(-1)
	for i, line := range c.Lines {
		values[i] = make([]float64, len(line.Values))
		for j, v := range line.Values {
			switch {
			case math.IsNaN(v):
				v = charts.GetNullValue()
			case c.Durations:
				v = math.Log10(max(v, 1))
				least, most = min(least, v), max(most, v)
			default:
				least, most = min(least, v), max(most, v)
			}
			values[i][j] = v
		}
	}
	if most < least { // there is nothing
		least, most = 0, 1
	}
	if c.Durations {
		bottom, top := math.Floor(least), max(math.Floor(least)+1, math.Ceil(most))
		return charts.ValueAxisOption{Min: &bottom, Max: &top, LabelCount: int(top-bottom) + 1, PreferNiceIntervals: charts.Ptr(false),
			ValueFormatter: func(v float64) string { return Duration(math.Pow(10, v)) }}, values
	}
	axis := charts.ValueAxisOption{Min: charts.Ptr(0.0), ValueFormatter: Count, PreferNiceIntervals: charts.Ptr(true)}
	if most < 5 { // no fractions of a person
		axis.Max, axis.LabelCount, axis.PreferNiceIntervals = charts.Ptr(max(most, 1)), int(max(most, 1))+1, charts.Ptr(false)
	}
	return axis, values
}

// Count is a number as an axis has it.
func Count(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.4gM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.4gk", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

// Duration is a time of so many milliseconds, as people say it.
func Duration(ms float64) string {
	switch s := ms / 1000; {
	case math.Round(ms) < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case s < 99.5:
		return fmt.Sprintf("%.3g s", s)
	case s < 90*60:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f h", s/3600)
	default:
		return fmt.Sprintf("%.0f days", s/86400)
	}
}

// Suffix is how a picture for a look is called, behind the chart's name.
func (l Look) Suffix() string {
	theme, room := "light", "wide"
	if l.Dark {
		theme = "dark"
	}
	if l.Narrow {
		room = "narrow"
	}
	return "-" + theme + "-" + room + ".svg"
}
