package output

import (
	"encoding/json"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

const (
	gap       = "  " // between columns
	narrowest = 12   // letters to which a column is wrapped at most
)

// human returns the table for a person: columns apart by blanks, numbers to the
// right, and no line wider than limit as long as that can be had by wrapping the
// widest columns. A limit of 0 is none: what goes into a file or a pipe stays on
// one line a row.
func (t Table) human(limit int) []byte {
	columns := t.columns(limit)
	header := make(table.Row, len(t.Columns))
	for i, name := range t.Columns {
		header[i] = Escape(name)
	}
	out := layout(columns)
	out.AppendHeader(header)
	for _, row := range t.Rows {
		out.AppendRow(escaped(row))
	}
	return []byte(out.Render() + "\n")
}

// lines returns a table of keys and values without its header.
func (t Table) lines(limit int) []byte {
	columns := t.columns(limit)
	for i := range columns {
		columns[i].Align = text.AlignLeft
	}
	out := layout(columns)
	for _, row := range t.Rows {
		out.AppendRow(escaped(row))
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return []byte(out.Render() + "\n")
}

func layout(columns []table.ColumnConfig) table.Writer {
	out := table.NewWriter()
	out.SetColumnConfigs(columns)
	out.SetStyle(table.Style{
		Name: "zensync",
		Box:  table.BoxStyle{MiddleHorizontal: "─", MiddleSeparator: gap, MiddleVertical: gap},
		Options: table.Options{
			SeparateColumns: true,
			SeparateHeader:  true,
		},
	})
	out.SuppressTrailingSpaces()
	return out
}

func escaped(row []any) table.Row {
	cells := make(table.Row, len(row))
	for i, cell := range row {
		cells[i] = Show(cell)
	}
	return cells
}

// Show returns a cell for a person; what is not known is a dash.
func Show(cell any) string {
	switch v := cell.(type) {
	case nil:
		return "-"
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case json.RawMessage:
		if len(v) == 0 {
			return "-"
		}
	}
	return Escape(mustText(cell))
}

// columns decides alignment and width of each column.
func (t Table) columns(limit int) []table.ColumnConfig {
	configs := make([]table.ColumnConfig, len(t.Columns))
	widths := make([]int, len(t.Columns))
	for i, name := range t.Columns {
		align, numbers := text.AlignLeft, 0
		widths[i] = text.StringWidthWithoutEscSequences(Escape(name))
		for _, row := range t.Rows {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(Show(row[i])))
			if IsNumber(row[i]) {
				numbers++
			}
		}
		if numbers > 0 {
			align = text.AlignRight
		}
		configs[i] = table.ColumnConfig{Number: i + 1, Align: align, AlignHeader: align, WidthMaxEnforcer: text.WrapSoft}
	}
	if limit > 0 {
		shrink(widths, limit-len(gap)*(len(widths)-1))
		for i := range configs {
			configs[i].WidthMax = widths[i]
		}
	}
	return configs
}

// shrink takes from the widest column until the sum is at most limit or no
// column is wider than narrowest.
func shrink(widths []int, limit int) {
	sum := 0
	for _, w := range widths {
		sum += w
	}
	for ; sum > limit; sum-- {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if len(widths) == 0 || widths[widest] <= narrowest {
			return
		}
		widths[widest]--
	}
}
