package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	headerWithin = 5 * time.Second  // for the TLS handshake and for the headers
	bodyWithin   = 10 * time.Second // for a whole request; the relay itself asks for less
	answerTaken  = 10 * time.Second // for the caller to take the answer
	idleFor      = 2 * time.Minute  // longer than proxies keep a connection (nginx: 60 s), so that they hang up first
	stopWithin   = 8 * time.Second  // under the 10 s that container runtimes give before they kill

	// maxHeader is in bytes. Okta's headers take less than 1 KiB; net/http adds
	// 4 KiB of its own.
	maxHeader = 16 << 10

	// maxConnections bounds what strangers can make us hold, by the above some
	// 30 MiB. Okta and proxies use a handful.
	maxConnections = 1024
)

// Serve answers HTTP on l with h, over TLS if tlsConfig is not nil, until ctx
// ends; then it stops accepting, lets requests under way finish for up to 8 s
// and returns nil. It closes l. Any other error is that of the listener.
//
// It speaks HTTP/1.1 only, which is what Okta's hooks need, and one request
// at a time on each connection.
func Serve(ctx context.Context, l net.Listener, h http.Handler, tlsConfig *tls.Config, logger *slog.Logger) error {
	if tlsConfig != nil {
		l = tls.NewListener(l, tlsConfig)
	}
	guests := &guests{limit: maxConnections, log: logger}
	server := newServer(h, logger, guests)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("listen for Okta's hooks on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	closing := l.Close()
	<-stopped
	server.SetKeepAlivesEnabled(false)
	// Not by Shutdown: a request that it has not seen begin is dropped without
	// an answer, and the caller's connection was accepted.
	if left := guests.leave(stopWithin); left > 0 {
		// Nothing is lost by it: what was not answered will be sent again.
		logger.Warn("connections were cut off while stopping", "count", left, "close", server.Close())
	}
	if errors.Is(closing, net.ErrClosed) {
		return nil
	}
	return closing
}

// newServer is a server that strangers cannot wear out.
func newServer(h http.Handler, logger *slog.Logger, g *guests) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:                      h,
		DisableGeneralOptionsHandler: true, // h sees every request
		Protocols:                    &protocols,
		ReadHeaderTimeout:            headerWithin,
		ReadTimeout:                  bodyWithin,
		WriteTimeout:                 answerTaken,
		IdleTimeout:                  idleFor,
		MaxHeaderBytes:               maxHeader,
		ErrorLog:                     log.New(&complaints{log: logger}, "", 0),
		ConnState:                    g.count,
	}
}

// guests are the connections that a server has accepted and not closed.
type guests struct {
	limit    int64 // how many there may be
	log      *slog.Logger
	open     atomic.Int64
	overflow tally
}

// count is the server's ConnState.
func (g *guests) count(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if g.open.Add(1) > g.limit {
			_ = c.Close() // the server notices, and counts it as closed
			g.overflow.add(func(n int) {
				g.log.Warn("connections were refused: too many at once", "limit", g.limit, "count", n)
			})
		}
	case http.StateClosed, http.StateHijacked:
		g.open.Add(-1)
	}
}

// leave waits until all are gone, and returns how many are not when patience
// ends. No more may come in.
func (g *guests) leave(patience time.Duration) int64 {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); g.open.Load() > 0 && time.Now().Before(end); {
		<-tick.C
	}
	return g.open.Load()
}

// complaints takes what net/http has to say, which is mostly of strangers'
// failed TLS handshakes. The lines hold addresses, so they are only counted.
type complaints struct {
	log   *slog.Logger
	tally tally
}

func (c *complaints) Write(line []byte) (int, error) {
	c.tally.add(func(n int) {
		c.log.Warn("connections failed, most likely in the TLS handshake", "count", n)
	})
	return len(line), nil
}

// TLSConfig serves the certificate (with its chain) in the file cert, whose
// key is in the file key, both PEM. They are read again as they change, so a
// renewed certificate needs no restart; between the two writes of a renewal
// the old pair stays in force.
func TLSConfig(cert, key string) (*tls.Config, error) {
	pair, err := watch(cert, func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("load the certificate %s and its key %s: %w", cert, key, err)
		}
		return &pair, nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w (relay.tls_cert_file and relay.tls_key_file have to be a PEM pair that this user may read)", err)
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get(), nil },
	}, nil
}
