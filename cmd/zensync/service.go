package main

import (
	"context"
	"errors"

	"github.com/zensync/zensync/cmd/zensync/systemd"
	"github.com/zensync/zensync/store"
)

// duty is what one part of a service does until ctx ends, under the name
// holder. It says to part when it is ready, and gives signs of life from then
// on.
type duty func(ctx context.Context, db *store.DB, holder string, part *systemd.Part) error

// serve is a service until ctx ends: its duties side by side, with one store.
// The service manager is kept informed.
func (in *installation) serve(ctx context.Context, holder string, names []string, duties ...duty) error {
	manager, parts := systemd.Connect(in.log, names...)
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx)) // also while it stops
	defer unwatch()
	go manager.Watch(watching)
	said := make(chan struct{})
	unstopped := context.AfterFunc(ctx, func() { defer close(said); manager.Stopping() })
	defer func() {
		if !unstopped() {
			<-said
		}
	}()
	return untilStopped(ctx, in.withStore(ctx, func(db *store.DB) error {
		var services []func(context.Context) error
		for i, do := range duties {
			services = append(services, func(ctx context.Context) error { return do(ctx, db, holder, parts[i]) })
		}
		return together(ctx, services...)
	}))
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
