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
	Name    string   // the file's name without .sql, as in `zensync report NAME`
	Help    string   // the file's leading comment, up to its first empty line
	Columns []Column // as the rest of that comment has them
	SQL     string   // one SELECT; parameters are named and all optional (NULL)
}

// Column is what a report says of one of its columns.
type Column struct{ Name, Meaning string }

// Uses tells whether the report has a parameter, such as user.
func (r Report) Uses(parameter string) bool { return strings.Contains(r.SQL, ":"+parameter) }

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
		help, columns := leadingComment(string(text))
		all = append(all, Report{Name: name, Help: help, Columns: columns, SQL: string(text)})
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

// leadingComment takes apart the "--" lines with which a file opens: the help,
// an empty line, and the columns. A column is a line of its name and, after
// blanks, its meaning, which goes on in lines that begin with blanks.
func leadingComment(text string) (help string, columns []Column) {
	var lines []string
	described := false
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "--")
		if !ok {
			break
		}
		comment = strings.TrimPrefix(comment, " ")
		name, meaning, _ := strings.Cut(comment, " ")
		meaning = strings.TrimSpace(meaning)
		switch {
		case comment == "":
			described = true
		case !described:
			lines = append(lines, comment)
		case name == "" && len(columns) > 0:
			columns[len(columns)-1].Meaning += " " + meaning
		default:
			columns = append(columns, Column{name, meaning})
		}
	}
	return strings.Join(lines, "\n"), columns
}
