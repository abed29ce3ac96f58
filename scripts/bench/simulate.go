package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/zensync/zensync/scripts/bench/curve"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/simulate"
)

// apart is how far a simulation and arithmetic may be.
const apart = 1.05

// simulateMeasurement holds simulated initial syncs of up to so many users to
// what arithmetic says.
func simulateMeasurement(simulated int) measure.Measurement {
	m := measure.Measurement{Name: "simulate"}
	drawn := measure.Curve{Name: "simulate", Lines: []measure.Line{{Name: "by arithmetic"}, {Name: "simulated"}}}
	for users := 1000; users <= 1_000_000; users *= 10 {
		s := simulate.Usual(users)
		control, name := fmt.Sprintf("arithmetic, %d users", users), fmt.Sprintf("simulation, %d users", users)
		drawn.Labels = append(drawn.Labels, curve.Label(users))
		drawn.Lines[0].Spots = append(drawn.Lines[0].Spots, measure.Spot{Of: control, Figure: "takes s"})
		drawn.Lines[1].Spots = append(drawn.Lines[1].Spots, measure.Spot{Of: name, Figure: "takes s"})
		m.Contestants = append(m.Contestants, measure.Contestant{Name: control, Run: func(context.Context, string) (measure.Figures, error) {
			return measure.Figures{"takes s": s.Reckon().Seconds()}, nil
		}})
		if users > simulated {
			continue
		}
		m.Contestants = append(m.Contestants, measure.Contestant{Name: name, Run: func(ctx context.Context, folder string) (measure.Figures, error) {
			out, err := play(ctx, folder, []simulate.Scenario{s})
			if err != nil {
				return nil, err
			}
			return measure.Figures{"takes s": out[0].Took.Seconds(), "to simulate s": out[0].Real.Seconds()}, nil
		}})
		m.Claims = append(m.Claims, measure.Claim{What: fmt.Sprintf("simulated initial sync of %d users, as usual / by arithmetic", users),
			Figure: "takes s", Of: name, To: []string{control}, Target: measure.AtMost(apart)})
	}
	m.Curves = []measure.Curve{drawn}
	return m
}

// simulateCommand is `simulate`: it answers how long an initial sync of so many
// users takes with given limits.
func simulateCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("simulate", flag.ExitOnError)
	s := simulate.Usual(1)
	users := flags.String("users", "1000,10000", "how many users, one number or several with commas between")
	file := flags.String("json", "", "write what came of it to this file as well")
	reckon := flags.Bool("reckon", false, "by arithmetic alone, at once: a simulation takes some 2 ms a user, and some memory")
	flags.Float64Var(&s.New, "new", s.New, "share of the users who have no account in ZenQMS")
	flags.Float64Var(&s.Link, "link", s.Link, "share of those who have one that lacks the link alone; the rest is in step")
	flags.DurationVar(&s.OktaLatency, "okta-latency", s.OktaLatency, "how long Okta takes to answer")
	flags.DurationVar(&s.ZenQMSLatency, "zenqms-latency", s.ZenQMSLatency, "how long ZenQMS takes to answer")
	flags.IntVar(&s.Concurrency, "concurrency", s.Concurrency, "zenqms.concurrency")
	flags.Float64Var(&s.PerSecond, "max-requests-per-second", s.PerSecond, "zenqms.max_requests_per_second; -1 is no limit")
	flags.Float64Var(&s.Share, "rate-share", s.Share, "okta.rate_share")
	flags.IntVar(&s.OktaLists, "okta-lists-per-minute", s.OktaLists, "Okta's limit for lists of users; 0 is none")
	flags.IntVar(&s.OktaReads, "okta-reads-per-minute", s.OktaReads, "Okta's limit for reads of one user; 0 is none")
	flags.IntVar(&s.ZenQMSPerSecond, "zenqms-per-second", s.ZenQMSPerSecond, "ZenQMS's own limit, beyond which it answers 429; 0 is none")
	flags.Float64Var(&s.OktaErrors, "okta-errors", 0, "share of Okta's answers that are a 5xx, or missing")
	flags.Float64Var(&s.OktaRefusals, "okta-429", 0, "share of Okta's answers that are a 429")
	flags.Float64Var(&s.ZenQMSErrors, "zenqms-errors", 0, "share of ZenQMS's answers that are a 5xx, or missing")
	flags.Float64Var(&s.ZenQMSRefusals, "zenqms-429", 0, "share of ZenQMS's answers that are a 429")
	flags.Uint64Var(&s.Seed, "seed", s.Seed, "of what fails")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var all []simulate.Scenario
	for text := range strings.SplitSeq(*users, ",") {
		one := s
		var err error
		if one.Users, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("-users: %q is no number", text)
		}
		if err := one.Check(); err != nil {
			return err
		}
		all = append(all, one)
	}
	return answerWith(ctx, all, *reckon, *file)
}

// answerWith simulates, or reckons, and prints a table.
func answerWith(ctx context.Context, all []simulate.Scenario, reckon bool, file string) error {
	done := make([]simulate.Outcome, len(all))
	for i, s := range all {
		done[i].Scenario = s
	}
	if !reckon {
		folder, err := os.MkdirTemp("", "zensync-simulate-")
		if err != nil {
			return err
		}
		done, err = play(ctx, folder, all)
		if err := errors.Join(err, os.RemoveAll(folder)); err != nil {
			return err
		}
	}
	rows := make([][]string, len(done))
	for i, out := range done {
		rows[i] = []string{strconv.Itoa(out.Scenario.Users), said(out.Took), said(out.Scenario.Reckon()), said(out.Reading),
			strconv.Itoa(out.ZenQMS.All), strconv.Itoa(out.ZenQMS.Failed + out.ZenQMS.Refused), strconv.Itoa(out.Okta.All), strconv.Itoa(out.Okta.Failed + out.Okta.Refused),
			strconv.Itoa(out.Failed)}
	}
	measure.PrintTable(os.Stdout, []string{"users", "initial sync", "by arithmetic", "of it reading", "ZenQMS calls", "failed", "Okta calls", "failed", "given up"}, rows)
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(done, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// said is a time as people say it; nothing is "-".
func said(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 10*time.Minute:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%.1f days", d.Hours()/24)
}

// play has the test of package simulate, where the clock is to be had, play
// scenarios.
func play(ctx context.Context, folder string, all []simulate.Scenario) (done []simulate.Outcome, err error) {
	in, out := filepath.Join(folder, "scenarios.json"), filepath.Join(folder, "outcomes.json")
	text, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(in, text, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=0", "-run=^TestGiven$", "./simulate", "-args", "-scenarios", in, "-outcomes", out)
	cmd.Stderr = os.Stderr
	if said, err := cmd.Output(); err != nil {
		return nil, fmt.Errorf("simulate (run this in scripts/bench): %w\n%s", err, said)
	}
	if text, err = os.ReadFile(out); err != nil {
		return nil, err
	}
	return done, json.Unmarshal(text, &done)
}
