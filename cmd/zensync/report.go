package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "who is skipped and why, what was done, and more",
		ArgsUsage: "[NAME | list]",
		Description: "Without a name: who is skipped now, and the latest rows of the log. `report list` tells of all reports.\n" +
			"Each is one SQL file over the local store; nothing is asked of Okta or ZenQMS.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "from this `TIME` on: 2006-01-02, RFC 3339, or how long ago, as in 36h or 7d"},
			&cli.StringFlag{Name: "until", Usage: "up to this `TIME`, but without it"},
			&cli.StringFlag{Name: "user", Usage: "of this `USER` only: an Okta id, or the address this store has of him"},
			&cli.Int64Flag{Name: "run", Usage: "of the run with this `ID` only"},
			&cli.Int64Flag{Name: "limit", Usage: "at most `N` rows"},
			&cli.StringFlag{Name: "output", Usage: "write into `FILE`, readable by you alone"},
			formatFlag(),
		},
		Action: report,
	}
}

// shownLog is how many rows of the log `report` alone shows.
const shownLog = 20

// overview is what `report` alone shows of each report: whole, the log is too
// wide for a terminal.
var overview = map[string][]string{
	"skipped": {"okta_id", "email", "reason", "since"},
	"log":     {"time", "origin", "okta_id", "action", "outcome", "changes", "error"},
}

func report(c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("report: takes one name, and was given %q as well", c.Args().Get(1))
	}
	name, format := c.Args().First(), c.String("format")
	if name == "list" {
		return deliver(c, section{table: listReports()})
	}
	names := []string{name}
	if name == "" {
		if format != "table" {
			return usage("report: --format %s needs the name of one report; `zensync report list` lists them", format)
		}
		names = []string{"skipped", "log"}
	}
	for _, name := range names {
		if _, err := store.ReportByName(name); err != nil {
			return usageError{err}
		}
	}
	args, err := reportArgs(c, time.Now())
	if err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	var sections []section
	if err := in.viewStore(c.Context, " yet: `zensync relay`, `zensync run` or `zensync deploy` makes it", func(tx *store.Tx) (err error) {
		sections, err = readSections(tx, names, args, c)
		return err
	}); err != nil {
		return err
	}
	return deliver(c, sections...)
}

// section is a report with its rows.
type section struct {
	name  string
	table output.Table
}

func readSections(tx *store.Tx, names []string, args store.ReportArgs, c *cli.Context) ([]section, error) {
	if who := c.String("user"); who != "" {
		id, err := knownUser(tx, who)
		if err != nil {
			return nil, fmt.Errorf("--user %s: %w", who, err)
		}
		args.User = id
	}
	var sections []section
	alone := len(names) > 1
	for _, name := range names {
		args := args
		if alone && name == "log" && args.Limit == 0 {
			args.Limit = shownLog
		}
		table, err := readReport(tx, name, args)
		if err != nil {
			return nil, err
		}
		if alone {
			table = shortened(only(table, overview[name]...))
		}
		sections = append(sections, section{name, table})
	}
	return sections, nil
}

// longestCell is how many letters of a cell `report` alone shows.
const longestCell = 200

// shortened cuts long cells: the first configuration of a store is a row that
// has every key.
func shortened(t output.Table) output.Table {
	for _, row := range t.Rows {
		for i, cell := range row {
			if changes, ok := cell.(json.RawMessage); ok {
				if letters := []rune(string(changes)); len(letters) > longestCell {
					row[i] = string(letters[:longestCell]) + "…"
				}
			}
		}
	}
	return t
}

func listReports() output.Table {
	t := output.Table{Columns: []string{"name", "help"}}
	for _, r := range store.Reports() {
		t.Rows = append(t.Rows, []any{r.Name, strings.ReplaceAll(r.Help, "\n", " ")})
	}
	return t
}

func reportArgs(c *cli.Context, now time.Time) (args store.ReportArgs, err error) {
	for flag, at := range map[string]*time.Time{"since": &args.Since, "until": &args.Until} {
		if text := c.String(flag); text != "" {
			if *at, err = parseTime(text, now); err != nil {
				return args, usage("--%s %w", flag, err)
			}
		}
	}
	for flag, n := range map[string]*int64{"run": &args.Run, "limit": &args.Limit} {
		if *n = c.Int64(flag); c.IsSet(flag) && *n < 1 {
			return args, usage("--%s %d: give a number from 1 on", flag, *n)
		}
	}
	return args, nil
}

// parseTime reads a date, which begins at midnight where this host is, a time
// of RFC 3339, or how long before now.
func parseTime(text string, now time.Time) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if ago, err := config.ParseKeep(text); err == nil {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q: give a date as 2006-01-02, a time as 2006-01-02T15:04:05Z, or how long ago as 36h or 7d", text)
}

// deliver prints sections, into a file if --output names one. An empty table
// for a person is a sentence, which is talk.
func deliver(c *cli.Context, sections ...section) error {
	format, file := c.String("format"), c.String("output")
	var buffer bytes.Buffer
	for i, s := range sections {
		out := c.App.Writer
		if file != "" {
			out = &buffer
		}
		if format == "table" && len(s.table.Rows) == 0 {
			fmt.Fprintln(c.App.ErrWriter, emptySentence(s.name, limited(c)))
			continue
		}
		if i > 0 && len(sections[i-1].table.Rows) > 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
		}
		if err := output.Write(out, format, s.table); err != nil {
			return err
		}
	}
	if file == "" {
		return nil
	}
	return replaceFile(file, buffer.Bytes())
}

// limited tells whether rows were left out on purpose.
func limited(c *cli.Context) bool {
	for _, flag := range []string{"since", "until", "user", "run"} {
		if c.IsSet(flag) {
			return true
		}
	}
	return false
}

// emptySentence says in words that a report has no rows.
func emptySentence(name string, limited bool) string {
	text := map[string]string{
		"skipped": "nobody is skipped", "log": "nothing was done", "links": "nobody is linked",
		"runs": "there was no run", "held": "nothing is held", "events": "no event came", "dead": "nothing was given up", "unlinked": "nothing was unlinked",
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
