package main

import (
	"context"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// noteInEffect logs what is another configuration, or another program, than
// worked here last. Whoever works by the configuration calls it, once it may
// work.
func (in *installation) noteInEffect(ctx context.Context, db *store.DB, actor string) error {
	return reconcile.InEffect{Values: in.Values(), Hash: in.Hash(), Version: versionLine(), Actor: actor}.Note(ctx, db)
}
