package output

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

// Page is one HTML page that stands for itself: nothing is fetched, and there
// are no scripts.
type Page struct {
	Title    string
	Facts    []Pair // what the page is about: when it was made, over which period
	Sections []Section
}

// Section is one table of a page.
type Section struct {
	Title   string
	Help    string // what it shows
	Columns []Pair // what each column means: its name and a text; may be empty
	Table   Table
	Empty   string // what to say when it has no rows
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"show": Show, "number": IsNumber, "time": isTime, "escape": Escape,
}).Parse(pageText))

// isTime tells whether a cell is a time as the store has them. It is not to be
// broken over lines.
func isTime(cell any) bool {
	text, ok := cell.(string)
	if !ok {
		return false
	}
	_, err := time.Parse("2006-01-02T15:04:05.000Z", text)
	return err == nil
}

// WriteHTML prints a page. Nothing is written if a cell cannot be.
func WriteHTML(w io.Writer, p Page) error {
	for _, s := range p.Sections {
		if err := s.Table.check(); err != nil {
			return err
		}
	}
	for _, fact := range p.Facts {
		if _, err := textOf(fact.Value); err != nil {
			return fmt.Errorf("print %s: %w", fact.Key, err)
		}
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}
