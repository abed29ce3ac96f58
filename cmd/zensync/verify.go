package main

import (
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "prove that the log is as it was written",
		Description: "Reads the whole chain of the log and names the first row that is not as it was written. --head is an end that was\n" +
			"noted earlier, from `zensync status`, this command or the journal: a log whose tail was cut does not reach it.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "head", Usage: "an earlier end, as `SEQ:HASH`, that the chain has to contain"},
			formatFlag(),
		},
		Action: verify,
	}
}

func verify(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	earlier, err := parseHead(c.String("head"))
	if err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	var head store.Head
	if err := in.viewStore(c.Context, ", so there is no log", func(tx *store.Tx) (err error) {
		head, err = tx.CheckLog(earlier, nil)
		return err
	}); err != nil {
		return err
	}
	return output.WriteObject(c.App.Writer, c.String("format"), []output.Pair{
		{Key: "rows", Value: head.Seq}, {Key: "head", Value: strconv.FormatInt(head.Seq, 10) + ":" + head.Hash},
	})
}

// parseHead reads SEQ:HASH; the empty text is the zero Head.
func parseHead(text string) (store.Head, error) {
	if text == "" {
		return store.Head{}, nil
	}
	seq, hash, found := strings.Cut(text, ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if !found || err != nil || n < 1 || hash == "" {
		return store.Head{}, usage("--head %q: give an end as `zensync verify` prints it, SEQ:HASH", text)
	}
	return store.Head{Seq: n, Hash: hash}, nil
}
