package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func archiveCommand() *cli.Command {
	return &cli.Command{
		Name:  "archive",
		Usage: "move the oldest rows of the log into a file that proves itself",
		Description: "The file is what `zensync export` writes: `zensync verify FILE` checks it on any machine, and several in their order. It is\n" +
			"proved and on disk before anything is deleted; who archived what, and the file's hash, stand in the log, which begins\n" +
			"behind it from then on. Keep the file: what is in it is nowhere else. It holds names and addresses.\n" +
			"Works beside services that are up. Broken off, run it again with the same file.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "before", Usage: "rows from before this `TIME`: a date, RFC 3339, or how long ago, as in 400d"},
			&cli.StringFlag{Name: "keep", Usage: "rows older than this `LENGTH` of time, as in 400d or 52w"},
			&cli.StringFlag{Name: "output", Usage: "the new `FILE`, readable by you alone"},
			reasonFlag(), byFlag(), formatFlag(),
		},
		Action: archive,
	}
}

func archive(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	before, err := archiveBefore(c, time.Now())
	if err != nil {
		return err
	}
	to := c.String("output")
	if to == "" {
		return usage("archive: name the file with --output")
	}
	if to, err = filepath.Abs(to); err != nil { // the log is read elsewhere
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	exists, err := in.hasStore()
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("there is no store at %s, so there is no log", in.Store.Path)
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		if err := in.checkBinding(c.Context, db); err != nil {
			return err
		}
		bar := output.NewProgress(c.App.ErrWriter, "rows archived")
		defer bar.Close()
		made, err := db.Archive(c.Context, store.Archiving{
			Before: before, File: to, Actor: actor(c), Reason: strings.TrimSpace(c.String("reason")), Progress: bar.Set,
		})
		bar.Close()
		if err != nil {
			return uninterrupted(c.Context, atWork(err), "not archived: interrupted; run it again with the same file")
		}
		if made.First == 0 {
			fmt.Fprintf(c.App.ErrWriter, "nothing is archived: the log has no rows from before %s\n", store.FormatTime(before))
			return nil
		}
		return output.WriteObject(c.App.Writer, c.String("format"), []output.Pair{
			{Key: "file", Value: made.File}, {Key: "rows", Value: made.Head.Seq - made.First + 1}, {Key: "first", Value: made.First},
			{Key: "head", Value: headText(made.Head)}, {Key: "sha256", Value: made.SHA256},
		})
	})
}

// archiveBefore is what --before or --keep says, one of which there has to be.
func archiveBefore(c *cli.Context, now time.Time) (time.Time, error) {
	before, keep := c.String("before"), c.String("keep")
	if (before == "") == (keep == "") {
		return now, usage("archive: say either --before or --keep")
	}
	if before != "" {
		t, err := parseTime(before, now)
		if err != nil {
			return t, usage("--before %w", err)
		}
		if t.After(now) {
			return t, usage("archive: --before %s is yet to come, and would be all of the log: name a time that is past", before)
		}
		return t, nil
	}
	length, err := config.ParseKeep(inDays(keep))
	if err != nil {
		return now, usage("--keep %q: give a length of time as in 400d or 52w", keep)
	}
	return now.Add(-length), nil
}
