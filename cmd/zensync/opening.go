package main

import (
	"context"
	"errors"
	"time"

	"github.com/zensync/zensync/cmd/zensync/systemd"
	"github.com/zensync/zensync/store"
)

func (in *installation) openStore(ctx context.Context) (*store.DB, error) {
	if err := in.checkOwner(); err != nil {
		return nil, err
	}
	return store.Open(ctx, in.Store.Path)
}

// awaitStore is withStore for a service. A store that cannot be opened, because its
// disk is full, broken or not there yet, or the file damaged or another user's, is
// tried again until it can: whoever mends that has nothing to start, and a service
// manager, which gives up after some starts, would leave Okta without an answer
// meanwhile. What no waiting changes, such as a configuration, is an error.
func (in *installation) awaitStore(ctx context.Context, parts []part, posts []*post, work func(*store.DB) error) (err error) {
	db, err := in.openSlowly(ctx, parts, posts)
	if err != nil && ctx.Err() == nil && statusOf(err) == exitFailed {
		db, err = in.openLater(ctx, parts, posts, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return work(db)
}

// quickOpening is how long a store takes to be opened at most, unless a new version
// has to copy and change it, or another process has it in its hands.
const quickOpening = time.Second

// openSlowly opens the store, and has the parts do what they can without it when
// that takes its time.
func (in *installation) openSlowly(ctx context.Context, parts []part, posts []*post) (db *store.DB, err error) {
	opened := make(chan struct{})
	go func() {
		defer close(opened)
		db, err = in.openStore(ctx)
	}()
	select {
	case <-opened:
		return db, err
	case <-time.After(quickOpening):
	}
	in.log.Info("the store takes its time to be opened: a new version may have to change it, or another process has it in its hands")
	end, failed := in.meanwhile(ctx, parts, posts, "opens the store")
	defer end()
	<-opened
	if failed != nil && err == nil {
		err = db.Close()
	}
	return db, errors.Join(failed, err)
}

// meanwhile has the parts do what they can without a store, and give signs of life
// until end is called.
func (in *installation) meanwhile(ctx context.Context, parts []part, posts []*post, status string) (end func(), err error) {
	living, end := context.WithCancel(ctx)
	for i, p := range parts {
		if p.meanwhile != nil {
			if err := p.meanwhile(in, ctx, posts[i]); err != nil {
				return end, err
			}
		}
		posts[i].part.Ready(status)
		go live(living, posts[i].part)
	}
	return end, nil
}

// openLater tries to open the store until it can, or ctx ends. Meanwhile the parts
// do what they can without it.
func (in *installation) openLater(ctx context.Context, parts []part, posts []*post, ailment error) (*store.DB, error) {
	end, err := in.meanwhile(ctx, parts, posts, "waits for the store, which cannot be opened: see the log")
	defer end()
	if err != nil {
		return nil, errors.Join(ailment, err)
	}
	tick := time.NewTicker(ailingPause)
	defer tick.Stop()
	for said := ""; ; {
		if now := ailment.Error(); now != said {
			in.log.Error("the store cannot be opened, and is tried again", "every", ailingPause, "error", ailment)
			said = now
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		db, err := in.openStore(ctx)
		if err == nil {
			in.log.Info("the store is open")
		}
		if err == nil || ctx.Err() != nil || statusOf(err) != exitFailed {
			return db, err
		}
		ailment = err
	}
}

// live gives signs of life for a part that only waits, until ctx ends. To open a
// store may take long: a new version may have to change it.
func live(ctx context.Context, part *systemd.Part) {
	if part.Pulse() <= 0 {
		return
	}
	tick := time.NewTicker(part.Pulse())
	defer tick.Stop()
	for ctx.Err() == nil {
		part.Beat()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
