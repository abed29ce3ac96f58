package systemd

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notices listens where a service manager would.
func notices(t *testing.T) *net.UnixConn {
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return conn
}

func next(t *testing.T, conn *net.UnixConn) string {
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	require.NoError(t, err)
	return string(buf[:n])
}

func TestTheServiceIsReadyWhenAllItsPartsAre(t *testing.T) {
	conn := notices(t)
	m, parts := Connect(slog.New(slog.DiscardHandler), "relay", "worker")
	parts[1].Ready("waiting:\ndeploy")
	assert.Equal(t, "STATUS=worker: waiting: deploy", next(t, conn))
	parts[0].Ready("listens")
	assert.Equal(t, "READY=1\nSTATUS=relay: listens; worker: waiting: deploy", next(t, conn))
	parts[1].Ready("at work")
	assert.Equal(t, "STATUS=relay: listens; worker: at work", next(t, conn), "it is ready once")
	parts[0].Status("listens still")
	assert.Equal(t, "STATUS=relay: listens still; worker: at work", next(t, conn))
	m.Stopping()
	assert.Equal(t, "STOPPING=1\nSTATUS=stopping", next(t, conn))
}

func TestAReloadIsOverWhenAllPartsAreReadyAgain(t *testing.T) {
	conn := notices(t)
	_, parts := Connect(slog.New(slog.DiscardHandler), "relay", "worker")
	parts[0].Reloading() // while it starts: nothing to say
	parts[0].Ready("listens")
	assert.Equal(t, "STATUS=relay: listens", next(t, conn))
	parts[1].Ready("at work")
	assert.Equal(t, "READY=1\nSTATUS=relay: listens; worker: at work", next(t, conn))

	parts[0].Reloading()
	assert.Regexp(t, `^RELOADING=1\nMONOTONIC_USEC=\d+\s*$`, next(t, conn))
	parts[1].Reloading()
	parts[1].Reloading()
	parts[0].Ready("listens")
	assert.Equal(t, "STATUS=relay: listens; worker: at work", next(t, conn), "the worker is not")
	parts[1].Status("at work still")
	assert.Equal(t, "STATUS=relay: listens; worker: at work still", next(t, conn))
	parts[1].Ready("at other work")
	assert.Equal(t, "READY=1\nSTATUS=relay: listens; worker: at other work", next(t, conn))
	parts[1].Reloading()
	assert.Contains(t, next(t, conn), "RELOADING=1")
}

func TestTheWatchdogIsFedAtHalfItsTime(t *testing.T) {
	conn := notices(t)
	t.Setenv("WATCHDOG_USEC", "100000")
	m, parts := Connect(slog.New(slog.DiscardHandler), "worker")
	assert.Equal(t, 25*time.Millisecond, parts[0].Pulse())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	parts[0].Ready("at work")
	assert.Equal(t, "READY=1\nSTATUS=at work", next(t, conn))
	parts[0].Beat()
	ended := make(chan struct{})
	go func() { defer close(ended); m.Watch(ctx) }()
	assert.Equal(t, "WATCHDOG=1", next(t, conn))
	stop()
	<-ended
}

// complaints is a log that may be read while it is written.
type complaints struct {
	mu   sync.Mutex
	text strings.Builder
}

func (c *complaints) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(line)
}

func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// Time is a bubble's here, so that a notice which must not come can be waited
// for.
func TestTheWatchdogStarvesWhenAPartHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		complaints := new(complaints)
		m := &Manager{log: slog.New(slog.NewTextHandler(complaints, nil)), watchdog: time.Minute}
		m.send = func(state string) error {
			if state == "WATCHDOG=1" {
				sent.Add(1)
			}
			return nil
		}
		relay, worker := &Part{manager: m, name: "relay"}, &Part{manager: m, name: "worker"}
		m.parts = []*Part{relay, worker}
		hung := make(chan struct{})
		beat := func(p *Part, until <-chan struct{}) {
			for {
				select {
				case <-until:
					return
				case <-time.After(p.Pulse()):
					p.Beat()
				}
			}
		}
		relay.Ready("")
		go beat(relay, t.Context().Done())
		go m.Watch(t.Context())
		wait := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		wait(time.Hour + time.Second)
		assert.EqualValues(t, 120, sent.Load(), "a worker that is not ready yet is not waited for")

		worker.Ready("")
		go beat(worker, hung)
		wait(time.Hour)
		assert.EqualValues(t, 240, sent.Load())
		assert.Empty(t, complaints.String())

		close(hung)
		wait(time.Hour)
		assert.LessOrEqual(t, sent.Load(), int64(241), "one beat may have been under way")
		assert.Contains(t, complaints.String(), "part=worker")
	})
}

func TestWithoutAServiceManagerNothingHappens(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	complaints := new(strings.Builder)
	m, parts := Connect(slog.New(slog.NewTextHandler(complaints, nil)), "worker")
	assert.Zero(t, parts[0].Pulse())
	parts[0].Ready("at work")
	m.Watch(t.Context()) // returns
	m.Stopping()
	assert.Empty(t, complaints.String())
}

func TestAManagerThatDoesNotListenIsLogged(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	complaints := new(strings.Builder)
	_, parts := Connect(slog.New(slog.NewTextHandler(complaints, nil)), "worker")
	parts[0].Ready("at work")
	assert.Contains(t, complaints.String(), "systemd could not be told")
	assert.Contains(t, complaints.String(), "no such file")
}
