package relay

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serving is a server under test.
type serving struct {
	addr string
	log  *journal
	stop func() error // ends it and returns what Serve returned
}

func serve(t *testing.T, h http.Handler, tlsConfig *tls.Config) serving {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	log, stopped := &journal{}, make(chan error, 1)
	go func() { stopped <- Serve(ctx, l, h, tlsConfig, log.logger()) }()
	return serving{l.Addr().String(), log, func() error {
		cancel()
		return <-stopped
	}}
}

// hello answers every request.
var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		_, _ = io.WriteString(w, "done")
	}), nil)
	answer := make(chan string, 1)
	go func() {
		defer close(answer)
		res, err := http.Get("http://" + s.addr)
		if assert.NoError(t, err) {
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
			answer <- string(text)
		}
	}()
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	for { // until it accepts no more
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	select {
	case <-stopped:
		t.Fatal("it did not wait for the request")
	default:
	}
	close(release)
	assert.Equal(t, "done", <-answer)
	assert.NoError(t, <-stopped)
}

// Whoever was let in is answered, though his request comes while the relay
// stops: restarts behind systemd's socket lose no delivery.
func TestE5_ServeAnswersARequestThatComesWhileItStops(t *testing.T) {
	s := serve(t, hello, nil)
	conn, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	defer conn.Close()
	idle, err := net.Dial("tcp", s.addr) // one that is kept alive, and has nothing under way
	require.NoError(t, err)
	defer idle.Close()
	_, err = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: relay\r\n\r\n")
	require.NoError(t, err)
	idling := bufio.NewReader(idle)
	res, err := http.ReadResponse(idling, nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)

	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	_, err = idling.ReadByte()
	require.ErrorIs(t, err, io.EOF, "it closes idle connections once it lets nobody in any more")

	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: relay\r\n\r\n")
	require.NoError(t, err)
	res, err = http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err, "E5: an accepted connection is answered")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.True(t, res.Close, "and told to make a new one")
	assert.NoError(t, <-stopped)
	assert.NotContains(t, s.log.String(), "cut off")
}

func TestServeSaysWhyItCannotListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	err = Serve(t.Context(), l, hello, nil, (&journal{}).logger())
	require.ErrorIs(t, err, net.ErrClosed)
	assert.Contains(t, err.Error(), l.Addr().String())
}

func TestServeBoundsConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	log := &journal{}
	server := newServer(hello, log.logger(), &guests{limit: 2, log: log.logger()})
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	defer func() {
		require.NoError(t, server.Close())
		assert.ErrorIs(t, <-stopped, http.ErrServerClosed)
	}()

	ask := func(conn net.Conn) error {
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: relay\r\n\r\n"); err != nil {
			return err
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	var conns []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	require.NoError(t, ask(conns[0]))
	require.NoError(t, ask(conns[1]))
	require.Error(t, ask(conns[2]), "the third is one too many")
	assert.Eventually(t, func() bool { return strings.Contains(log.String(), "too many at once") }, 5*time.Second, 5*time.Millisecond,
		"it is logged, after the connection is closed")

	require.NoError(t, conns[0].Close())
	assert.Eventually(t, func() bool { // the server has to notice first
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		return ask(conn) == nil
	}, 5*time.Second, 5*time.Millisecond, "one that ended makes room")
}

func TestServeBoundsHeaders(t *testing.T) {
	s := serve(t, hello, nil)
	req, err := http.NewRequest(http.MethodGet, "http://"+s.addr, nil)
	require.NoError(t, err)
	req.Header.Set("X-Okta-Verification-Challenge", strings.Repeat("a", maxHeader+4096))
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, res.StatusCode)
	assert.NoError(t, s.stop())
}

// makeCertificate writes a self-signed certificate for name into dir and
// returns a pool that trusts it.
func makeCertificate(t *testing.T, dir, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	write(t, dir, "tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, dir, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

func TestServeSpeaksTLS(t *testing.T) {
	dir := t.TempDir()
	pool := makeCertificate(t, dir, "hooks.example.com")
	config, err := TLSConfig(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	require.NoError(t, err)
	s := serve(t, hello, config)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "hooks.example.com"}, ForceAttemptHTTP2: true,
	}}
	res, err := client.Get("https://" + s.addr)
	require.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, 1, res.ProtoMajor)
	client.CloseIdleConnections()

	// Somebody who does not speak TLS is counted, without his address.
	conn, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	_, _ = io.ReadAll(conn) // until the server hangs up
	assert.NoError(t, s.stop())
	assert.Contains(t, s.log.String(), "count=1")
	assert.NotContains(t, s.log.String(), conn.LocalAddr().String())
}

func TestTLSConfigReadsARenewedCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := defaultLog(t)
		dir := t.TempDir()
		makeCertificate(t, dir, "first.example.com")
		config, err := TLSConfig(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
		require.NoError(t, err)
		served := func() string {
			t.Helper()
			pair, err := config.GetCertificate(&tls.ClientHelloInfo{})
			require.NoError(t, err)
			return pair.Leaf.Subject.CommonName
		}
		assert.Equal(t, "first.example.com", served())

		oldKey, err := os.ReadFile(filepath.Join(dir, "tls.key"))
		require.NoError(t, err)
		makeCertificate(t, dir, "second.example.com")
		newKey, err := os.ReadFile(filepath.Join(dir, "tls.key"))
		require.NoError(t, err)
		write(t, dir, "tls.key", string(oldKey)) // in the middle of a renewal: the key is still to come
		time.Sleep(LookEvery)
		assert.Equal(t, "first.example.com", served())
		write(t, dir, "tls.key", string(newKey))
		time.Sleep(LookEvery)
		assert.Equal(t, "second.example.com", served())
		assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"))
		assert.NotContains(t, log.String(), "PRIVATE KEY")
	})
}

func TestTLSConfigNamesFilesAndRemedy(t *testing.T) {
	dir := t.TempDir()
	makeCertificate(t, dir, "hooks.example.com")
	cert, none := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "none")
	_, err := TLSConfig(cert, none)
	require.Error(t, err)
	assert.Contains(t, err.Error(), none)
	assert.Contains(t, err.Error(), "relay.tls_key_file")
}
