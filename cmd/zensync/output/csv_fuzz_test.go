package output

import (
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzCSV holds what a spreadsheet and a script rely on, whatever somebody is
// called: a cell is one cell in one row, is what it was, and computes nothing.
func FuzzCSV(f *testing.F) {
	f.Add("Ada", "=cmd|' /C calc'!A0", int64(-12))
	f.Add("\"\r\n,\"", "\r=1+1", int64(0))
	f.Add("＝1", "\t@SUM(A1)", int64(7))
	f.Add("\ufeff=1+1", "\u200b=1", int64(1))
	f.Fuzz(func(t *testing.T, first, second string, n int64) {
		if !utf8.ValidString(first) || !utf8.ValidString(second) {
			return // the store keeps none
		}
		var out strings.Builder
		require.NoError(t, Write(&out, "csv", Table{Columns: []string{"a", "b", "c"}, Rows: [][]any{{first, n, second}}}))
		// The reader takes CRLF within a cell for LF, which what was printed did not.
		records, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		require.NoError(t, err, "%q", out.String())
		require.Len(t, records, 2, "a row is one row: %q", out.String())
		require.Len(t, records[1], 3)
		for i, was := range map[int]string{0: first, 2: second} {
			cell := records[1][i]
			assert.Equal(t, strings.ReplaceAll(neutral(was), "\r\n", "\n"), cell)
			if shown := strings.TrimLeft(cell, "\ufeff\u200b \u00a0\x00"); shown != "" {
				assert.NotContains(t, "=+-@＝＋－＠", string([]rune(shown)[:1]), "a spreadsheet that passes over blanks computes %q", cell)
			}
		}
	})
}
