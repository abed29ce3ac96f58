package relay

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// journal is a process log to look into.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

const secret = "Tr0ub4dor-hook-secret"

// hook is a relay that listens, as Okta sees it.
type hook struct {
	*testing.T
	db   *store.DB
	log  *journal
	addr string
}

func listen(t *testing.T) *hook {
	t.Helper()
	return listenIn(t, t.TempDir())
}

// listenIn is listen with the store in a folder.
func listenIn(t *testing.T, dir string) *hook {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "zensync.db"))
	require.NoError(t, err)
	s, err := OpenSecret(write(t, dir, "hook.secret", secret), "")
	require.NoError(t, err)
	log := &journal{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- Serve(ctx, l, &Relay{DB: db, Secret: s, Log: log.logger()}, nil, log.logger()) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-stopped)
		_ = db.Close()
	})
	return &hook{t, db, log, l.Addr().String()}
}

// request sends one request with the right secret and returns the status and
// the body of the answer.
func (h *hook) request(method string, body io.Reader, header ...string) (*http.Response, string) {
	h.Helper()
	req, err := http.NewRequestWithContext(h.Context(), method, "http://"+h.addr+"/okta/events", body)
	require.NoError(h, err)
	req.Header.Set("Authorization", secret)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(req)
	require.NoError(h, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(h, err)
	return answer, string(text)
}

// post delivers a body and returns the status and the text of the answer.
func (h *hook) post(body string) (int, string) {
	h.Helper()
	answer, text := h.request(http.MethodPost, strings.NewReader(body))
	return answer.StatusCode, text
}

// raw sends bytes on a connection of their own and returns it.
func (h *hook) raw(text string) *net.TCPConn {
	h.Helper()
	conn, err := net.Dial("tcp", h.addr)
	require.NoError(h, err)
	h.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, text)
	require.NoError(h, err)
	return conn.(*net.TCPConn)
}

// status is that of the answer which comes within a time.
func (h *hook) status(conn net.Conn, within time.Duration) int {
	h.Helper()
	require.NoError(h, conn.SetReadDeadline(time.Now().Add(within)))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(h, err)
	defer answer.Body.Close()
	return answer.StatusCode
}

// events are the rows of eventRows, all of them.
func (h *hook) events() [][]any {
	h.Helper()
	return eventRows(h.T, h.db, 0)
}

// eventRows are the latest rows of the report events, 0 for all: id, type,
// published, received, okta_id, state, attempts, latency_ms, error.
func eventRows(t *testing.T, db *store.DB, limit int64) [][]any {
	t.Helper()
	report, err := store.ReportByName("events")
	require.NoError(t, err)
	var rows [][]any
	require.NoError(t, db.View(t.Context(), func(tx *store.Tx) (err error) {
		_, rows, err = tx.Report(report, store.ReportArgs{Limit: limit})
		return err
	}))
	return rows
}

func event(uuid, user string) string {
	return fmt.Sprintf(`{"uuid": %q, "eventType": "user.lifecycle.create", "target": [{"type": "User", "id": %q}]}`, uuid, user)
}
