package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/zensync/zensync/relay"
	"github.com/zensync/zensync/store"
)

// The contestants of the relay's measurement.
const (
	durable = "durable"         // the relay as it is
	nothing = "storing nothing" // the same handler, without a store
	single  = "one transaction a request"
)

const (
	maxBody      = 8 << 20                 // as the relay has it
	answerWithin = 2400 * time.Millisecond // likewise
)

// serveRelay is a part: a contestant, on the store at path, until ctx ends. It
// says its address first.
func serveRelay(ctx context.Context, args []string, say func(any) error) (_ any, err error) {
	contestant, path, secretFile := args[0], args[1], args[2]
	secret, err := relay.OpenSecret(secretFile, "")
	if err != nil {
		return nil, err
	}
	db, err := openDurable(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	handlers := map[string]http.Handler{
		durable: &relay.Relay{DB: db, Secret: secret, Log: log},
		nothing: &control{secret, func(context.Context, []store.Event) error { return nil }},
		single:  &control{secret, oneByOne(db)},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := say(l.Addr().String()); err != nil {
		return nil, err
	}
	return nil, relay.Serve(ctx, l, handlers[contestant], nil, log)
}

// openDurable opens a store and asks the connection that writes how it commits.
func openDurable(ctx context.Context, path string) (*store.DB, error) {
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := db.Update(ctx, (*store.Tx).CheckDurable); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// control is what the relay does about a delivery that is in order, but for
// what becomes of the events.
type control struct {
	secret *relay.Secret
	keep   func(context.Context, []store.Event) error
}

func (c *control) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	deadline := time.Now().Add(answerWithin)
	if !c.secret.Accepts(req.Header.Get("Authorization")) {
		http.Error(w, "not the secret", http.StatusUnauthorized)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(deadline)
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	events, err := relay.Parse(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := c.keep(req.Context(), events); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// oneByOne stores every delivery in a transaction of its own: while one is
// under way no other gets as far as the store, so there is nothing to gather.
func oneByOne(db *store.DB) func(context.Context, []store.Event) error {
	var one sync.Mutex
	return func(ctx context.Context, events []store.Event) error {
		one.Lock()
		defer one.Unlock()
		delivery, err := store.Pack(events)
		if err != nil {
			return err
		}
		return db.Update(ctx, func(tx *store.Tx) error {
			tx.Nudge()
			return tx.Receive(delivery)
		})
	}
}

// writeSecret makes the hook's secret and its file.
func writeSecret(folder, secret string) (string, error) {
	path := filepath.Join(folder, "hook.secret")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		return "", fmt.Errorf("write the secret: %w", err)
	}
	return path, nil
}
