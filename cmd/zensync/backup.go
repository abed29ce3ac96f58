package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func backupCommand() *cli.Command {
	return &cli.Command{
		Name:      "backup",
		Usage:     "copy the database into a file, and prove the copy",
		ArgsUsage: "FILE",
		Description: "Works beside services that are up, without holding them up. FILE appears when it is whole, its chain was read and all of it\n" +
			"is on disk; only you can read it. It holds names and addresses. `zensync restore FILE` puts it in the database's place.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "replace FILE if it is there"},
			formatFlag(),
		},
		Action: backup,
	}
}

// oneFile is the only operand of a command that takes one file.
func oneFile(c *cli.Context) (string, error) {
	if c.NArg() != 1 || c.Args().First() == "" {
		return "", usage("%s: name one file", c.Command.Name)
	}
	return c.Args().First(), nil
}

func backup(c *cli.Context) error {
	to, err := oneFile(c)
	if err != nil {
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
		return fmt.Errorf("there is no store at %s, so there is nothing to back up", in.Store.Path)
	}
	if err := in.checkOwner(); err != nil {
		return err
	}
	bar := output.NewProgress(c.App.ErrWriter, "rows of the log verified")
	defer bar.Close()
	made, err := store.Backup(c.Context, in.Store.Path, to, c.Bool("force"), bar.Set)
	bar.Close()
	if err != nil {
		return uninterrupted(c.Context, err, "not backed up: interrupted")
	}
	return output.WriteObject(c.App.Writer, c.String("format"), append([]output.Pair{{Key: "file", Value: to}}, snapshotPairs(made)...))
}

// snapshotPairs are what is printed of a copy.
func snapshotPairs(s store.Snapshot) []output.Pair {
	return []output.Pair{
		{Key: "rows", Value: s.Rows}, {Key: "head", Value: headText(s.Head)}, {Key: "bytes", Value: s.Size}, {Key: "schema", Value: s.Schema},
	}
}
