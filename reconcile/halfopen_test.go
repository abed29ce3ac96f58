package reconcile

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// gateway is what stands between two networks and forgets the connections that
// it carries, as where it is replaced by another: their ends are told nothing.
type gateway struct {
	net.Listener
	to string

	mu    sync.Mutex
	epoch int
	ends  []net.Conn
}

func newGateway(t *testing.T, to string) *gateway {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gateway{Listener: listener, to: to}
	t.Cleanup(func() {
		listener.Close()
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, end := range g.ends {
			end.Close()
		}
	})
	go g.carry()
	return g
}

func (g *gateway) carry() {
	for {
		near, err := g.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", g.to)
		if err != nil {
			near.Close()
			continue
		}
		g.mu.Lock()
		g.ends = append(g.ends, near, far)
		epoch := g.epoch
		g.mu.Unlock()
		go g.pass(far, near, epoch)
		go g.pass(near, far, epoch)
	}
}

// pass copies until the connection is forgotten, and leaves it open then.
func (g *gateway) pass(to, from net.Conn, epoch int) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		g.mu.Lock()
		forgotten := g.epoch != epoch
		g.mu.Unlock()
		if n > 0 && !forgotten {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if err == io.EOF && !forgotten {
				to.Close()
			}
			return
		}
	}
}

func (g *gateway) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.epoch++
}

// Okta and most others speak HTTP/2, where one connection carries all calls: a
// call that gets no answer does not end it. One that is half open must not be
// used until TCP gives up on it, which takes a quarter of an hour.
func TestE4_AConnectionThatIsHalfOpenIsGivenUpSoon(t *testing.T) {
	w := newWorld(t)
	roots := x509.NewCertPool()
	serve := func(h http.Handler) (g *gateway, url string) {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			assert.Equal(t, 2, r.ProtoMajor)
			h.ServeHTTP(rw, r)
		}))
		server.EnableHTTP2 = true
		server.StartTLS()
		t.Cleanup(server.Close)
		roots.AddCert(server.Certificate())
		g = newGateway(t, server.Listener.Addr().String())
		return g, "https://" + g.Addr().String()
	}
	toOkta, oktaURL := serve(w.org)
	toZenQMS, zenqmsURL := serve(w.acct)

	shared := http.DefaultTransport.(*http.Transport) // what the clients use unless told otherwise is made of it
	before := shared.TLSClientConfig
	shared.TLSClientConfig = &tls.Config{RootCAs: roots}
	defer func() { shared.TLSClientConfig = before }()
	var err error
	w.w.Okta, err = okta.New(okta.Config{OrgURL: oktaURL, APIToken: "token", Timeout: 2 * hurry})
	require.NoError(t, err)
	w.w.ZenQMS, err = zenqms.New(zenqms.Config{BaseURL: zenqmsURL, APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: zenqms.NoLimit, Timeout: 2 * hurry})
	require.NoError(t, err)

	c := newCrisis(w)
	toOkta.forget()
	toZenQMS.forget()
	c.rage(4)
	assert.False(t, c.anyOpen(), "E4: calls find another connection: %v", c.failures())
	c.settle()
}
