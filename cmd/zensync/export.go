package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write the log out whole, to be checked and kept elsewhere",
		Description: "Writes every row of the log with its hash, a JSON object a line. `zensync verify FILE` checks such a file on any machine,\n" +
			"without the database. It holds names and addresses.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: exportFormat, Usage: "`FORMAT` of the file: " + exportFormat, Action: func(_ *cli.Context, format string) error {
				if format != exportFormat {
					return usage("export: unknown format %q; a log is exported as %s", format, exportFormat)
				}
				return nil
			}},
			&cli.StringFlag{Name: "output", Usage: "write into a new `FILE`, readable by you alone, instead of to stdout"},
			&cli.Int64Flag{Name: "after", Usage: "only the rows behind the one with this `SEQ`, as of an earlier export"},
		},
		Action: export,
	}
}

const exportFormat = "jsonl"

func export(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	after := c.Int64("after")
	if after < 0 {
		return usage("--after %d: give the number of a row of the log", after)
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	bar := output.NewProgress(c.App.ErrWriter, "rows exported")
	defer bar.Close()
	var head store.Head
	var gone store.Segment
	write := func(to io.Writer) error {
		return in.viewStore(c.Context, ", so there is no log", func(tx *store.Tx) (err error) {
			if head, err = tx.ExportLog(to, after, bar.Set); err != nil {
				return err
			}
			gone, err = tx.Archived()
			return err
		})
	}
	if name := c.String("output"); name != "" {
		err = fillNew(name, write)
	} else {
		err = write(c.App.Writer)
	}
	bar.Close()
	if err != nil {
		return uninterrupted(c.Context, err, "not exported: interrupted")
	}
	fmt.Fprintf(c.App.ErrWriter, "%s exported, up to %s\n", count(head.Seq-max(after, gone.Head.Seq), "row", "rows"), headText(head))
	if after < gone.Head.Seq {
		sayArchived(c.App.ErrWriter, gone)
	}
	return nil
}

// fillNew makes a file that was not there before, for its owner alone, and has
// it filled. One that could not be filled is removed.
func fillNew(name string, fill func(io.Writer) error) error {
	file, err := createNew(name)
	if err != nil {
		return err
	}
	if err = errors.Join(fill(file), file.Sync(), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(name))
	}
	return nil
}

// createNew makes a file that was not there before, for its owner alone.
func createNew(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already and stays as it is: name another file", name)
	}
	return file, err
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}
