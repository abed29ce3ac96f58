package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/demo"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "see zensync at work between imitations of Okta and ZenQMS",
		Description: "Runs this program's own commands, in a temporary folder and on loopback alone, and checks every step.\n" +
			"It takes some seconds, reads no configuration, and leaves nothing behind.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "serve", Usage: "keep everything running afterwards, to be tried out, until Ctrl-C; the folder stays"},
		},
		Action: func(c *cli.Context) error {
			if err := noOperands(c); err != nil {
				return err
			}
			program, err := thisProgram()
			if err != nil {
				return err
			}
			return demo.Run(c.Context, demo.Options{Program: program, Serve: c.Bool("serve"), Out: c.App.Writer})
		},
	}
}

// thisProgram is the file this process was started from, as the shell found it.
func thisProgram() (string, error) {
	found, err := exec.LookPath(os.Args[0])
	if err != nil {
		return "", fmt.Errorf("find this program again, to run its commands: %w", err)
	}
	return filepath.Abs(found)
}
