// Package output prints what commands found out: tables and objects for people,
// for scripts and for spreadsheets, progress, and one question.
//
// What is printed comes from two systems anybody with an account can write to.
// It is data here: nothing in it moves a cursor, colours a terminal or becomes
// a formula.
//
// The package does not decide what to print, nor where: data goes to the writer
// it is given, which for zensync is stdout; talk goes to stderr.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Table is rows of cells under named columns. A cell is nil, string, int,
// int64, float64, bool or json.RawMessage; a row has one for every column.
type Table struct {
	Columns []string
	Rows    [][]any
}

// Pair is a named value of an object: what a cell of a Table may be, or []Pair.
type Pair struct {
	Key   string
	Value any
}

// Formats are the values --format may have; the first is the default.
func Formats() []string { return []string{"table", "json", "csv"} }

// CheckFormat returns an error that lists the formats if format is none of them.
func CheckFormat(format string) error {
	if slices.Contains(Formats(), format) {
		return nil
	}
	return fmt.Errorf("unknown format %q; use one of %s", format, strings.Join(Formats(), ", "))
}

// Write prints t: as a table for people, as a JSON array of objects with the
// columns as keys in their order, or as CSV with a header. An empty table is an
// empty array, or the header alone. Nothing is written if a cell cannot be.
func Write(w io.Writer, format string, t Table) error {
	if err := t.check(); err != nil {
		return err
	}
	var text []byte
	var err error
	switch format {
	case "table":
		text = t.human(width(w))
	case "json":
		text, err = t.json()
	case "csv":
		text, err = t.csv(IsTerminal(w))
	default:
		err = CheckFormat(format)
	}
	return send(w, text, err)
}

// WriteObject prints one object: as lines of key and value, as a JSON object, or
// as CSV with the columns key and value. In the flat formats a nested key is
// written after its parent's, as in queue.ready.
func WriteObject(w io.Writer, format string, pairs []Pair) error {
	if format == "json" {
		text, err := object(pairs)
		if err != nil {
			return err
		}
		var indented bytes.Buffer
		err = json.Indent(&indented, text, "", "  ")
		indented.WriteByte('\n')
		return send(w, harmless(indented.Bytes()), err)
	}
	t := Table{Columns: []string{"key", "value"}, Rows: flatten("", pairs)}
	if format != "table" {
		return Write(w, format, t)
	}
	if err := t.check(); err != nil {
		return err
	}
	return send(w, t.lines(width(w)), nil)
}

func flatten(parent string, pairs []Pair) [][]any {
	var rows [][]any
	for _, pair := range pairs {
		if nested, ok := pair.Value.([]Pair); ok {
			rows = append(rows, flatten(parent+pair.Key+".", nested)...)
			continue
		}
		rows = append(rows, []any{parent + pair.Key, pair.Value})
	}
	return rows
}

func send(w io.Writer, text []byte, err error) error {
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// check holds every row to the contract of Table.
func (t Table) check() error {
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("print row %d: it has %d cells for %d columns", i+1, len(row), len(t.Columns))
		}
		for j, cell := range row {
			if _, err := textOf(cell); err != nil {
				return fmt.Errorf("print row %d, column %s: %w", i+1, t.Columns[j], err)
			}
		}
	}
	return nil
}

// textOf returns a cell as plain text; nil is empty.
func textOf(cell any) (string, error) {
	switch v := cell.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	case json.RawMessage:
		if len(v) == 0 {
			return "", nil
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, v); err != nil {
			return "", fmt.Errorf("not JSON: %w", err)
		}
		return compact.String(), nil
	}
	return "", fmt.Errorf("no way to print a %T", cell)
}

// mustText is textOf for a cell that check has passed.
func mustText(cell any) string {
	text, err := textOf(cell)
	if err != nil {
		panic("output: unchecked cell: " + err.Error())
	}
	return text
}

// IsNumber tells whether a cell is one, which people compare by its right end.
func IsNumber(cell any) bool {
	switch cell.(type) {
	case int, int64, float64:
		return true
	}
	return false
}
