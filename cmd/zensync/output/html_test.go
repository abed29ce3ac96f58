package output

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostile is a page of names that somebody chose to do harm.
var hostile = Page{
	Title: "report </title><script>alert(0)</script>",
	Facts: []Pair{{"user", `<img src=x onerror=alert(2)>`}, {"limit", int64(3)}},
	Sections: []Section{
		{Title: "log", Help: "What <was> done.\nThe latest first.", Columns: []Pair{{"name", "his & her name"}}, Table: Table{
			Columns: []string{"name", "error", "attempts"},
			Rows: [][]any{
				{`<script>alert(1)</script>`, `=cmd|' /C calc'!A0`, int64(7)},
				{`"><a href="javascript:alert(3)">x</a>`, "{{.Title}} `x` <!-- \u202egnp.exe \x1b[31m", nil},
			},
		}},
		{Title: "skipped", Empty: "nobody <is> skipped", Table: Table{Columns: []string{"name"}}},
	},
}

func TestWriteHTML(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WriteHTML(&out, hostile))
	golden(t, "hostile.html", out.String())
}

func TestHTMLHoldsNothingThatActs(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WriteHTML(&out, hostile))
	page := out.String()
	known := map[string]bool{}
	for _, tag := range strings.Fields("!DOCTYPE html head meta title style body h1 h2 p table thead tbody tr th td dl dt dd") {
		known[tag] = true
	}
	for _, tag := range regexp.MustCompile(`<[/]?([!\w]*)`).FindAllStringSubmatch(page, -1) {
		assert.True(t, known[tag[1]], "the page has <%s>", tag[1])
	}
	assert.NotRegexp(t, `(?i)<[^>]*(\bon\w+=|\bsrc=|\bhref=)`, page, "no tag does or fetches anything")
	assert.Contains(t, page, `default-src 'none'`)
	assert.Contains(t, page, `&lt;script&gt;alert(1)&lt;/script&gt;`)
	assert.Contains(t, page, `=cmd|`, "a page computes nothing, so the text stays as it is")
	assert.NotContains(t, page, "\u202e")
	assert.NotContains(t, page, "\x1b")
}

func TestHTMLIsPrintedWholeOrNotAtAll(t *testing.T) {
	for _, p := range []Page{
		{Sections: []Section{{Table: Table{Columns: []string{"a"}, Rows: [][]any{{1, 2}}}}}},
		{Sections: []Section{{Table: Table{Columns: []string{"a"}, Rows: [][]any{{struct{}{}}}}}}},
		{Facts: []Pair{{"a", struct{}{}}}},
	} {
		var out strings.Builder
		require.Error(t, WriteHTML(&out, p))
		assert.Empty(t, out.String())
	}
	require.ErrorIs(t, WriteHTML(full{}, hostile), errFull)
}

func TestCSVComputesNothing(t *testing.T) {
	for _, text := range []string{"=1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1", `=cmd|' /C calc'!A0`} {
		got, err := Table{Columns: []string{"a"}, Rows: [][]any{{text}}}.csv(false)
		require.NoError(t, err)
		assert.Regexp(t, `^a\r\n"?'`, string(got), "%q", text)
	}
	got, err := Table{Columns: []string{"a"}, Rows: [][]any{{int64(-1)}}}.csv(false)
	require.NoError(t, err)
	assert.Equal(t, "a\r\n-1\r\n", string(got), "a number is one")
}
