// Package demo shows zensync at work: an Okta org and a ZenQMS account, both
// imitations on this machine, and between them the real commands of the same
// binary, run as a person would type them.
//
// It is also a test of the whole: every step is held to what it says, and one
// that does something else ends the demo with an error. It reads no
// configuration, touches nothing outside a temporary folder and loopback, and
// needs no network.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long a change may take to show in ZenQMS before the demo
// counts as failed. It takes well under a second on any machine.
const patience = 10 * time.Second

// Options say what is shown, and to whom.
type Options struct {
	Program string    // path of the binary whose commands are run
	Serve   bool      // keep everything running after the story until ctx ends
	Out     io.Writer // the story
}

// Run tells the story. It returns nil when every step did what it says, and
// takes down whatever it set up in any case. With Serve, ctx ending after the
// story is no error; during the story it is.
func Run(ctx context.Context, o Options) (err error) {
	// Somebody who closes the terminal or stops reading must not leave a
	// service behind.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()

	s, err := setUp(o)
	if err != nil {
		return fmt.Errorf("set up the demo: %w", err)
	}
	defer func() { err = errors.Join(err, s.takeDown()) }()
	if err := s.play(ctx); err != nil {
		if ctx.Err() != nil {
			return errors.New("the demo was interrupted")
		}
		s.showLog()
		return fmt.Errorf("the demo failed: %w", err)
	}
	if o.Serve {
		return s.serve(ctx)
	}
	return s.curtain()
}

// play goes through the scenes, in their order.
func (s *stage) play(ctx context.Context) error {
	s.introduce()
	for _, scene := range []func(context.Context) error{
		s.startService, s.deploy, s.hire, s.promote, s.leave, s.loseHook, s.report,
	} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	return nil
}
