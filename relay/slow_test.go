package relay

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// wire is a listener whose connections hold no byte that the other side has
// not read, so that whoever does not read is noticed at once, and which works
// on a bubble's clock.
type wire struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newWire() *wire { return &wire{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire", Net: "unix"} }

func (w *wire) dial() net.Conn {
	ours, theirs := net.Pipe()
	w.conns <- theirs
	return ours
}

// delivery is one as Okta sends it.
func delivery(uuid string) string {
	body := envelope(event(uuid, "00u1"))
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: relay\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", secret, len(body), body)
}

// trickle sends a text one byte a second, until it is cut off or hung up on.
func trickle(conn net.Conn, text string) {
	for i := range len(text) {
		if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// statusOf is that of the next answer.
func statusOf(t *testing.T, conn net.Conn) int {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	return answer.StatusCode
}

// Each kind of slow client is let go at its time, and meanwhile a delivery of
// Okta's is answered at once.
func TestE5_SlowClientsAreLetGoAndHoldNobodyUp(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 1000\r\nAuthorization: "
	for name, tc := range map[string]struct {
		act    func(*testing.T, net.Conn) // what the client does, but for reading
		answer int                        // 0: none
		after  time.Duration              // until he is let go
		stored int                        // of his events
	}{
		"says nothing": {act: func(*testing.T, net.Conn) {}, after: headerWithin},
		"slow headers": {act: func(_ *testing.T, c net.Conn) { trickle(c, head+secret+"\r\n") },
			answer: http.StatusBadRequest, after: headerWithin}, // net/http takes the piece for a line; Okta has given up by then
		"slow body": {act: func(t *testing.T, c net.Conn) {
			_, err := io.WriteString(c, head+secret+"\r\n\r\n")
			require.NoError(t, err)
			trickle(c, strings.Repeat(" ", 1000))
		}, answer: http.StatusServiceUnavailable, after: answerWithin},
		"a stranger's slow body": {act: func(t *testing.T, c net.Conn) {
			_, err := io.WriteString(c, head+"wrong\r\n\r\n")
			require.NoError(t, err)
			trickle(c, strings.Repeat(" ", 1000))
		}, answer: http.StatusUnauthorized, after: lingerAfterRefusal},
		"idle after an answer": {act: func(t *testing.T, c net.Conn) {
			_, err := io.WriteString(c, delivery("idle"))
			require.NoError(t, err)
		}, answer: http.StatusNoContent, after: idleFor, stored: 1},
		"does not read": {act: func(t *testing.T, c net.Conn) {
			_, err := io.WriteString(c, delivery("deaf"))
			require.NoError(t, err)
		}, answer: -1, after: answerTaken, stored: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				db, err := store.Open(t.Context(), filepath.Join(dir, "zensync.db"))
				require.NoError(t, err)
				defer db.Close()
				s, err := OpenSecret(write(t, dir, "hook.secret", secret), "")
				require.NoError(t, err)
				log := &journal{}
				l, stopped := newWire(), make(chan error, 1)
				ctx, stop := context.WithCancel(t.Context())
				go func() { stopped <- Serve(ctx, l, &Relay{DB: db, Secret: s, Log: log.logger()}, nil, log.logger()) }()

				began := time.Now()
				slow, gone := l.dial(), make(chan time.Duration, 1)
				go func() {
					if tc.answer >= 0 {
						answer, _ := io.ReadAll(slow) // ends in an error or not, as he is let go
						if tc.answer == 0 {
							assert.Empty(t, string(answer))
						} else {
							assert.Contains(t, string(answer), fmt.Sprintf("HTTP/1.1 %d ", tc.answer))
						}
						gone <- time.Since(began)
					}
				}()
				go tc.act(t, slow)
				synctest.Wait()

				okta := l.dial()
				_, err = io.WriteString(okta, delivery("okta"))
				require.NoError(t, err)
				assert.Equal(t, http.StatusNoContent, statusOf(t, okta))
				assert.Zero(t, time.Since(began), "the delivery waits for nobody")
				require.NoError(t, okta.Close())

				if tc.answer < 0 { // his silence is heard by his connection's end
					time.Sleep(tc.after - time.Millisecond)
					_, err := slow.Write(nil)
					require.NoError(t, err, "not before its time")
					time.Sleep(2 * time.Millisecond)
					synctest.Wait()
					n, err := slow.Read(make([]byte, 100))
					assert.ErrorIs(t, err, io.EOF)
					assert.Zero(t, n, "the answer was given up")
				} else {
					let := <-gone
					assert.GreaterOrEqual(t, let, tc.after)
					assert.Less(t, let, tc.after+time.Second)
				}
				assert.Len(t, eventRows(t, db, 0), 1+tc.stored)
				_ = slow.Close()
				stop()
				require.NoError(t, <-stopped)
				assert.NotContains(t, log.String(), "bug")
				time.Sleep(tallyEvery) // the tally's
			})
		})
	}
}

// Hundreds of bad clients at once, over sockets.
func TestE5_ADeliveryIsAnsweredInTimeAmongHundredsOfBadClients(t *testing.T) {
	h := listen(t)
	const each = 100
	const head = "POST / HTTP/1.1\r\nHost: relay\r\nAuthorization: "
	for n := range each {
		h.raw("")                                                                                      // says nothing
		h.raw(head)                                                                                    // in the middle of the headers
		h.raw(head + secret + "\r\nContent-Length: 1000\r\n\r\n{")                                     // in the middle of the body
		h.raw(head + "wrong\r\nContent-Length: 8000000\r\n\r\n{")                                      // a stranger
		h.raw(strings.Repeat("GET / HTTP/1.1\r\nHost: relay\r\nAuthorization: "+secret+"\r\n\r\n", 8)) // reads none of his answers
		idle := h.raw(delivery(fmt.Sprintf("idle-%d", n)))
		require.Equal(t, http.StatusNoContent, h.status(idle, answerWithin))
	}
	for n := range 20 {
		began := time.Now()
		conn := h.raw(delivery(fmt.Sprintf("okta-%d", n)))
		require.Equal(t, http.StatusNoContent, h.status(conn, answerWithin), "Okta gives up at 3 s")
		t.Logf("%v", time.Since(began))
	}
	assert.Len(t, h.events(), each+20)
	assert.NotContains(t, h.log.String(), "too many at once")
}
