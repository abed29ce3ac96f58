package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/store"
)

// limits are the flags that narrow a report.
func limits() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "since", Usage: "from this `TIME` on: a date (2006-01-02: from its midnight on this host's clock), RFC 3339, or how long ago, as in 36h, 7d or 2w"},
		&cli.StringFlag{Name: "until", Usage: "up to this `TIME`, but without it"},
		&cli.StringFlag{Name: "user", Usage: "of this `USER` only: an Okta id, or the address this store has of him"},
		&cli.Int64Flag{Name: "run", Usage: "of the run with this `ID` only"},
		&cli.Int64Flag{Name: "limit", Usage: "at most `N` rows"},
	}
}

// reportArgs are the limits but --user, which takes the store to look up.
func reportArgs(c *cli.Context, now time.Time) (args store.ReportArgs, err error) {
	for flag, at := range map[string]*time.Time{"since": &args.Since, "until": &args.Until} {
		if c.IsSet(flag) {
			if *at, err = parseTime(c.String(flag), now); err != nil {
				return args, usage("--%s %w", flag, err)
			}
		}
	}
	switch {
	case args.Since.After(now):
		return args, usage("--since %s is yet to come: nothing can have happened since", c.String("since"))
	case !args.Until.IsZero() && !args.Since.Before(args.Until):
		return args, usage("--since %s is not before --until %s, so nothing lies between", c.String("since"), c.String("until"))
	}
	for flag, n := range map[string]*int64{"run": &args.Run, "limit": &args.Limit} {
		if *n = c.Int64(flag); c.IsSet(flag) && *n < 1 {
			return args, usage("--%s %d: give a number from 1 on", flag, *n)
		}
	}
	return args, nil
}

// checkLimits refuses a limit that a report has no use for: its rows would
// pass for all that there are of somebody.
func checkLimits(c *cli.Context, name string) error {
	report, err := store.ReportByName(name)
	if err != nil {
		return usageError{err}
	}
	for _, flag := range limits() {
		if flag := flag.Names()[0]; c.IsSet(flag) && !report.Uses(flag) {
			return usage("report %s: --%s does not narrow it", name, flag)
		}
	}
	return nil
}

// limited tells whether rows were left out on purpose.
func limited(c *cli.Context) bool {
	for _, flag := range []string{"since", "until", "user", "run"} {
		if c.IsSet(flag) {
			return true
		}
	}
	return false
}

// parseTime reads a date, which begins at midnight where this host is, a time
// of RFC 3339, or how long before now.
func parseTime(text string, now time.Time) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return t, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if ago, err := config.ParseKeep(inDays(text)); err == nil {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q: give a date as 2006-01-02, a time as 2006-01-02T15:04:05Z, or how long ago as 36h, 7d or 2w", text)
}

// inDays turns weeks into days, and leaves all else alone.
func inDays(text string) string {
	const daysAWeek, most = 7, 10_000
	if number, ok := strings.CutSuffix(text, "w"); ok {
		if weeks, err := strconv.Atoi(number); err == nil && weeks > 0 && weeks <= most {
			return strconv.Itoa(weeks*daysAWeek) + "d"
		}
	}
	return text
}
