package page

import (
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	headerWithin = 5 * time.Second
	askWithin    = 10 * time.Second // for a whole request; there is no body to wait for
	answerTaken  = 30 * time.Second // for the caller to take the answer
	idleFor      = 2 * time.Minute  // longer than Prometheus waits between two scrapes
	stopWithin   = 2 * time.Second

	// maxHeader is in bytes; net/http adds 4 KiB of its own.
	maxHeader = 16 << 10
	// maxConnections is what callers can make the worker hold: it needs its file
	// descriptors itself. A monitoring and some browsers use a dozen.
	maxConnections = 64
)

// Serve answers on l until ctx ends, and closes l. It never fails: when the
// listener does, that is logged, and the page is gone until the service is
// restarted.
func (p *Page) Serve(ctx context.Context, l net.Listener) {
	server := newServer(p.Handler(), p.log)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	select {
	case err := <-stopped:
		p.log.Error("the page with status, health and metrics is gone until the worker is restarted", "address", l.Addr().String(), "error", err)
		return
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		_ = server.Close() // whoever still reads is cut off
	}
	<-stopped
}

func newServer(h http.Handler, logger *slog.Logger) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	var open atomic.Int64
	return &http.Server{
		Handler:                      h,
		DisableGeneralOptionsHandler: true, // h sees every request
		Protocols:                    &protocols,
		ReadHeaderTimeout:            headerWithin,
		ReadTimeout:                  askWithin,
		WriteTimeout:                 answerTaken,
		IdleTimeout:                  idleFor,
		MaxHeaderBytes:               maxHeader,
		ErrorLog:                     log.New(complaints{logger}, "", 0),
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if open.Add(1) > maxConnections {
					_ = c.Close() // the server notices, and counts it as closed
				}
			case http.StateClosed, http.StateHijacked:
				open.Add(-1)
			}
		},
	}
}

// complaints takes what net/http has to say of callers. The lines hold
// addresses, so they stay out of the log.
type complaints struct{ log *slog.Logger }

func (c complaints) Write(line []byte) (int, error) {
	c.log.Debug("net/http complains about a caller of the page")
	return len(line), nil
}
