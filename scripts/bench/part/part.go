// Package part runs parts of a measurement in processes of their own. Each is
// this program, started once more under the name of the part.
package part

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"
)

// Func is a part. It may tell its parent something by say, once it is ready
// for instance, and returns its result. ctx ends when the parent wants it to
// stop, or is gone.
type Func func(ctx context.Context, args []string, say func(any) error) (any, error)

const (
	// first is the first argument of a process that is a part.
	first = "part"
	// Profiles is the variable that names the folder into which every part
	// writes a CPU profile.
	Profiles = "ZENSYNC_BENCH_PROFILES"
)

// Main runs the part that the command line names, and ends the process. When
// it names none, it returns.
func Main(parts map[string]Func) {
	if len(os.Args) < 3 || os.Args[1] != first {
		return
	}
	if err := run(parts[os.Args[2]], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", strings.Join(os.Args[2:], " "), err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(f Func, name string, args []string) error {
	if f == nil {
		return errors.New("there is no such part")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the parent closes it
		cancel()
	}()
	stop, err := profile(name)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	result, err := f(ctx, args, func(v any) error { return out.Encode(v) })
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	return out.Encode(result)
}

// profile begins the CPU profile, if one is wanted, and returns what ends it.
func profile(name string) (func() error, error) {
	folder := os.Getenv(Profiles)
	if folder == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s-%d.pprof", name, os.Getpid())))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}

// Process is a part that runs.
type Process struct {
	cmd *exec.Cmd
	in  io.Closer
	out *json.Decoder
}

// Start starts a part. It ends with ctx at the latest.
func Start(ctx context.Context, name string, args ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{first, name}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Process{cmd, in, json.NewDecoder(out)}, nil
}

// Hear waits for what the part says next.
func (p *Process) Hear(v any) error {
	if err := p.out.Decode(v); err != nil {
		return errors.Join(fmt.Errorf("read what %s says: %w", p.cmd.Args[2], err), p.end())
	}
	return nil
}

// Result waits for the result, without asking the part to stop.
func (p *Process) Result(v any) error {
	if err := p.Hear(v); err != nil {
		return err
	}
	return p.end()
}

// Stop asks the part to stop and waits for its result.
func (p *Process) Stop(v any) error {
	return errors.Join(p.in.Close(), p.Result(v))
}

// CPU is the processor time that the part has taken, once it has ended.
func (p *Process) CPU() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

func (p *Process) end() error {
	_ = p.in.Close() // it may be closed already
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", p.cmd.Args[2], err)
	}
	return nil
}

// Do runs a part from beginning to end.
func Do(ctx context.Context, result any, name string, args ...string) error {
	p, err := Start(ctx, name, args...)
	if err != nil {
		return err
	}
	return p.Result(result)
}
