package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The relay and the worker are two processes on one file. Here this test
// binary is started once more to be the second one.

// processPart tells the second process what it is to do, and processStore on
// which file.
const (
	processPart  = "ZENSYNC_TEST_PART"
	processStore = "ZENSYNC_TEST_STORE"
)

// rounds is how many transactions each process makes.
const rounds = 200

func TestMain(m *testing.M) {
	parts := map[string]func(*DB) error{"count": countUp, "note": noteForEver, "lock": lockForEver, "copy": copyForEver,
		"receive": receiveForEver, "sort": sortForEver, "restore": restoreForEver}
	part, second := parts[os.Getenv(processPart)]
	if !second {
		os.Exit(m.Run())
	}
	db, err := Open(context.Background(), os.Getenv(processStore))
	if err == nil {
		err = part(db)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// second is the second process, with its standard output.
func (f *fixture) second(part string) (*exec.Cmd, *bufio.Scanner) {
	f.Helper()
	self, err := os.Executable()
	require.NoError(f, err)
	cmd := exec.CommandContext(f.Context(), self)
	cmd.Env = append(os.Environ(), processPart+"="+part, processStore+"="+f.db.Path())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(f, err)
	require.NoError(f, cmd.Start())
	return cmd, bufio.NewScanner(out)
}

// countUp adds one to what it reads, again and again. Without the write lock
// from the beginning of a transaction, one of two who do so would be refused.
func countUp(db *DB) error {
	fmt.Println("ready")
	for range rounds {
		err := db.Update(context.Background(), func(tx *Tx) error {
			text, err := tx.Setting("count")
			if err != nil {
				return err
			}
			count, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			return tx.SetSetting("count", strconv.Itoa(count+1))
		})
		if err != nil {
			return err
		}
	}
	return db.Close()
}

func TestTwoProcessesReadAndWriteOneFile(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error { return tx.SetSetting("count", "0") })
	second, out := f.second("count")
	require.True(t, out.Scan(), "it is up")
	for range rounds {
		f.do(func(tx *Tx) error {
			text, err := tx.Setting("count")
			require.NoError(t, err)
			count, err := strconv.Atoi(text)
			require.NoError(t, err)
			return tx.SetSetting("count", strconv.Itoa(count+1))
		})
	}
	require.NoError(t, second.Wait())
	assert.Equal(t, []string{strconv.Itoa(2 * rounds)}, f.texts(`SELECT value FROM setting WHERE key = 'count'`))
}

// noteForEver stores events, many callers at once, and says each one's uuid
// when its commit is done.
func noteForEver(db *DB) error {
	for caller := range 8 {
		go func() {
			for n := 0; ; n++ {
				uuid := fmt.Sprintf("%d-%d", caller, n)
				delivery, err := Pack([]Event{{UUID: uuid, Type: UserCreate, Users: []string{"00u1"}}})
				if err != nil {
					panic(err)
				}
				err = db.Update(context.Background(), func(tx *Tx) error {
					if err := tx.Receive(delivery); err != nil {
						return err
					}
					return tx.AppendLog(LogRow{Origin: string(FromHook), Event: uuid, Action: ActNone, Outcome: OutcomeOK})
				})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(uuid)
			}
		}()
	}
	select {}
}

func TestKilledProcessLosesNothingItAcknowledged(t *testing.T) {
	f := setup(t)
	second, out := f.second("note")
	var acknowledged []string
	for out.Scan() {
		acknowledged = append(acknowledged, out.Text())
		if len(acknowledged) == rounds {
			require.NoError(t, second.Process.Kill())
		}
	}
	assert.ErrorContains(t, second.Wait(), "killed")
	require.GreaterOrEqual(t, len(acknowledged), rounds)

	f.reopen()
	require.NoError(t, f.db.Sort(t.Context()))
	stored := map[string]bool{}
	for _, uuid := range f.texts(`SELECT e.uuid FROM event e JOIN outbox o ON o.event = e.id JOIN log l ON l.event = e.uuid`) {
		stored[uuid] = true
	}
	for _, uuid := range acknowledged {
		assert.True(t, stored[uuid], uuid)
	}
	assert.Len(t, stored, int(f.number(`SELECT count(*) FROM event`)), "an event, its promise and its log row are there together or not at all")
	_, err := f.checkLog()
	assert.NoError(t, err)
}

// receiveForEver is a relay: it says each event's uuid when its commit is done.
func receiveForEver(db *DB) error {
	for n := 0; ; n++ {
		uuid := fmt.Sprintf("%d-%d", os.Getpid(), n)
		delivery, err := Pack([]Event{{UUID: uuid, Type: UserCreate, Users: []string{"00u" + uuid}}, {UUID: "again", Type: UserCreate, Users: []string{"00uOnce"}}})
		if err == nil {
			err = db.Batch(context.Background(), func(tx *Tx) error { return tx.Receive(delivery) })
		}
		if err != nil {
			return err
		}
		fmt.Println(uuid)
	}
}

// sortForEver sorts, and says so.
func sortForEver(db *DB) error {
	for {
		if err := db.Sort(context.Background()); err != nil {
			return err
		}
		fmt.Println("sorted")
	}
}

// A relay and two who sort are killed in the midst of it, again and again.
func TestE5_KillingRelayAndWorkerLosesAndDoublesNothing(t *testing.T) {
	f := setup(t)
	acknowledged := map[string]bool{}
	for range 5 {
		relay, said := f.second("receive")
		var sorters []*exec.Cmd
		for range 2 {
			cmd, out := f.second("sort")
			require.True(t, out.Scan(), "it is at work")
			sorters = append(sorters, cmd)
			go func() {
				for out.Scan() { // or it would stop when the pipe is full
				}
			}()
		}
		for n := 0; said.Scan(); n++ {
			acknowledged[said.Text()] = true
			if n == rounds {
				for _, cmd := range append(sorters, relay) {
					require.NoError(t, cmd.Process.Kill())
				}
			}
		}
		for _, cmd := range append(sorters, relay) {
			assert.ErrorContains(t, cmd.Wait(), "killed")
		}
	}
	f.reopen()
	require.NoError(t, f.db.Sort(t.Context()))
	stored := map[string]bool{}
	for _, uuid := range f.texts(`SELECT e.uuid FROM event e JOIN outbox o ON o.event = e.id`) {
		assert.False(t, stored[uuid], "E5: %s is doubled", uuid)
		stored[uuid] = true
	}
	for uuid := range acknowledged {
		assert.True(t, stored[uuid], "E5: %s is lost", uuid)
	}
	assert.Equal(t, []string{"00uOnce"}, f.texts(`SELECT o.okta_id FROM event e JOIN outbox o ON o.event = e.id WHERE e.uuid = 'again'`), "E2")
}

// lockForEver takes the worker's part and keeps it until it is told to end.
func lockForEver(db *DB) error {
	if _, err := db.TryLock(WorkerPart, "the second process"); err != nil {
		return err
	}
	fmt.Println("locked")
	select {}
}

func TestC5_KilledProcessHoldsItsPartNoLonger(t *testing.T) {
	f := setup(t)
	second, out := f.second("lock")
	require.True(t, out.Scan(), "it has the lock")
	holder, alive := f.db.Alive(WorkerPart)
	assert.True(t, alive)
	assert.Equal(t, "the second process", holder)
	_, err := f.db.TryLock(WorkerPart, "worker")
	assert.Equal(t, &ErrLocked{Part: WorkerPart, Holder: "the second process"}, err)

	require.NoError(t, second.Process.Kill())
	assert.Error(t, second.Wait())
	_, alive = f.db.Alive(WorkerPart)
	assert.False(t, alive)
	lock, err := f.db.TryLock(WorkerPart, "worker")
	require.NoError(t, err)
	assert.NoError(t, lock.Release())
}

// TestWriterOfTheOtherProcessIsWaitedFor holds that a transaction of one
// process makes the other wait, up to busyTimeout, and then says so.
func TestWriterOfTheOtherProcessIsWaitedFor(t *testing.T) {
	f := setup(t)
	other := f.open(f.db.Path())
	hold := func() (release func()) {
		begun, end, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			done <- other.Update(context.Background(), func(*Tx) error {
				close(begun)
				<-end
				return nil
			})
		}()
		<-begun
		release = sync.OnceFunc(func() {
			close(end)
			assert.NoError(t, <-done)
		})
		t.Cleanup(release) // or a failing test would never end
		return release
	}
	release := hold()
	outcome := make(chan error, 1)
	go func() { outcome <- f.db.Update(context.Background(), set("waits")) }()
	f.see(func(tx *Tx) error { // readers do not wait
		value, err := tx.Setting("waits")
		assert.Empty(t, value)
		return err
	})
	release()
	require.NoError(t, <-outcome)

	release = hold()
	start := time.Now()
	err := f.db.Update(context.Background(), set("gives up"))
	assert.GreaterOrEqual(t, time.Since(start), busyTimeout)
	assert.Less(t, time.Since(start), 2*busyTimeout)
	require.ErrorContains(t, err, "locked")
	release()
	f.do(set("goes on"))
	assert.Equal(t, []string{"goes on", "waits"}, f.texts(`SELECT key FROM setting ORDER BY key`))
}
