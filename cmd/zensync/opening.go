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
	db, err := in.openStore(ctx)
	if err != nil && ctx.Err() == nil && statusOf(err) == exitFailed {
		db, err = in.openLater(ctx, parts, posts, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return work(db)
}

// openLater tries to open the store until it can, or ctx ends. Meanwhile the parts
// do what they can without it.
func (in *installation) openLater(ctx context.Context, parts []part, posts []*post, ailment error) (*store.DB, error) {
	living, done := context.WithCancel(ctx)
	defer done()
	for i, p := range parts {
		if p.meanwhile != nil {
			if err := p.meanwhile(in, ctx, posts[i]); err != nil {
				return nil, errors.Join(ailment, err)
			}
		}
		posts[i].part.Ready("waits for the store, which cannot be opened: see the log")
		go live(living, posts[i].part)
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
