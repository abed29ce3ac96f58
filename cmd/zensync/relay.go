package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/systemd"
	"github.com/zensync/zensync/relay"
	"github.com/zensync/zensync/store"
)

func relayCommand() *cli.Command {
	return &cli.Command{
		Name:  "relay",
		Usage: "receive Okta's event hook and store what it asks for",
		Description: "Serves on relay.listen, or the socket that systemd hands over, until SIGINT or SIGTERM. It needs the hook's secret and the store, and no other credential.\n" +
			"Run it before `zensync deploy`, which has Okta call it.",
		Action: func(c *cli.Context) error {
			return serve(c, "relay", relayPart)
		},
	}
}

var relayPart = part{name: "relay", do: (*installation).receive, meanwhile: (*installation).openDoor}

// receive is the relay until ctx ends.
func (in *installation) receive(ctx context.Context, p *post) (err error) {
	if err := in.checkBinding(ctx, p.db); err != nil {
		return err
	}
	lock, err := p.db.TryLock(store.RelayPart, p.holder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := in.noteInEffect(ctx, p.db, login()); err != nil {
		return err
	}

	if err := in.openDoor(ctx, p); err != nil {
		return err
	}
	checking, done := context.WithCancel(ctx)
	defer done()
	go checkStore(checking, p.db, p.part)
	p.part.Ready(p.door.status())
	for {
		select {
		case err := <-p.door.closed:
			if err == nil {
				in.log.Info("relay stopped")
			}
			return err
		case <-p.anew:
			in = in.receiveAgain(ctx, p)
		}
	}
}

// door leads to the relay that is there now. It is open before there is a store
// where that takes its time.
type door struct {
	atomic.Pointer[relay.Relay]
	address string
	closed  chan error // holds a value once nobody is let in any more
}

// openDoor has Okta answered until ctx ends, by what there is: without a store all
// is to be sent again. A door that is open leads to the store from then on.
func (in *installation) openDoor(ctx context.Context, p *post) error {
	secret, err := in.openSecret()
	if err != nil {
		return err
	}
	now := &relay.Relay{DB: p.db, Secret: secret, Log: in.log}
	if p.door != nil {
		p.door.Store(now)
		return nil
	}
	var tlsConfig *tls.Config
	if in.Relay.TLSCertFile != "" {
		if tlsConfig, err = relay.TLSConfig(in.Relay.TLSCertFile, in.Relay.TLSKeyFile); err != nil {
			return usageError{err}
		}
	}
	listener, err := in.listener(tlsConfig != nil)
	if err != nil {
		return err
	}
	p.door = &door{address: listener.Addr().String(), closed: make(chan error, 1)}
	p.door.Store(now)
	in.log.Info("relay listens", "address", p.door.address, "tls", tlsConfig != nil, "public_url", in.Relay.PublicURL)
	go func(d *door) { d.closed <- relay.Serve(ctx, listener, d, tlsConfig, in.log) }(p.door)
	return nil
}

func (d *door) status() string { return "listens on " + d.address }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.Load().ServeHTTP(w, r) }

// receiveAgain has the relay go on with the configuration as it is now, and
// returns what is in force. Requests under way end as they began. A store that
// takes nothing now is no reason to stop: Okta is answered all the same.
func (in *installation) receiveAgain(ctx context.Context, p *post) *installation {
	var secret *relay.Secret
	next := in.renew(ctx, p, store.ReloadRelay, []string{"relay"}, func(r *renewal) (err error) {
		secret, err = r.openSecret()
		return err
	})
	if next == nil {
		return in
	}
	p.part.Reloading()
	defer p.part.Ready(p.door.status())
	if err := next.done(ctx, p.db); err != nil {
		in.refuseRenewal(p, err)
		return in
	}
	p.door.Store(&relay.Relay{DB: p.db, Secret: secret, Log: in.log})
	return next.installation
}

// relaySocket is what the relay's socket is called in its socket unit.
const relaySocket = "relay"

// listener is where the relay listens: on the socket that the service manager
// hands over, else on relay.listen. The caller closes it.
func (in *installation) listener(tls bool) (net.Listener, error) {
	listener, err := systemd.Listener(relaySocket)
	if err != nil {
		return nil, usageError{err}
	}
	if listener == nil {
		if listener, err = net.Listen("tcp", in.Relay.Listen); err != nil {
			return nil, fmt.Errorf("%w (relay.listen has to be an address of this host that no other program has)", err)
		}
		return listener, nil
	}
	address := listener.Addr().String()
	if err := checkExposure(address, tls); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if address != in.Relay.Listen {
		in.log.Warn("relay.listen is not used: systemd's socket says where the relay listens", "address", address, "relay_listen", in.Relay.Listen)
	}
	return listener, nil
}

// checkExposure holds an address that the configuration does not name to the
// rule of those it does. A path is a unix socket, which no network reaches.
func checkExposure(address string, tls bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || tls || at.Addr().Unmap().IsLoopback() {
		return nil
	}
	return usage("the socket unit listens on %s, which is reachable from outside, and the secret would travel in the clear; "+
		"let it listen on 127.0.0.1 behind a TLS proxy, or set relay.tls_cert_file and relay.tls_key_file", address)
}

// checkStore is the relay's sign of life, until ctx ends: a transaction goes
// the way of those that keep events. An error is an answer, too; what hangs is
// silent.
func checkStore(ctx context.Context, db *store.DB, part *systemd.Part) {
	if part.Pulse() <= 0 {
		return
	}
	tick := time.NewTicker(part.Pulse())
	defer tick.Stop()
	for {
		_ = db.Update(ctx, func(*store.Tx) error { return nil })
		part.Beat()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
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
