package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/store"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "relay and worker in one process",
		Description: "Serves and works until SIGINT or SIGTERM. When one of the two fails, the other is stopped in good order.\n" +
			"Two services, `zensync relay` and `zensync worker`, keep the part that faces the internet away from the credentials.",
		Action: func(c *cli.Context) error {
			in, err := loadWorker(c)
			if err != nil {
				return err
			}
			return untilStopped(c.Context, in.withStore(c.Context, func(db *store.DB) error {
				return together(c.Context,
					func(ctx context.Context) error { return in.receive(ctx, db, "run") },
					func(ctx context.Context) error { return in.work(ctx, db, "run") })
			}))
		},
	}
}

// untilStopped is the error of a service. To be told to stop is none, however
// early it comes.
func untilStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// together runs services side by side until ctx ends. One that fails ends the
// others; all have ended when it returns.
func together(ctx context.Context, services ...func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error)
	for _, serve := range services {
		go func() { ended <- serve(ctx) }()
	}
	var failed error
	for range services {
		err := untilStopped(ctx, <-ended)
		if err != nil {
			stop()
		}
		failed = errors.Join(failed, err)
	}
	return failed
}
