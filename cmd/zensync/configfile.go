package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
)

func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "write or check the configuration",
		Subcommands: []*cli.Command{
			{
				Name:   "init",
				Usage:  "print a commented configuration to begin with",
				Flags:  []cli.Flag{&cli.StringFlag{Name: "output", Usage: "write it into a new `FILE` instead, readable by you alone"}},
				Action: initConfig,
			},
			{
				Name:  "check",
				Usage: "check the configuration and its secret files, and print what is in effect",
				Description: "Prints the configuration with its defaults, and of secrets the names of their files alone.\n" +
					"Calls neither Okta nor ZenQMS, unless --live says so.",
				Flags: []cli.Flag{&cli.BoolFlag{Name: "live",
					Usage: "try both credentials as well, and look up the groups and roles; nothing is changed"}},
				Action: checkConfig,
			},
		},
	}
}

func initConfig(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	name := c.String("output")
	if name == "" {
		if _, err := fmt.Fprint(c.App.Writer, config.Sample); err != nil {
			return fmt.Errorf("print the configuration: %w", err)
		}
		return nil
	}
	if err := fillNew(name, func(to io.Writer) error {
		_, err := io.WriteString(to, config.Sample)
		return err
	}); err != nil {
		return err
	}
	fmt.Fprintf(c.App.ErrWriter, "wrote %s: fill it in, then run `zensync --config %[1]s config check`\n", output.Escape(name))
	return nil
}

func checkConfig(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	if err := in.CheckSecrets(); err != nil {
		return err
	}
	if c.Bool("live") {
		if err := in.checkLive(c.Context); err != nil {
			return err
		}
	}
	if err := in.Print(c.App.Writer); err != nil {
		return err
	}
	fmt.Fprintf(c.App.ErrWriter, "%s: ok\n", output.Escape(in.Path))
	return nil
}

// checkLive makes a harmless call with each credential, and looks up what the
// configuration names.
func (in *installation) checkLive(ctx context.Context) error {
	worker, err := in.worker(nil) // these calls need no store
	if err != nil {
		return err
	}
	if err := tryCredentials(ctx, worker); err != nil {
		return err
	}
	return in.resolve(ctx, worker, new(reconcile.Deployment))
}

// tryCredentials makes a harmless call with each credential.
func tryCredentials(ctx context.Context, worker *reconcile.Worker) error {
	if err := worker.ZenQMS.Ping(ctx); err != nil {
		return err
	}
	_, err := worker.Okta.ListUsers(ctx, okta.Query{Limit: 1})
	return err
}
