package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/cmd/zensync/qualify"
)

func qualifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "qualify",
		Usage: "show that every rule is kept, and write the evidence",
		Description: "Runs every requirement step by step, in temporary folders and on loopback alone: installation (IQ) and operation (OQ).\n" +
			"What is seen has to be what is expected, word for word; failed steps are printed. --output is for an auditor, to read, print and sign.\n\n" +
			"--sandbox runs it against the ZenQMS of the configuration, which has to be a sandbox; Okta stays an imitation. Only accounts\n" +
			"that it made itself are written to; in the end they are inactive, for ZenQMS deletes nobody.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "rule", Usage: "only these requirements, as in M1,L3,IQ-3: `ID`"},
			&cli.StringFlag{Name: "output", Usage: "write the evidence into `FILE`, .html or .json, readable by you alone; one that is there is replaced"},
			&cli.BoolFlag{Name: "sandbox", Usage: "against the ZenQMS of the configuration"},
			&cli.BoolFlag{Name: "yes", Usage: "with --sandbox: do not ask"},
			formatFlag(htmlFormat),
		},
		Action: runQualification,
	}
}

func runQualification(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	file, ending := c.String("output"), filepath.Ext(c.String("output"))
	if file != "" && ending != ".html" && ending != ".json" {
		return usage("qualify: --output %s: give a file that ends in .html or .json", file)
	}
	if file != "" {
		if err := tryPlace(file); err != nil { // now, and not when all is done
			return err
		}
	}
	o, err := qualification(c)
	if err != nil {
		return err
	}
	if _, err := qualify.Choose(o.Rules); err != nil {
		return usage("qualify: --rule: %w", err)
	}
	if c.Bool("sandbox") {
		if err := toSandbox(c, &o); err != nil {
			return err
		}
	}
	bar := output.NewProgress(c.App.ErrWriter, "requirements tried")
	o.Show = bar.Set
	record, err := qualify.Run(c.Context, o)
	bar.Close()
	if err != nil {
		return uninterrupted(c.Context, err, "not qualified: interrupted")
	}
	if err := printQualification(c, record); err != nil {
		return err
	}
	if file != "" {
		if err := writeEvidence(file, ending, record); err != nil {
			return err
		}
		fmt.Fprintf(c.App.ErrWriter, "the evidence is in %s\n", file)
	}
	if n := record.Count(qualify.Failed); n > 0 {
		return fmt.Errorf("%s failed", count(int64(n), "requirement", "requirements"))
	}
	return nil
}

// printQualification prints a row for each requirement, and, for a person, each
// step that failed.
func printQualification(c *cli.Context, r qualify.Record) error {
	if c.String("format") == htmlFormat {
		return r.WriteHTML(c.App.Writer)
	}
	if err := output.Write(c.App.Writer, c.String("format"), r.Table()); err != nil {
		return err
	}
	for _, result := range r.Results {
		for _, s := range result.Missed() {
			fmt.Fprintf(c.App.ErrWriter, "%s step %d failed: %s\n  expected: %s\n  seen:     %s\n", result.ID, s.Number,
				output.Escape(s.Do), output.Escape(s.Want), output.Escape(s.Seen))
		}
	}
	fmt.Fprintln(c.App.ErrWriter, r.Summary())
	return nil
}

func writeEvidence(file, ending string, r qualify.Record) error {
	var text bytes.Buffer
	write := r.WriteJSON
	if ending == ".html" {
		write = func(w io.Writer) error { return r.WriteHTML(w) }
	}
	if err := write(&text); err != nil {
		return err
	}
	return replaceFile(file, text.Bytes())
}

// qualification is what is qualified: this program, and the configuration if
// there is one. One that cannot be followed is a finding.
func qualification(c *cli.Context) (o qualify.Options, err error) {
	o.Rules = c.StringSlice("rule")
	if o.Program, err = thisProgram(); err != nil {
		return o, err
	}
	for _, p := range thisVersion() {
		text, _ := p.Value.(string) // nil: not known
		switch p.Key {
		case "version":
			o.Build.Version = text
		case "commit":
			o.Build.Commit = text
		case "go":
			o.Build.Go = text
		}
	}
	if o.Build.SHA256, err = qualify.Checksum(o.Program); err != nil {
		return o, err
	}
	path := config.Locate(c.String("config"))
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return o, nil
	}
	o.Config.Path = path
	cfg, err := readConfig(path)
	if err != nil {
		o.Config.Err = err
		return o, nil
	}
	o.Config.Hash = cfg.Hash()
	for _, name := range []string{cfg.Okta.PrivateKeyFile, cfg.Okta.APITokenFile, cfg.ZenQMS.APIKeyFile, cfg.Relay.SecretFile} {
		if name != "" {
			o.Config.Secrets = append(o.Config.Secrets, name)
		}
	}
	return o, nil
}

// toSandbox turns the qualification to the ZenQMS of the configuration, if that
// is a sandbox and the operator agrees.
func toSandbox(c *cli.Context, o *qualify.Options) error {
	if !c.Bool("yes") && !output.IsTerminal(c.App.Reader) {
		return usage("qualify --sandbox asks before it begins, and this is no terminal: say --yes")
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	cfg, err := in.zenqmsConfig()
	if err != nil {
		return err
	}
	if o.Sandbox, err = qualify.NewSandbox(cfg); err != nil {
		return usage("qualify --sandbox: %w", err)
	}
	talk := c.App.ErrWriter
	fmt.Fprintf(talk, "ZenQMS      %s\nAccounts    some fifty are made, with addresses that begin with %s; they are changed, and in the end\n"+
		"            made inactive without an external_id. They stay: ZenQMS deletes nobody\nOthers      every account is read, none is written to\n",
		cfg.BaseURL, o.Sandbox.Prefix())
	if c.Bool("yes") {
		return nil
	}
	return agree(c.Context, c.App.Reader, talk, "qualified")
}
