package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "prove that the log is as it was written",
		ArgsUsage: "[FILE...]",
		Description: "Reads the whole chain of the log, from its first row or behind the last that was archived, and names the first row that is\n" +
			"not as it was written. --head is an end that was\n" +
			"noted earlier, from `zensync status`, this command or the journal: a log whose tail was cut does not reach it.\n\n" +
			"FILE is what `zensync export` or `zensync archive` wrote (- is stdin); several, in their order, are one log. It is checked by itself, on any machine: neither configuration nor\n" +
			"database is looked at. Of a part of a log, --head may be the end that the part follows from.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "head", Usage: "an earlier end, as `SEQ:HASH`, that the chain has to contain"},
			formatFlag(),
		},
		Action: verify,
	}
}

func verify(c *cli.Context) error {
	earlier, err := parseHead(c.String("head"))
	if err != nil {
		return err
	}
	if c.Args().Present() {
		return verifyFiles(c, c.Args().Slice(), earlier)
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	bar := output.NewProgress(c.App.ErrWriter, "rows verified")
	defer bar.Close()
	var head store.Head
	var gone store.Segment
	if err := in.viewStore(c.Context, ", so there is no log", func(tx *store.Tx) (err error) {
		if head, err = tx.CheckLog(earlier, bar.Set); err != nil {
			return err
		}
		gone, err = tx.Archived()
		return err
	}); err != nil {
		return uninterrupted(c.Context, err, "not verified: interrupted")
	}
	bar.Close()
	if err := output.WriteObject(c.App.Writer, c.String("format"), []output.Pair{
		{Key: "rows", Value: head.Seq - gone.Head.Seq}, {Key: "head", Value: headText(head)},
	}); err != nil {
		return err
	}
	sayArchived(c.App.ErrWriter, gone)
	return nil
}

// sayArchived says where the log begins, if that is not row 1.
func sayArchived(talk io.Writer, gone store.Segment) {
	if gone.Head.Seq > 0 {
		fmt.Fprintf(talk, "the log begins with row %d: those before are archived, the last of them up to %s in %s\n", gone.Head.Seq+1, headText(gone.Head), output.Escape(gone.File))
	}
}

// verifyFiles checks an exported log, in one file or several, and says what
// that proves.
func verifyFiles(c *cli.Context, names []string, earlier store.Head) error {
	bar := output.NewProgress(c.App.ErrWriter, "rows verified")
	defer bar.Close()
	check := store.NewExportCheck(earlier)
	for _, name := range names {
		if err := verifyFile(c, name, check, bar); err != nil {
			return err
		}
	}
	bar.Close()
	proof, err := check.End()
	if err != nil {
		return fmt.Errorf("%s: %w", names[len(names)-1], err)
	}
	if proof.First == 0 {
		return fmt.Errorf("%s: it holds no row, so there is nothing it could prove", strings.Join(names, ", "))
	}
	rows := proof.Head.Seq - proof.First + 1
	if err := output.WriteObject(c.App.Writer, c.String("format"), []output.Pair{
		{Key: "rows", Value: rows}, {Key: "first", Value: proof.First}, {Key: "first_proved", Value: proof.Whole},
		{Key: "head", Value: headText(proof.Head)},
	}); err != nil {
		return err
	}
	explainProof(c.App.ErrWriter, proof, earlier)
	return nil
}

// verifyFile checks the next file.
func verifyFile(c *cli.Context, name string, check *store.ExportCheck, bar *output.Progress) error {
	from := c.App.Reader
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("%w (name a file that `zensync export` wrote, or none to check the store's own log)", err)
		}
		defer file.Close()
		from = file
	}
	if err := check.Read(interruptible{c.Context, from}, bar.Set); err != nil {
		return uninterrupted(c.Context, fmt.Errorf("%s: %w", name, err), "not verified: interrupted")
	}
	return nil
}

// explainProof says what the check of a file leaves open.
func explainProof(talk io.Writer, p store.Proof, earlier store.Head) {
	switch {
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
