package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// program is the zensync that a site runs. Where the tests run with the race
// detector it is one without, made as `make build` does: SQLite is five times as
// slow with it, and races show in the scripts and in the packages' own tests.
var program = sync.OnceValues(func() (string, error) {
	found, err := exec.LookPath("zensync")
	if err != nil || !raced {
		return found, err
	}
	built := filepath.Join(filepath.Dir(found), "zensync-without-race") // testscript.Main removes that folder
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", built, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build zensync: %w\n%s", err, output)
	}
	return built, nil
})

// process is a zensync that runs.
type process struct {
	site           *site
	cmd            *exec.Cmd
	stdout, stderr spool
	ended          chan struct{} // closed when it is over
}

// start runs zensync at the site; $NAME among the arguments is an id, or what
// scripts have by that name, and $fresh a name nothing has yet. What it prints
// is searched for secrets in the end.
func (c *site) start(args ...string) *process {
	c.Helper()
	return c.startWith(nil, nil, args...)
}

// startWith is start with more environment, and under another program, as in
// "strace -f".
func (c *site) startWith(under, environment []string, args ...string) *process {
	c.Helper()
	args = slices.Clone(args)
	for i, arg := range args {
		args[i] = os.Expand(arg, c.expand)
	}
	zensync, err := program()
	require.NoError(c, err)
	line := slices.Concat(under, []string{zensync}, args)
	p := &process{site: c, cmd: exec.CommandContext(c.Context(), line[0], line[1:]...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = &p.stdout, &p.stderr, c.folder
	p.cmd.Env = append(append(os.Environ(), "TMPDIR="+c.temporary()), environment...)
	for name, value := range c.vars {
		if name != transcript {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	require.NoError(c, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // wait looks at how it ended
	}()
	c.Cleanup(func() {
		<-p.ended
		printed := filepath.Join(c.folder, fmt.Sprintf("printed-%d", p.cmd.Process.Pid))
		require.NoError(c, os.WriteFile(printed, []byte(p.stdout.String()+p.stderr.String()), 0o600))
	})
	return p
}

// expand is what a name among the arguments stands for.
func (c *site) expand(name string) string {
	if name == "fresh" {
		folder, err := os.MkdirTemp(c.folder, "fresh")
		require.NoError(c, err)
		return filepath.Join(folder, "new")
	}
	if id, known := c.names[name]; known {
		return id
	}
	return c.vars[name]
}

// wait waits for its end, and returns the exit status.
func (p *process) wait() int {
	p.site.Helper()
	select {
	case <-p.ended:
	case <-time.After(deadline):
		require.NoError(p.site, p.cmd.Process.Signal(syscall.SIGQUIT)) // it prints where it hangs
		<-p.ended
		require.FailNow(p.site, fmt.Sprintf("%v does not end", p.cmd.Args[1:]), "stderr: %s", &p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop ends a service in good order.
func (p *process) stop() {
	p.site.Helper()
	require.NoError(p.site, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(p.site, exitDone, p.wait(), "%v; stderr: %s", p.cmd.Args[1:], &p.stderr)
}

// kill ends it as kill -9 does.
func (p *process) kill() {
	p.site.Helper()
	require.NoError(p.site, p.cmd.Process.Kill())
	require.Equal(p.site, -1, p.wait(), "killed")
}

// must runs a command that has to exit so, and returns its stdout.
func (c *site) must(exit int, args ...string) string {
	c.Helper()
	p := c.start(args...)
	require.Equal(c, exit, p.wait(), "%v; stderr: %s", args, &p.stderr)
	return p.stdout.String()
}

// spool keeps what a process prints, while others read it.
type spool struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *spool) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
