// Command zensync keeps the users of a ZenQMS account in step with an Okta
// org.
//
// This package reads flags, wires the parts together and prints. One file is
// one command; the rules are in package reconcile.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: it returns the exit status. The first SIGINT or SIGTERM
// ends what is under way in good order, the second kills.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := untilSignal(ctx)
	defer stop()
	app := newApp(stdin, stdout, stderr)
	err := app.RunContext(ctx, arrange(app, args))
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
	complain(stderr, err)
	return statusOf(err)
}

// untilSignal returns a context that the first SIGINT or SIGTERM ends. By then
// signals are what they were before, so that the next one kills.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals)
		cancel()
	}()
	return ctx, cancel
}
