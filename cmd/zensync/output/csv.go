package output

import (
	"bytes"
	"encoding/csv"
	"strings"
	"unicode/utf8"
)

// csv returns the rows as RFC 4180 has them: a header, commas, CRLF. Text is left
// as it is for programs, and escaped if a terminal is to show it.
func (t Table) csv(terminal bool) ([]byte, error) {
	records := [][]string{t.Columns}
	for _, row := range t.Rows {
		record := make([]string, len(row))
		for i, cell := range row {
			record[i] = mustText(cell)
			if terminal {
				record[i] = Escape(record[i])
			}
			if !IsNumber(cell) {
				record[i] = neutral(record[i])
			}
		}
		records = append(records, record)
	}
	var b bytes.Buffer
	for _, record := range records {
		// The writer's own CRLF would drop a CR within a cell.
		if err := csv.NewWriter(&b).WriteAll([][]string{record}); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - len("\n"))
		b.WriteString("\r\n")
	}
	return b.Bytes(), nil
}

// neutral puts an apostrophe before text that a spreadsheet would compute.
// Some take the full-width forms of the signs as well. Source: OWASP, CSV
// Injection.
func neutral(text string) string {
	first, _ := utf8.DecodeRuneInString(text)
	if text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + text
	}
	return text
}
