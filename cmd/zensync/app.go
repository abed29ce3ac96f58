package main

import (
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/cmd/zensync/output"
)

// newApp is the command line as a whole.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:  "zensync",
		Usage: "keep the users of a ZenQMS account in step with an Okta org",
		Description: "The first steps: `zensync setup`, then `zensync run`, then `zensync deploy` beside it.\n" +
			"`zensync report` says who is skipped and what was done last.",
		HideHelpCommand:      true, // arrange makes `help X` an `X --help`
		EnableBashCompletion: true,
		Reader:               stdin,
		Writer:               stdout,
		ErrWriter:            stderr,
		ExitErrHandler:       func(*cli.Context, error) {}, // run prints errors, once
		OnUsageError:         wrongFlag,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "`FILE` to read instead of $ZENSYNC_CONFIG or " + config.DefaultPath},
			&cli.StringFlag{Name: "log-format", Value: logFormats[0], Usage: "`FORMAT` of the process log: " + strings.Join(logFormats, ", ") + " (auto: journal for a service of systemd, else text on stderr)"},
			&cli.StringFlag{Name: "log-level", Usage: "least `LEVEL` of what is logged: debug, info, warn or error (default: info for relay, worker and run, else warn)"},
			&cli.BoolFlag{Name: "version", Usage: "print the version"},
		},
		Action: func(c *cli.Context) error {
			if c.Bool("version") {
				return printVersion(c)
			}
			return helpOrUnknown(c)
		},
		Commands: []*cli.Command{
			setupCommand(), doctorCommand(),
			planCommand(), deployCommand(), relayCommand(), workerCommand(), runCommand(), reloadCommand(),
			syncCommand(), reconcileCommand(), explainCommand(), relinkCommand(), approveCommand(), discardCommand(), retryCommand(),
			pauseCommand(), resumeCommand(), unlinkCommand(), rotateSecretCommand(),
			statusCommand(), reportCommand(), driftCommand(), verifyCommand(), exportCommand(), notifyCommand(),
			backupCommand(), restoreCommand(), archiveCommand(),
			configCommand(), qualifyCommand(), demoCommand(), completionCommand(), manualCommand(), versionCommand(),
		},
	}
	prepare(app.Commands)
	return app
}

// prepare gives every command what all have in common.
func prepare(commands []*cli.Command) {
	for _, cmd := range commands {
		cmd.HideHelpCommand = true
		cmd.OnUsageError = wrongFlag
		if cmd.Action == nil {
			cmd.Action = helpOrUnknown
		}
		prepare(cmd.Subcommands)
	}
}

// helpOrUnknown is the action of what only has commands below it.
func helpOrUnknown(c *cli.Context) error {
	if !c.Args().Present() {
		if c.Command.Name == c.App.Name {
			return cli.ShowAppHelp(c)
		}
		return cli.ShowSubcommandHelp(c)
	}
	var names []string
	for _, cmd := range c.Command.Subcommands {
		names = append(names, cmd.Name)
	}
	word, before := c.Args().First(), invoked(c)
	return usage("there is no command %q%s", before+word, meant(word, names, before, before))
}

// invoked is how a command is reached, with a blank behind it; "" for the program
// itself.
func invoked(c *cli.Context) string {
	if c.Command.Name == c.App.Name {
		return ""
	}
	return strings.TrimPrefix(c.Command.HelpName, c.App.Name+" ") + " "
}

// meant is what was probably meant by word, with prefix before it, or where to
// look when nothing known is near.
func meant(word string, known []string, prefix, command string) string {
	if near := config.Nearest(word, known); near != "" {
		return "; did you mean " + prefix + near + "?"
	}
	return "; `zensync " + command + "--help` lists what there is"
}

// wrongFlag says what is wrong with a flag, and what was probably meant.
func wrongFlag(c *cli.Context, err error, _ bool) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return usage("%s%w", prefix(c), err)
	}
	var names []string
	for _, flag := range slices.Concat(c.Command.Flags, c.App.Flags) {
		names = append(names, flag.Names()[0])
	}
	return usage("%sunknown flag --%s%s", prefix(c), name, meant(name, names, "--", invoked(c)))
}

func prefix(c *cli.Context) string {
	if at := invoked(c); at != "" {
		return strings.TrimSpace(at) + ": "
	}
	return ""
}

// noOperands is the error of a command that takes none.
func noOperands(c *cli.Context) error {
	if c.Args().Present() {
		return usage("%stakes no arguments, and was given %q", prefix(c), c.Args().First())
	}
	return nil
}

// formatFlag is --format of everything that prints data. more are formats that
// only this command has.
func formatFlag(more ...string) cli.Flag {
	formats := slices.Concat(output.Formats(), more)
	return &cli.StringFlag{
		Name:  "format",
		Value: formats[0],
		Usage: "`FORMAT` of the result: " + strings.Join(formats, ", "),
		Action: func(_ *cli.Context, format string) error {
			if slices.Contains(formats, format) {
				return nil
			}
			return usage("unknown format %q; use one of %s", format, strings.Join(formats, ", "))
		},
	}
}
