package main

import (
	"cmp"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
)

// Set when a release is built: -ldflags "-X main.version=1.2.3 -X main.commit=abc1234".
var version, commit string

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version, the commit and the Go version of this build",
		Flags: []cli.Flag{formatFlag()},
		Action: func(c *cli.Context) error {
			if err := noOperands(c); err != nil {
				return err
			}
			return printVersion(c)
		},
	}
}

func printVersion(c *cli.Context) error {
	format := c.String("format")
	if format == "" { // zensync --version
		format = output.Formats()[0]
	}
	return output.WriteObject(c.App.Writer, format, thisVersion())
}

func thisVersion() []output.Pair {
	info, _ := debug.ReadBuildInfo() // without one everything is unknown
	return versionOf(version, commit, info)
}

// versionLine is the version of this program in a line, as the log has it.
func versionLine() string {
	var known []string
	for _, p := range thisVersion() {
		if text, ok := p.Value.(string); ok && text != "" && p.Key != "go" {
			known = append(known, text)
		}
	}
	return cmp.Or(strings.Join(known, ", commit "), "unknown")
}

// versionOf is what is known of a build: what was set when it was built, else
// what the Go tool noted in it.
func versionOf(version, commit string, info *debug.BuildInfo) []output.Pair {
	goVersion := ""
	if info != nil {
		goVersion = info.GoVersion
		if version == "" {
			version = info.Main.Version
		}
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if commit == "" {
			commit = settings["vcs.revision"]
			if commit != "" && settings["vcs.modified"] == "true" {
				commit += " (modified)"
			}
		}
	}
	return []output.Pair{{Key: "version", Value: orNil(version)}, {Key: "commit", Value: orNil(commit)}, {Key: "go", Value: orNil(goVersion)}}
}

// orNil is a text as a cell, nil when it is not known.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}
