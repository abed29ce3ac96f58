package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChartsAreDrawnOfAnything(t *testing.T) {
	many := make([]float64, 400)
	for name, c := range map[string]Chart{
		"nothing":         {},
		"no values":       {Labels: []string{"a"}, Lines: []Line{{Name: "x", Values: []float64{math.NaN()}}}},
		"bars":            {Bars: true, Labels: []string{"a", "b"}, Lines: []Line{{Name: "x", Values: []float64{0, 3}}}},
		"zero alone":      {Bars: true, Labels: []string{"a"}, Lines: []Line{{Name: "x", Values: []float64{0}}}},
		"durations":       {Durations: true, Labels: []string{"a", "b", "c"}, Lines: []Line{{"p50", []float64{0, math.NaN(), 90}}, {"p95", []float64{-5, math.NaN(), 3e9}}}},
		"one duration":    {Durations: true, Labels: []string{"a"}, Lines: []Line{{"p50", []float64{1000}}}},
		"many":            {Labels: make([]string, 400), Lines: []Line{{"x", many}}},
		"a million":       {Bars: true, Labels: []string{"a"}, Lines: []Line{{"x", []float64{1e6}}}},
		"a hostile label": {Labels: []string{`<script>alert("x")</script>`}, Lines: []Line{{"<b>", []float64{1}}, {"y", []float64{2}}}},
	} {
		for _, look := range []Look{{}, {Dark: true}, {Narrow: true}, {Dark: true, Narrow: true}} {
			text, err := c.SVG(look)
			require.NoError(t, err, name)
			assert.NotContains(t, string(text), "NaN", name)
			assert.NotContains(t, string(text), "<script", name)
			assert.NotContains(t, string(text), "href=", "%s: nothing is fetched", name)
			for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
				_, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err, "%s is no XML", name)
			}
		}
	}
}

func TestChartsHaveTheColoursOfTheirSurroundings(t *testing.T) {
	c := Chart{Labels: []string{"a"}, Lines: []Line{{"x", []float64{1}}}}
	light, err := c.SVG(Look{})
	require.NoError(t, err)
	dark, err := c.SVG(Look{Dark: true})
	require.NoError(t, err)
	assert.Contains(t, string(light), "fill:white")
	assert.NotContains(t, string(dark), "fill:white")
	narrowOne, err := c.SVG(Look{Narrow: true})
	require.NoError(t, err)
	assert.Contains(t, string(narrowOne), `viewBox="0 0 340 230"`)
}

func TestNumbersAreAsPeopleSayThem(t *testing.T) {
	for ms, want := range map[float64]string{0: "0 ms", 999: "999 ms", 999.6: "1 s", 1000: "1 s", 1250: "1.25 s", 99_000: "99 s", 120_000: "2 min", 3_600_000: "60 min",
		7_200_000: "2 h", 86_400_000: "24 h", 864_000_000: "10 days"} {
		assert.Equal(t, want, Duration(ms))
	}
	for n, want := range map[float64]string{0: "0", 9999: "9999", 12_500: "12.5k", 2_500_000: "2.5M"} {
		assert.Equal(t, want, Count(n))
	}
}
