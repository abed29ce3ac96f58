// Package schema holds the SQL that people read and run: the numbered
// migrations of the store and one file per report.
//
// It runs nothing; package store does. Statements that only the program runs
// stand beside their Scan in package store, not here.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
)

//go:embed *.sql
var migrations embed.FS

//go:embed reports/*.sql
var reports embed.FS

// Migrations returns the NNNN_name.sql files, to be applied in the order of
// their numbers and never undone.
func Migrations() fs.FS { return migrations }

// Report is one question the store can answer, as a file that anyone may also
// run with the sqlite3 program.
type Report struct {
	Name string // the file's name without .sql, as in `zensync report NAME`
	Help string // the file's leading comment
	SQL  string // one SELECT; parameters are named and all optional (NULL)
}

// Reports returns every report, ordered by name.
func Reports() []Report {
	files, err := fs.Glob(reports, "reports/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	sort.Strings(files)
	all := make([]Report, 0, len(files))
	for _, file := range files {
		text, err := reports.ReadFile(file)
		if err != nil {
			panic(err) // the file is embedded
		}
		name := strings.TrimSuffix(path.Base(file), ".sql")
		all = append(all, Report{Name: name, Help: leadingComment(string(text)), SQL: string(text)})
	}
	return all
}

// ReportByName returns the report called name, or an error that lists the
// names there are.
func ReportByName(name string) (Report, error) {
	var names []string
	for _, r := range Reports() {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Report{}, fmt.Errorf("there is no report %q; there are: %s", name, strings.Join(names, ", "))
}

// leadingComment joins the "--" lines with which a file opens.
func leadingComment(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "--")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimSpace(comment))
	}
	return strings.Join(lines, "\n")
}
