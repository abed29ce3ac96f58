// Command bench measures zensync against what it could be instead: the relay
// against its own handler without a store, the outbox against other queues on
// SQLite, all on one machine in rounds that take turns. It needs the checkout
// it lies in, and a disk that is one.
//
// As `bench simulate` it answers how long an initial sync of so many users
// takes with given limits.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/zensync/zensync/scripts/bench/curve"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/part"
	"github.com/zensync/zensync/scripts/bench/queue"
)

func main() {
	part.Main(map[string]part.Func{"relay": serveRelay, "load": sendLoad, "queue": queue.Part, "work": work, "list": listUsers, "calls": callAlone,
		"bare-relay": bareRelay, "bare-worker": bareWorker})
	if len(os.Args) > 1 && os.Args[1] == "simulate" {
		run(func(ctx context.Context) error { return simulateCommand(ctx, os.Args[2:]) })
		return
	}

	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "how often each contestant runs")
	flag.Float64Var(&o.seconds, "seconds", 3, "how long a contestant runs each time, about")
	flag.StringVar(&o.only, "only", "", "measure only what begins with this: relay, relay-64, relay-256, enqueue, drain, latency, walk, initial, simulate, growth or storm")
	flag.IntVar(&o.people, "people", 100_000, "users of the largest org that is walked; a million takes some minutes a round")
	flag.IntVar(&o.events, "events", 300_000, "events of the year that a store has seen; each has a promise and a row of the log beside it")
	flag.IntVar(&o.storm, "storm", 40_000, "hooks of a storm, 400,000 in ten minutes; as many seconds as it takes to send them it takes once more")
	flag.StringVar(&o.json, "json", "", "write the results to this file as well")
	flag.IntVar(&o.simulated, "simulated", 10_000, "users of the largest org whose initial sync is simulated; a thousand take some 3 s, and memory")
	flag.StringVar(&o.curves, "curves", "", "draw the curves of what was measured into this folder")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "folder for the databases, on the disk to be measured")
	flag.StringVar(&o.profiles, "profiles", "", "folder for CPU profiles of relays and queues")
	flag.Parse()

	run(func(ctx context.Context) error { return bench(ctx, o) })
}

// run runs a command, and ends the process where it fails.
func run(command func(context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds, people, events, storm, simulated int
	seconds                                  float64
	only, json, dir, profiles, curves        string
}

func bench(ctx context.Context, o options) (err error) {
	if o.rounds < 1 || o.seconds <= 0 || o.people < 1 || o.events < 1 || o.storm < stormLeast {
		return fmt.Errorf("-storm has to be %d and more, and -rounds, -seconds, -people and -events have to be more than 0", stormLeast)
	}
	if err := checkDisk(o.dir); err != nil {
		return err
	}
	if o.profiles != "" {
		if err := os.Setenv(part.Profiles, o.profiles); err != nil {
			return err
		}
	}
	folder, err := os.MkdirTemp(o.dir, "zensync-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	program := filepath.Join(folder, "zensync")
	if err := build(ctx, program); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(measurements(program, folder, o), func(m measure.Measurement) bool { return !strings.HasPrefix(m.Name, o.only) })
	if len(chosen) == 0 {
		return fmt.Errorf("nothing to measure is called %s", o.only)
	}
	report, err := measure.Run(ctx, chosen, o.rounds, folder, os.Stderr)
	if err != nil {
		return err
	}
	report.Machine = measure.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()}
	report.Print(os.Stdout)
	if o.curves != "" {
		if err := curve.Draw(o.curves, report.Curves); err != nil {
			return err
		}
	}
	if o.json == "" {
		return nil
	}
	return writeJSON(report, o.json)
}

// measurements are all there is to measure.
func measurements(program, folder string, o options) []measure.Measurement {
	return []measure.Measurement{
		relayMeasurement(64, o.seconds),
		relayMeasurement(256, o.seconds),
		enqueueMeasurement(o.seconds),
		drainMeasurement(o.seconds),
		latencyMeasurement(program, o.seconds),
		walkMeasurement(folder, o.people, o.seconds),
		initialMeasurement(),
		simulateMeasurement(o.simulated),
		growthMeasurement(folder, o.events),
		stormMeasurement(program, o.storm),
	}
}

// checkDisk refuses a folder in memory: a flush costs nothing there.
func checkDisk(dir string) error {
	const tmpfs = 0x01021994 // statfs(2)
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if fs.Type == tmpfs {
		return fmt.Errorf("%s is in memory, where a durable commit costs nothing: name a folder on a disk with -dir", dir)
	}
	return nil
}

// build makes the program from the checkout that this one is part of.
func build(ctx context.Context, program string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/zensync/zensync").Output()
	if err != nil {
		return fmt.Errorf("find the checkout (run this in scripts/bench): %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "-C", strings.TrimSpace(string(root)), "build", "-trimpath", "-o", program, "./cmd/zensync")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build zensync: %w", err)
	}
	return nil
}

func writeJSON(report *measure.Report, name string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(report.WriteJSON(file), file.Close())
}
