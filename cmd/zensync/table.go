package main

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

// tableOf makes a report's columns and rows, as the store gives them, a table
// to print: JSON stays JSON, and yes or no becomes a bool.
func tableOf(columns []string, rows [][]any) output.Table {
	t := output.Table{Columns: columns, Rows: make([][]any, len(rows))}
	for i, row := range rows {
		t.Rows[i] = make([]any, len(row))
		for j, value := range row {
			t.Rows[i][j] = cell(columns[j], value)
		}
	}
	return t
}

func cell(column string, value any) any {
	switch v := value.(type) {
	case string:
		if column == "changes" || column == "roles" || column == "groups" {
			return json.RawMessage(v)
		}
	case int64:
		if column == "active" {
			return v != 0
		}
	}
	return value
}

// only returns a table of some columns of t, in the order given.
func only(t output.Table, columns ...string) output.Table {
	out := output.Table{Columns: columns, Rows: make([][]any, len(t.Rows))}
	for i, row := range t.Rows {
		for _, column := range columns {
			out.Rows[i] = append(out.Rows[i], row[slices.Index(t.Columns, column)])
		}
	}
	return out
}

// timeCell is a time as the reports show it, nil for none.
func timeCell(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return store.FormatTime(t)
}
