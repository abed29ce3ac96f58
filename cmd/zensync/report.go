package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "who is skipped and why, what was done, and more",
		ArgsUsage: "[NAME | list [NAME] | pack]",
		Description: "Without a name: who is skipped now, and the latest rows of the log. `report list` tells of all reports, and\n" +
			"`report list NAME` of the columns of one. `report pack --since TIME --output DIR` makes a folder for an auditor: a page that\n" +
			"stands for itself, with the chain of the log proved, and all of it as CSV.\n" +
			"Each is one SQL file over the local store; nothing is asked of Okta or ZenQMS.",
		Flags: append(limits(),
			&cli.StringFlag{Name: "output", Usage: "write into `FILE`, readable by you alone; one that is there is replaced"},
			formatFlag(htmlFormat)),
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
	name, format := c.Args().First(), c.String("format")
	switch name {
	case "list":
		return listReports(c)
	case "pack":
		return pack(c)
	}
	if c.NArg() > 1 {
		return usage("report: takes one name, and was given %q as well", c.Args().Get(1))
	}
	names := []string{"skipped", "log"}
	switch {
	case name != "":
		names = []string{name}
	case format != output.Formats()[0] && format != htmlFormat:
		return usage("report: --format %s needs the name of one report; `zensync report list` lists them", format)
	}
	for _, name := range names {
		if err := checkLimits(c, name); err != nil {
			return err
		}
	}
	e := edition{made: time.Now()}
	var err error
	if e.args, err = reportArgs(c, e.made); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	var lacks gaps
	if err := in.viewStore(c.Context, " yet: `zensync relay`, `zensync run` or `zensync deploy` makes it", func(tx *store.Tx) (err error) {
		if e.head, err = tx.LogHead(); err != nil {
			return err
		}
		if e.sections, err = readSections(tx, names, e.args, c); err != nil {
			return err
		}
		lacks, err = gapsOf(tx)
		return err
	}); err != nil {
		return err
	}
	for _, text := range lacks.since(e.args.Since, names...) {
		fmt.Fprintln(c.App.ErrWriter, output.Escape(text))
	}
	return deliver(c, e)
}

// edition is what one command prints of reports.
type edition struct {
	made     time.Time
	args     store.ReportArgs
	head     store.Head // the end of the log at that moment
	sections []section
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
		if alone && c.String("format") != htmlFormat {
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

// listReports prints the reports there are, or the columns of one.
func listReports(c *cli.Context) error {
	if c.NArg() > 2 {
		return usage("report list: takes one name, and was given %q as well", c.Args().Get(2))
	}
	if name := c.Args().Get(1); name != "" {
		report, err := store.ReportByName(name)
		if err != nil {
			return usageError{err}
		}
		t := output.Table{Columns: []string{"column", "meaning"}}
		for _, column := range report.Columns {
			t.Rows = append(t.Rows, []any{column.Name, column.Meaning})
		}
		return deliver(c, edition{made: time.Now(), sections: []section{{"list " + name, t}}})
	}
	return deliver(c, edition{made: time.Now(), sections: []section{{"list", allReports()}}})
}

func allReports() output.Table {
	t := output.Table{Columns: []string{"name", "help"}}
	for _, r := range store.Reports() {
		t.Rows = append(t.Rows, []any{r.Name, strings.ReplaceAll(r.Help, "\n", " ")})
	}
	return t
}
