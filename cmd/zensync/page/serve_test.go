package page

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePageOnlyShows(t *testing.T) {
	f := setup(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/", "/elsewhere"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodTrace, "BREW"} {
			resp := f.ask(method, path)
			assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, "%s %s", method, path)
			assert.Equal(t, "GET, HEAD", resp.Header.Get("Allow"))
		}
		resp := f.ask(http.MethodHead, path)
		assert.NotEqual(t, http.StatusMethodNotAllowed, resp.StatusCode, path)
		assert.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
		assert.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
		assert.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	}
}

// serve serves the page on a port of its own until stop.
func (f *fixture) serve() (address string, stop func()) {
	f.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f, err)
	ctx, cancel := context.WithCancel(f.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.page.Serve(ctx, l)
	}()
	return l.Addr().String(), func() {
		cancel()
		<-ended
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	f := setup(t)
	address, stop := f.serve()
	resp, err := http.Get("http://" + address + "/healthz")
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, `{"ok":true,"wrong":[],"parts":{"store":"ok","worker":"ok"}}`+"\n", string(text))
	stop()
	_, err = http.Get("http://" + address + "/healthz")
	assert.Error(t, err)
}

func TestServeOutlivesItsListener(t *testing.T) {
	f := setup(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	text := new(strings.Builder)
	f.page.log = slog.New(slog.NewTextHandler(text, nil))
	f.page.Serve(t.Context(), l) // returns
	assert.Contains(t, text.String(), "the page with status, health and metrics is gone until the worker is restarted")
}

func TestServeBoundsConnectionsAndHeaders(t *testing.T) {
	f := setup(t)
	address, stop := f.serve()
	defer stop()
	for range maxConnections {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: page\r\n\r\n")
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.NoError(t, err)
	}
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: page\r\n\r\n")
	_, err = conn.Read(make([]byte, 1))
	assert.Error(t, err, "one too many")
}

func TestServeBoundsHeaders(t *testing.T) {
	f := setup(t)
	address, stop := f.serve()
	defer stop()
	req, err := http.NewRequest(http.MethodGet, "http://"+address+"/healthz", nil)
	require.NoError(t, err)
	req.Header.Set("X-Long", strings.Repeat("a", maxHeader+4096))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
}

func TestSizesAreThoseOfTheFiles(t *testing.T) {
	f := setup(t)
	f.set("a", "b")
	s, err := spaceOf(f.db.Path())
	require.NoError(t, err)
	info, err := os.Stat(f.db.Path() + "-wal")
	require.NoError(t, err)
	assert.Equal(t, info.Size(), s.wal)
	assert.Positive(t, s.file)
	assert.Greater(t, s.total, s.free)
	_, err = spaceOf(filepath.Join(t.TempDir(), "none.db"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
