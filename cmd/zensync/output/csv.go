package output

import (
	"bytes"
	"encoding/csv"
	"strings"
	"unicode"
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
// Some take the full-width forms of the signs as well, and some pass over what
// cannot be seen before them. Source: OWASP, CSV Injection.
func neutral(text string) string {
	const breaks, signs = "\t\r\n", "=+-@＝＋－＠"
	seen := strings.TrimLeftFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc) })
	first, _ := utf8.DecodeRuneInString(text)
	sign, _ := utf8.DecodeRuneInString(seen)
	if text != "" && strings.ContainsRune(breaks, first) || seen != "" && strings.ContainsRune(signs, sign) {
		return "'" + text
	}
	return text
}
