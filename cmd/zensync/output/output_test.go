package output

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with the file of that name in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// users has every kind of cell and the names that make trouble.
var users = Table{
	Columns: []string{"okta_id", "name", "attempts", "share", "active", "changes", "error"},
	Rows: [][]any{
		{"00u1", "Anna Łęcka", int64(3), 0.25, true, json.RawMessage(`{"title": {"old": null, "new": "QA & <Lead>"}}`), nil},
		{"00u2", "محمد علي 👩‍🔬", int64(-12), 1e21, false, json.RawMessage(nil), "400: title is too long"},
		{"00u3", "\x1b[31mred\x07\x9b", 0, -0.5, true, json.RawMessage(`[]`), "two\nlines\tand \"quotes\", a comma\r"},
		{"=1+1", "@SUM(A1)", int64(1), 2.0, nil, nil, "-1"},
		{"00u5", "+49 30 1\u009b2J\u007f", int64(math.MaxInt64), 0.1, true, nil, "\u202egnp.exe\u2066\u2028"},
		{"", "\tx", nil, nil, nil, nil, "\r=1"},
	},
}

func TestWrite(t *testing.T) {
	for _, format := range Formats() {
		t.Run(format, func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, Write(&out, format, users))
			golden(t, "users."+format, out.String())
		})
	}
}

func TestNothingReachesATerminal(t *testing.T) {
	shown := map[string]string{"table": string(users.human(0)), "narrow": string(users.human(60))}
	text, err := users.csv(true)
	require.NoError(t, err)
	shown["csv"] = strings.ReplaceAll(string(text), "\r\n", "\n")
	text, err = users.json()
	require.NoError(t, err)
	shown["json"] = string(text)
	for format, text := range shown {
		for _, r := range strings.ReplaceAll(text, "\n", "") {
			assert.False(t, acts(r), "%s prints %U", format, r)
		}
	}
}

func TestWrapping(t *testing.T) {
	long := Table{
		Columns: []string{"okta_id", "reason", "since"},
		Rows: [][]any{
			{"00u1", strings.Repeat("the address is held by another account ", 4), "2026-03-01T10:00:00.000Z"},
			{"00u2", strings.Repeat("x", 120), "2026-03-01T10:00:00.000Z"},
			{"00u3", "short", nil},
		},
	}
	golden(t, "wrapped.table", string(long.human(72)))
	for line := range strings.Lines(string(long.human(72))) {
		assert.LessOrEqual(t, len([]rune(line)), 73, line)
	}
	assert.Equal(t, 5, strings.Count(string(long.human(0)), "\n"), "one line a row where nobody wraps")
	assert.NotPanics(t, func() { long.human(1) })
}

func TestJSON(t *testing.T) {
	var out strings.Builder
	require.NoError(t, Write(&out, "json", users))
	var rows []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out.String()), &rows))
	require.Len(t, rows, len(users.Rows))
	assert.Equal(t, "\x1b[31mred\x07\ufffd", rows[2]["name"], "escaping does not change the value")
	assert.Equal(t, "+49 30 1\u009b2J\u007f", rows[4]["name"])
	assert.Nil(t, rows[5]["attempts"])
	assert.Equal(t, map[string]any{"title": map[string]any{"old": nil, "new": "QA & <Lead>"}}, rows[0]["changes"])
	assert.Contains(t, out.String(), `"attempts": 9223372036854775807,`, "numbers keep all their digits")
}

func TestCSV(t *testing.T) {
	var out strings.Builder
	require.NoError(t, Write(&out, "csv", users))
	records, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, users.Columns, records[0])
	assert.Equal(t, "-12", records[2][2], "numbers stay numbers")
	assert.Equal(t, "-0.5", records[3][3])
	for _, cell := range []string{records[4][0], records[4][1], records[4][6], records[5][1], records[6][1]} {
		assert.Equal(t, byte('\''), cell[0], cell)
	}
	assert.True(t, strings.HasPrefix(out.String(), "okta_id,name,attempts,share,active,changes,error\r\n"))
	assert.Equal(t, len(records), strings.Count(out.String(), "\r\n"), "every record ends with CRLF, and no line end within a cell does")
	assert.Contains(t, out.String(), "a comma\r\"\r\n", "a CR within a cell is kept")
}

func TestEmpty(t *testing.T) {
	empty := Table{Columns: []string{"id", "error"}}
	for format, want := range map[string]string{
		"table": "id  error\n──  ─────\n", "json": "[]\n", "csv": "id,error\r\n",
	} {
		var out strings.Builder
		require.NoError(t, Write(&out, format, empty))
		assert.Equal(t, want, out.String(), format)
	}
}

var status = []Pair{
	{"state", "active"},
	{"queue", []Pair{{"ready", int64(0)}, {"oldest_seconds", nil}}},
	{"hook", []Pair{{"id", "who1"}, {"verified", true}, {"limits", []Pair{{"share", 0.5}}}}},
	{"last_run", json.RawMessage(`{"id": 7}`)},
	{"note", "\x1b[2J"},
}

func TestWriteObject(t *testing.T) {
	for _, format := range Formats() {
		var out strings.Builder
		require.NoError(t, WriteObject(&out, format, status))
		golden(t, "status."+format, out.String())
	}
	for format, want := range map[string]string{"table": "", "json": "{}\n", "csv": "key,value\r\n"} {
		var out strings.Builder
		require.NoError(t, WriteObject(&out, format, nil))
		assert.Equal(t, want, out.String(), format)
	}
}

func TestRefused(t *testing.T) {
	table := func(cells ...any) Table { return Table{Columns: []string{"a"}, Rows: [][]any{cells}} }
	for name, test := range map[string]struct {
		format string
		table  Table
		want   string
	}{
		"format":       {"xml", table("x"), `unknown format "xml"; use one of table, json, csv`},
		"short row":    {"csv", table(), "print row 1: it has 0 cells for 1 columns"},
		"long row":     {"json", table("x", "y"), "print row 1: it has 2 cells for 1 columns"},
		"unknown type": {"table", table(struct{}{}), "print row 1, column a: no way to print a struct {}"},
		"broken JSON":  {"json", table(json.RawMessage(`{`)), "print row 1, column a: not JSON: unexpected end of JSON input"},
		"not a number": {"json", table(math.NaN()), "print row 1: a: json: unsupported value: NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			require.EqualError(t, Write(&out, test.format, test.table), test.want)
			assert.Empty(t, out.String())
		})
	}
	for _, format := range Formats() {
		require.NoError(t, CheckFormat(format))
		require.ErrorContains(t, WriteObject(&strings.Builder{}, format, []Pair{{"a", struct{}{}}}), "no way to print a struct {}")
		require.ErrorIs(t, Write(full{}, format, users), errFull)
		require.ErrorIs(t, WriteObject(full{}, format, status), errFull)
	}
	require.Error(t, CheckFormat(""))
	require.Error(t, WriteObject(&strings.Builder{}, "xml", status))
}

var errFull = errors.New("disk full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"": "",
		"Zoë Ωmega 李 👩🏽‍🔬🇩🇪": "Zoë Ωmega 李 👩🏽‍🔬🇩🇪",
		"שלום\u200f!":        "שלום\u200f!",
		"\x1b]0;title\x07":   `\x1b]0;title\x07`,
		"a\nb\rc\td\x00":     `a\nb\rc\td\x00`,
		"\u0085\u009b1m":     `\u0085\u009b1m`,
		"\xff\xc3":           `\xff\xc3`,
		"\ufffd":             "\ufffd",
		"\u202euser\u202c":   `\u202euser\u202c`,
		`CORP\anna`:          `CORP\anna`,
	} {
		assert.Equal(t, want, Escape(in))
	}
}
