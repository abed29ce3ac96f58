package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/systemd"
	"github.com/zensync/zensync/store"
)

// post is what a part of a service works with.
type post struct {
	db     *store.DB     // nil as long as it cannot be opened
	door   *door         // the relay's, once it is open
	holder string        // what it calls itself when it takes a lock
	part   *systemd.Part // it says to it when it is ready, and gives signs of life from then on
	anew   chan struct{} // holds a value when the configuration is to be read again
	asked  int64         // the last request for that which it knows of
}

// part is a part of a service: what it does until ctx ends, and what it sets about
// until ctx ends while the store cannot be opened, if there is anything.
type part struct {
	name          string
	do, meanwhile func(in *installation, ctx context.Context, p *post) error
}

// serve is a service until it is told to stop: its parts side by side, with one
// store. The service manager is kept informed.
func serve(c *cli.Context, holder string, parts ...part) error {
	if err := noOperands(c); err != nil {
		return err
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // for good: one that comes as the service ends must not kill it
	in, err := load(c, serviceLevel)
	if err != nil {
		return err
	}
	ctx := c.Context
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	manager, told := systemd.Connect(in.log, names...)
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
	posts := make([]*post, len(parts))
	for i := range parts {
		posts[i] = &post{holder: holder, part: told[i], anew: make(chan struct{}, 1)}
	}
	return untilStopped(ctx, in.awaitStore(ctx, parts, posts, func(db *store.DB) error {
		asked, err := lastReload(ctx, db)
		if err != nil {
			return err
		}
		var all []chan struct{}
		var services []func(context.Context) error
		for i, p := range parts {
			posts[i].db, posts[i].asked = db, asked.Number
			all = append(all, posts[i].anew)
			services = append(services, func(ctx context.Context) error { return p.do(in, ctx, posts[i]) })
		}
		working, end := context.WithCancelCause(ctx)
		defer end(nil)
		go passReloads(working, db, asked, hangups, all)
		go watchStore(working, db, end)
		err = together(working, services...)
		if cause := context.Cause(working); err == nil && mustEnd(cause) {
			return cause
		}
		return err
	}))
}

// reloadPoll is how often a service looks whether somebody asked for a reload.
const reloadPoll = time.Second

// passReloads tells all parts of a service when a reload is asked for after the
// request asked, by a command or by SIGHUP, until ctx ends. Several at once are
// one.
func passReloads(ctx context.Context, db *store.DB, asked reloadRequest, hangups <-chan os.Signal, parts []chan struct{}) {
	tick := time.NewTicker(reloadPoll)
	defer tick.Stop()
	for {
		select {
		case <-hangups:
		case <-tick.C:
			now, err := lastReload(ctx, db)
			if err != nil || now == asked { // a store that fails is noticed by those who need it more
				continue
			}
			asked = now
		case <-ctx.Done():
			return
		}
		for _, anew := range parts {
			select {
			case anew <- struct{}{}:
			default: // it has yet to look
			}
		}
	}
}

// watchStore ends a service once a newer zensync has changed the store under it, or a
// file beside the database is no longer the one it has open: the service manager
// starts it again, as the newer program that is there by then, or with the files that
// are there. It would take nothing more.
func watchStore(ctx context.Context, db *store.DB, end context.CancelCauseFunc) {
	tick := time.NewTicker(reloadPoll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, look := range []func(context.Context) error{db.Upgraded, db.Intact} {
				if err := look(ctx); mustEnd(err) {
					end(err)
					return
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// mustEnd tells what ends a service from what passes.
func mustEnd(err error) bool {
	return errors.Is(err, store.ErrUpgraded) || errors.Is(err, store.ErrBereft)
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
