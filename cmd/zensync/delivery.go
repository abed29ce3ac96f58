package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

// htmlFormat is what only reports can be printed as.
const htmlFormat = "html"

// deliver prints an edition, into a file if --output names one.
func deliver(c *cli.Context, e edition) error {
	file := c.String("output")
	var buffer bytes.Buffer
	out := c.App.Writer
	if file != "" {
		out = &buffer
	}
	write := printSections
	if c.String("format") == htmlFormat {
		write = printPage
	}
	if err := write(c, out, e); err != nil {
		return err
	}
	if file == "" {
		return nil
	}
	return replaceFile(file, buffer.Bytes())
}

// printSections prints tables one below the other. An empty one is, for a
// person, a sentence, which is talk.
func printSections(c *cli.Context, out io.Writer, e edition) error {
	format := c.String("format")
	for i, s := range e.sections {
		if format == output.Formats()[0] && len(s.table.Rows) == 0 {
			fmt.Fprintln(c.App.ErrWriter, emptySentence(s.name, limited(c)))
			continue
		}
		if i > 0 && len(e.sections[i-1].table.Rows) > 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
		}
		if err := output.Write(out, format, s.table); err != nil {
			return err
		}
	}
	return nil
}

// printPage prints sections as one page, which says how it came about: it will
// be looked at when nobody remembers.
func printPage(c *cli.Context, out io.Writer, e edition) error {
	page := output.Page{Title: "zensync report", Facts: e.facts(c)}
	if len(e.sections) == 1 {
		page.Title += " " + e.sections[0].name
	}
	for _, s := range e.sections {
		page.Sections = append(page.Sections, sectionOf(s, limited(c)))
	}
	return output.WriteHTML(out, page)
}

// sectionOf is a report as a part of a page, with what it shows and what its
// columns mean.
func sectionOf(s section, limited bool) output.Section {
	part := output.Section{Title: s.name, Table: s.table, Empty: emptySentence(s.name, limited)}
	if report, err := store.ReportByName(s.name); err == nil { // a list is none
		part.Help = report.Help
		for _, column := range report.Columns {
			part.Columns = append(part.Columns, output.Pair{Key: column.Name, Value: column.Meaning})
		}
	}
	return part
}

// facts are when an edition was made, of what, and with which limits.
func (e edition) facts(c *cli.Context) []output.Pair {
	until := e.args.Until
	if until.IsZero() {
		until = e.made
	}
	all := []output.Pair{
		{Key: "made", Value: store.FormatTime(e.made)},
		{Key: "since", Value: timeCell(e.args.Since)}, {Key: "until", Value: timeCell(until)},
	}
	for _, flag := range []string{"user", "run", "limit"} {
		if c.IsSet(flag) {
			all = append(all, output.Pair{Key: flag, Value: fmt.Sprint(c.Value(flag))})
		}
	}
	if e.head.Seq > 0 {
		all = append(all, output.Pair{Key: "end of the log", Value: headText(e.head)})
	}
	return slices.DeleteFunc(all, func(p output.Pair) bool { return p.Value == nil })
}

// emptySentence says in words that a report has no rows.
func emptySentence(name string, limited bool) string {
	text := map[string]string{
		"skipped": "nobody is skipped", "log": "nothing was done", "links": "nobody is linked",
		"runs": "there was no run", "held": "nothing is held", "events": "no event came", "dead": "nothing was given up", "unlinked": "nothing was unlinked",
		"latency": "no event's work was done", "leavers": "nobody left", "roles": "nobody holds a mapped role", "summary": "there are no figures",
		"drift": "nothing differs", "acts": "nobody did anything", "failures": "nothing failed",
		"hourly": "no event came", "growth": "nobody was linked",
	}[name]
	if text == "" {
		text = "the report " + name + " is empty"
	}
	if limited {
		text += ", as far as was asked for"
	}
	return text
}

// replaceFile writes a file whole or not at all, for its owner alone.
func replaceFile(name string, text []byte) (err error) {
	if err := mayReplace(name); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}

// mayReplace fails where something is that a result must not take the place of: a
// folder, a device (as root, /dev/null could be lost) or a database.
func mayReplace(name string) error {
	switch info, err := os.Stat(name); {
	case err != nil:
		return nil // there is nothing, or what is done next says what is wrong
	case info.IsDir():
		return fmt.Errorf("write %s: it is a folder; name a file in it", name)
	case !info.Mode().IsRegular():
		return fmt.Errorf("write %s: it is no file but a device, a pipe or the like; without --output it goes to stdout", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil // it is not known, and its folder says whether it can be replaced
	}
	defer file.Close()
	var head [len(databaseMark)]byte
	if _, err := io.ReadFull(file, head[:]); err == nil && string(head[:]) == databaseMark {
		return fmt.Errorf("write %s: it is a database, which stays; name another file", name)
	}
	return nil
}

// databaseMark is how a file of SQLite's begins (https://www.sqlite.org/fileformat.html).
const databaseMark = "SQLite format 3\x00"

// tryPlace fails where replaceFile would, as far as can be told beforehand.
func tryPlace(name string) error {
	if err := mayReplace(name); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return errors.Join(temporary.Close(), os.Remove(temporary.Name()))
}
