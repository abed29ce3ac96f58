package main

import (
	"log/slog"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/systemd"
)

// Levels of the process log where the command line names none: a service says
// what it does, a command has a person before it and says only what is wrong.
const (
	serviceLevel = slog.LevelInfo
	commandLevel = slog.LevelWarn
)

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// logFormats are those of the process log; the first is the default.
var logFormats = []string{"auto", "text", "json", "journal"}

// newLog is the process log. It goes to the journal or to stderr, and holds
// Okta ids where a person is meant.
func newLog(c *cli.Context, level slog.Level) (*slog.Logger, error) {
	if name := c.String("log-level"); name != "" {
		named, ok := levels[name]
		if !ok {
			return nil, usage("unknown log level %q; use one of debug, info, warn, error", name)
		}
		level = named
	}
	handler, err := logHandler(c, level)
	if err != nil {
		return nil, err
	}
	log := slog.New(handler)
	slog.SetDefault(log) // the relay tells of secrets it cannot read again by it
	return log, nil
}

func logHandler(c *cli.Context, level slog.Level) (slog.Handler, error) {
	stderr, options := c.App.ErrWriter, &slog.HandlerOptions{Level: level}
	format := c.String("log-format")
	if format == "auto" {
		format = "text"
		if stderr == os.Stderr && systemd.LogsToJournal() {
			format = "journal"
		}
	}
	switch format {
	case "text":
		return slog.NewTextHandler(stderr, options), nil
	case "json":
		return slog.NewJSONHandler(stderr, options), nil
	case "journal":
		handler, err := systemd.Journal(level, stderr)
		if err != nil {
			return nil, usage("--log-format journal: %w; use text or json", err)
		}
		return handler, nil
	}
	return nil, usage("unknown log format %q; use one of %s", format, strings.Join(logFormats, ", "))
}
