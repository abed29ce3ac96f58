package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Exit statuses of zensync that the story meets.
const (
	exitDone      = 0
	exitAttention = 3 // done, but somebody needs a person
)

const (
	// endWithin is how long a command may take. It takes seconds.
	endWithin = 3 * time.Minute
	// stopWithin is how long a child may take to stop after SIGTERM: the relay
	// lets requests end for 8 s.
	stopWithin = 15 * time.Second
)

// foreign are variables of the surroundings that would change what a child
// does: another configuration, other credentials, another supervisor.
var foreign = []string{"ZENSYNC_CONFIG", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"}

// command is the binary with arguments, in the environment of the demo.
func (s *stage) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(foreign, name)
	})
	cmd.Env = append(cmd.Env, "ZENSYNC_CONFIG="+s.config)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	return cmd
}

// run shows a command line, runs it before the audience, and holds it to its
// exit status.
func (s *stage) run(ctx context.Context, want int, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	s.prompt("zensync " + strings.Join(args, " "))
	cmd := s.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = s.out, s.out
	err := cmd.Run()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("zensync %s did not end within %s", strings.Join(args, " "), endWithin)
	}
	if err := expectExit(err, want, args); err != nil {
		return err
	}
	if want == exitAttention {
		s.say("exit status %d: done, but somebody needs a person", want)
	}
	return nil
}

// ask runs a command behind the scenes and reads its JSON.
func (s *stage) ask(ctx context.Context, into any, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	args = append(args, "--format", "json")
	out, err := s.command(ctx, args...).Output()
	if err := expectExit(err, exitDone, args); err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("read the answer of zensync %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// expectExit turns the end of a command into an error unless its exit status
// is the one expected.
func expectExit(err error, want int, args []string) error {
	status := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		status = exit.ExitCode()
	case err != nil:
		return fmt.Errorf("run zensync %s: %w", strings.Join(args, " "), err)
	}
	if status == want {
		return nil
	}
	err = fmt.Errorf("zensync %s ended with exit status %d instead of %d", strings.Join(args, " "), status, want)
	if exit != nil && len(exit.Stderr) > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}

// service is `zensync run` in the background.
type service struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended; err is set then
	err   error
}

// start starts the service, which writes its log into a file.
func (s *stage) start(args ...string) (*service, error) {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	// It ends by stop alone, so that its last words can still be waited for.
	svc := &service{cmd: s.command(context.Background(), args...), ended: make(chan struct{})}
	svc.cmd.Stdout, svc.cmd.Stderr = log, log
	leaveNoOrphan(svc.cmd)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the child outlives no thread that starts it
		defer runtime.UnlockOSThread()
		err := svc.cmd.Start()
		started <- err
		if err == nil {
			svc.err = svc.cmd.Wait()
			close(svc.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start zensync %s: %w", strings.Join(args, " "), err)
	}
	return svc, nil
}

// stop asks the service to end, as systemd would, and waits for it. It may be
// called again.
func (svc *service) stop() error {
	if svc == nil {
		return nil
	}
	if err := svc.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop zensync run: %w", err)
	}
	select {
	case <-svc.ended:
	case <-time.After(stopWithin):
		err := svc.cmd.Process.Kill()
		<-svc.ended
		return errors.Join(fmt.Errorf("zensync run did not stop within %s of SIGTERM and was killed", stopWithin), err)
	}
	if svc.err != nil {
		return fmt.Errorf("zensync run ended badly: %w", svc.err)
	}
	return nil
}
