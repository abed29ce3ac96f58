package store

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzForm holds what the proof of the log rests on, whatever names and errors
// are in it: the canonical form is JSON that reads back as what was written, and
// two rows that differ have two forms.
func FuzzForm(f *testing.F) {
	f.Add("Ada", "Byron", int64(1), "", "ab", true)
	f.Add("\x00\x1f\u2028\u2029\\\"", "\",\"", int64(-1), "null", "", false)
	f.Add("\xff", "\xed\xa0\x80", int64(1<<62), "]", "[\"", true)
	f.Add("a\",\"b", "c", int64(0), "a", "b\",\"c", false)
	f.Fuzz(func(t *testing.T, a, b string, n int64, c, d string, null bool) {
		first, second := []any{n, a, b}, []any{n, c, d}
		if null {
			second = []any{n, nil, d}
		}
		forms := make([][]byte, 2)
		for i, fields := range [][]any{first, second} {
			values, err := appendValues(nil, fields)
			valid := true
			for _, field := range fields {
				text, is := field.(string)
				valid = valid && (!is || utf8.ValidString(text))
			}
			require.Equal(t, valid, err == nil, "A1: text has a form, and bytes that are none have not")
			if err != nil {
				return
			}
			forms[i] = appendForm(nil, "00ff", values)
			var read []any
			in := json.NewDecoder(bytes.NewReader(forms[i]))
			in.UseNumber()
			require.NoError(t, in.Decode(&read), "A1: the form is JSON: %s", forms[i])
			require.Len(t, read, len(fields)+1)
			assert.Equal(t, "00ff", read[0])
			number, err := read[1].(json.Number).Int64()
			require.NoError(t, err)
			assert.Equal(t, []any{fields[0], fields[1], fields[2]}, []any{number, read[2], read[3]}, "A1: it reads back as what was written")
		}
		same := !null && a == c && b == d
		assert.Equal(t, same, bytes.Equal(forms[0], forms[1]), "A1: rows that differ have forms that differ")
	})
}
