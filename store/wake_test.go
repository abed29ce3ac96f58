package store

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what has to come at once.
const patience = 10 * time.Second

func (f *fixture) nudges() (<-chan struct{}, func()) {
	f.Helper()
	nudges, stop, err := f.db.Nudges()
	require.NoError(f, err)
	return nudges, stop
}

func woken(t *testing.T, nudges <-chan struct{}) {
	t.Helper()
	select {
	case <-nudges:
	case <-time.After(patience):
		t.Fatal("nobody was woken")
	}
}

func TestNudgeWakesTheListener(t *testing.T) {
	f := setup(t)
	nudges, stop := f.nudges()
	defer stop()
	other := f.open(f.db.Path()) // as the other process has it
	for range 3 {
		other.Nudge()
		woken(t, nudges)
	}
}

func TestNudgesGatherWhileNobodyLooks(t *testing.T) {
	f := setup(t)
	nudges, stop := f.nudges()
	defer stop()
	for range 10_000 { // more than any buffer holds
		f.db.Nudge()
	}
	woken(t, nudges)
}

func TestNudgeDoesNotWaitForAWorkerThatHangs(t *testing.T) {
	f := setup(t)
	conn, err := net.ListenUnixgram("unixgram", f.db.wakeAddr()) // and never reads
	require.NoError(t, err)
	defer conn.Close()
	nudged := make(chan struct{})
	go func() {
		defer close(nudged)
		for range 10_000 {
			f.db.Nudge()
		}
	}()
	select {
	case <-nudged:
	case <-time.After(patience):
		t.Fatal("a nudge waits")
	}
}

func TestTransactionNudgesOnceItIsCommitted(t *testing.T) {
	f := setup(t)
	nudges, stop := f.nudges()
	defer stop()
	f.do(func(tx *Tx) error {
		tx.Nudge()
		select {
		case <-nudges:
			t.Error("the worker would find nothing yet")
		default:
		}
		return tx.SetSetting("k", "v")
	})
	woken(t, nudges)
}

func TestNudgeFindsTheNextWorker(t *testing.T) {
	f := setup(t)
	for range 3 {
		nudges, stop := f.nudges()
		f.db.Nudge()
		woken(t, nudges)
		stop()
	}
}

func TestNudgeWithoutListenerIsSilent(t *testing.T) {
	f := setup(t)
	f.db.Nudge()
	nudges, stop := f.nudges()
	f.db.Nudge()
	woken(t, nudges)
	stop()
	f.db.Nudge()
	assert.NoFileExists(t, f.db.wakeAddr().Name, "a listener that ends takes its socket with it")
}

func TestSocketOfADeadListenerIsReplaced(t *testing.T) {
	f := setup(t)
	// A worker that is killed leaves the file, with nobody behind it.
	require.NoError(t, os.WriteFile(f.db.wakeAddr().Name, nil, 0o600))
	f.db.Nudge()
	nudges, stop := f.nudges()
	defer stop()
	f.db.Nudge()
	woken(t, nudges)
}

func TestNudgeWorksWherePathsAreLong(t *testing.T) {
	f := setup(t)
	folder := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	require.NoError(t, os.MkdirAll(folder, 0o700))
	f.db = f.open(filepath.Join(folder, "zensync.db"))
	nudges, stop := f.nudges()
	defer stop()
	f.db.Nudge()
	woken(t, nudges)
	assert.LessOrEqual(t, len(f.db.wakeAddr().Name), longestSocket)
}
