package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/relay"
	"github.com/zensync/zensync/store"
)

func relayCommand() *cli.Command {
	return &cli.Command{
		Name:  "relay",
		Usage: "receive Okta's event hook and store what it asks for",
		Description: "Serves on relay.listen until SIGINT or SIGTERM. It needs the hook's secret and the store, and no other credential.\n" +
			"Run it before `zensync deploy`, which has Okta call it.",
		Action: func(c *cli.Context) error {
			if err := noOperands(c); err != nil {
				return err
			}
			in, err := load(c, serviceLevel)
			if err != nil {
				return err
			}
			return untilStopped(c.Context, in.withStore(c.Context, func(db *store.DB) error {
				return in.receive(c.Context, db, "relay")
			}))
		},
	}
}

// receive is the relay until ctx ends, under the name holder.
func (in *installation) receive(ctx context.Context, db *store.DB, holder string) (err error) {
	if err := in.checkBinding(ctx, db); err != nil {
		return err
	}
	lock, err := db.TryLock(store.RelayPart, holder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := in.noteInEffect(ctx, db, login()); err != nil {
		return err
	}

	secret, err := in.openSecret()
	if err != nil {
		return err
	}
	var tlsConfig *tls.Config
	if in.Relay.TLSCertFile != "" {
		if tlsConfig, err = relay.TLSConfig(in.Relay.TLSCertFile, in.Relay.TLSKeyFile); err != nil {
			return usageError{err}
		}
	}
	listener, err := net.Listen("tcp", in.Relay.Listen)
	if err != nil {
		return fmt.Errorf("%w (relay.listen has to be an address of this host that no other program has)", err)
	}
	in.log.Info("relay listens", "address", listener.Addr().String(), "tls", tlsConfig != nil, "public_url", in.Relay.PublicURL)
	if err := relay.Serve(ctx, listener, &relay.Relay{DB: db, Secret: secret, Log: in.log}, tlsConfig, in.log); err != nil {
		return err
	}
	in.log.Info("relay stopped")
	return nil
}

// openSecret opens the hook's secret, held to the rules of every other secret
// first.
func (in *installation) openSecret() (*relay.Secret, error) {
	if _, err := in.HookSecret(); err != nil {
		return nil, err
	}
	if _, err := in.PreviousHookSecret(); err != nil {
		return nil, err
	}
	return relay.OpenSecret(in.Relay.SecretFile, in.Relay.PreviousSecretFile)
}
