package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/doctor"
	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "find out what is wrong, and how to mend it",
		Description: "Looks at the configuration, the files, the store, Okta, ZenQMS, the event hook and the services, before the first deploy\n" +
			"and at any time after it. It writes nothing anywhere, and what it prints holds no secret and names no person.\n" +
			"A check that depends on one that failed is skipped. Exit status 1: something has failed; warnings are 0.",
		Flags:  []cli.Flag{formatFlag()},
		Action: examine,
	}
}

func examine(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	findings, err := findingsOf(c)
	if err != nil {
		return uninterrupted(c.Context, err, "interrupted; nothing was changed")
	}
	if err := printFindings(c.App.Writer, c.String("format"), findings); err != nil {
		return err
	}
	if n := doctor.Failures(findings); n > 0 {
		return fmt.Errorf("%d of %d checks failed; the column remedy says what to do", n, len(findings))
	}
	return nil
}

// findingsOf examines the installation of the configuration that c names.
func findingsOf(c *cli.Context) ([]doctor.Finding, error) {
	if _, err := newLog(c, commandLevel); err != nil {
		return nil, err // a flag that cannot be followed is no finding
	}
	return doctor.Examine(c.Context, func() (*doctor.Installation, error) {
		in, err := load(c, commandLevel)
		if err != nil {
			return nil, err
		}
		schedule, err := reconcile.ParseSchedule(in.Sync.Schedule)
		if err != nil {
			return nil, err
		}
		return &doctor.Installation{
			Config: in.Config, Binding: in.binding(), Policy: in.policy(), Pairs: in.rolePairs(), Schedule: schedule,
			OktaConfig: in.oktaConfig, ZenQMSConfig: in.zenqmsConfig, Foreign: in.checkOwner, IsService: isService,
		}, nil
	})
}

func printFindings(w io.Writer, format string, findings []doctor.Finding) error {
	t := output.Table{Columns: []string{"check", "result", "seen", "remedy"}}
	for _, f := range findings {
		t.Rows = append(t.Rows, []any{f.Check, string(f.Result), f.Seen, orNil(f.Remedy)})
	}
	return output.Write(w, format, t)
}
