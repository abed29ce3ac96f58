package main

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "prove that the log is as it was written",
		ArgsUsage: "[FILE]",
		Description: "Reads the whole chain of the log and names the first row that is not as it was written. --head is an end that was\n" +
			"noted earlier, from `zensync status`, this command or the journal: a log whose tail was cut does not reach it.\n\n" +
			"FILE is what `zensync export` wrote (- is stdin). It is checked by itself, on any machine: neither configuration nor\n" +
			"database is looked at. Of a part of a log, --head may be the end that the part follows from.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "head", Usage: "an earlier end, as `SEQ:HASH`, that the chain has to contain"},
			formatFlag(),
		},
		Action: verify,
	}
}

func verify(c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("verify: takes one file, and was given %q as well", c.Args().Get(1))
	}
	earlier, err := parseHead(c.String("head"))
	if err != nil {
		return err
	}
	if c.NArg() == 1 {
		return verifyFile(c, c.Args().First(), earlier)
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	bar := output.NewProgress(c.App.ErrWriter, "rows verified")
	defer bar.Close()
	var head store.Head
	if err := in.viewStore(c.Context, ", so there is no log", func(tx *store.Tx) (err error) {
		head, err = tx.CheckLog(earlier, bar.Set)
		return err
	}); err != nil {
		return uninterrupted(c.Context, err, "not verified: interrupted")
	}
	bar.Close()
	return output.WriteObject(c.App.Writer, c.String("format"), []output.Pair{
		{Key: "rows", Value: head.Seq}, {Key: "head", Value: headText(head)},
	})
}

// verifyFile checks an exported log, and says what that proves.
func verifyFile(c *cli.Context, name string, earlier store.Head) error {
	from := c.App.Reader
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("%w (name a file that `zensync export` wrote, or none to check the store's own log)", err)
		}
		defer file.Close()
		from = file
	}
	bar := output.NewProgress(c.App.ErrWriter, "rows verified")
	defer bar.Close()
	proof, err := store.CheckExport(interruptible{c.Context, from}, earlier, bar.Set)
	bar.Close()
	if err != nil {
		return uninterrupted(c.Context, fmt.Errorf("%s: %w", name, err), "not verified: interrupted")
	}
	rows := int64(0)
	if proof.First > 0 {
		rows = proof.Head.Seq - proof.First + 1
	}
	if err := output.WriteObject(c.App.Writer, c.String("format"), []output.Pair{
		{Key: "rows", Value: rows}, {Key: "first", Value: proof.First}, {Key: "first_proved", Value: proof.Whole},
		{Key: "head", Value: headText(proof.Head)},
	}); err != nil {
		return err
	}
	explainProof(c.App.ErrWriter, proof, earlier)
	return nil
}

// explainProof says what the check of a file leaves open.
func explainProof(talk io.Writer, p store.Proof, earlier store.Head) {
	switch {
	case p.First == 0:
		fmt.Fprintln(talk, "the file holds no row, so there is nothing it could prove")
		return
	case !p.Whole:
		fmt.Fprintf(talk, "the file begins with row %d: the rows behind it are as they were written if row %[1]d is, which it does not show;\n"+
			"--head %d:HASH, the end noted just before it, shows that as well\n", p.First, p.First-1)
	case p.First > 1:
		fmt.Fprintf(talk, "the file begins with row %d, which follows from the row that was noted; it does not show what came before\n", p.First)
	}
	if earlier.Seq == 0 {
		fmt.Fprintln(talk, "whether the log went on, or was written anew as a whole, shows against an end that was noted elsewhere: --head SEQ:HASH")
	}
}

// headText is an end as --head takes it.
func headText(h store.Head) string { return h.String() }

// parseHead reads SEQ:HASH; the empty text is the zero Head.
func parseHead(text string) (store.Head, error) {
	if text == "" {
		return store.Head{}, nil
	}
	head, ok := store.ParseHead(text)
	if !ok {
		return head, usage("--head %q: give an end as `zensync verify` prints it, SEQ:HASH", text)
	}
	return head, nil
}
