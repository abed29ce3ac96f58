package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the configuration, in words for the
// person who has to put it right. It never holds a secret.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0 if the problem has no place in the file
	Key          string // dotted, as in okta.org_url; empty for the file as a whole
	What         string
	Remedy       string

	cause error
}

// String returns FILE:LINE:COLUMN: key: what; remedy.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.What)
	if p.Remedy != "" {
		b.WriteString("; " + p.Remedy)
	}
	return b.String()
}

// Error is everything that is wrong, in the order of the file.
type Error struct {
	Problems []Problem
}

// Error returns one problem a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the errors of the operating system behind the problems.
func (e *Error) Unwrap() []error {
	var causes []error
	for _, p := range e.Problems {
		if p.cause != nil {
			causes = append(causes, p.cause)
		}
	}
	return causes
}

// Reject returns the *Error of a command that cannot work with the value of
// key, placed where the file sets it.
func (c *Config) Reject(key, what, remedy string) error {
	r := c.report()
	r.add(key, what, remedy)
	return r.err()
}

// position is a place in the file; line and column count from 1.
type position struct{ line, column int }

// report collects problems and knows where each key stands.
type report struct {
	file     string
	at       map[string]position
	bad      map[string]bool // keys that have a problem: further rules skip them
	problems []Problem
}

// add records a problem with key. A key that is not in the file is placed at
// the section it belongs in, or at the top.
func (r *report) add(key, what, remedy string) {
	r.addAt(r.place(key), key, what, remedy)
}

func (r *report) addAt(at position, key, what, remedy string) {
	r.bad[key] = true
	r.problems = append(r.problems, Problem{
		File: r.file, Line: at.line, Column: at.column, Key: key, What: what, Remedy: remedy,
	})
}

func (r *report) place(key string) position {
	for {
		if at, ok := r.at[key]; ok {
			return at
		}
		cut := strings.LastIndexAny(key, ".[")
		if cut < 0 {
			return position{1, 1}
		}
		key = key[:cut]
	}
}

// given tells whether key stands in the file and has no problem so far.
func (r *report) given(key string) bool {
	_, ok := r.at[key]
	return ok && !r.bad[key]
}

// missing records that key has to be there, unless it is and has a bad value, or
// its whole section could not be read.
func (r *report) missing(key, remedy string) {
	section, _, _ := strings.Cut(key, ".")
	if _, ok := r.at[key]; !ok && !r.bad[section] {
		r.add(key, "is missing", remedy)
	}
}

func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{Problems: r.problems}
}

// unreadable is the error of a configuration file that cannot be opened.
func unreadable(path string, err error) error {
	remedy := "check the file, or name another with --config or ZENSYNC_CONFIG"
	if errors.Is(err, fs.ErrNotExist) {
		remedy = "name it with --config or ZENSYNC_CONFIG, or begin with `zensync setup`"
	}
	return &Error{Problems: []Problem{{
		File: path, What: "cannot be read: " + plain(err), Remedy: remedy, cause: err,
	}}}
}

// plain returns the reason in err without the file name, which the problem names already.
func plain(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}
