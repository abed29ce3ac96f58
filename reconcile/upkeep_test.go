package reconcile

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

// kept counts the rows of the report of events.
func (w *world) kept() int { return len(w.report("events", store.ReportArgs{})) }

func TestUpkeepOnceADay(t *testing.T) {
	w := newWorld(t)
	w.w.Keep = 10 * 24 * time.Hour
	tend := func() { require.NoError(t, w.w.tendOnce(context.Background())) }
	ann := w.hire("Ann", "Lee", "ACTIVE")
	w.sync()
	before := w.report("log", store.ReportArgs{})
	require.Equal(t, 2, w.kept())
	tend()
	w.pass(9*24*time.Hour + 23*time.Hour)
	tend() // from now on not before 24 hours are over
	w.pass(2 * time.Hour)
	tend()
	assert.Equal(t, 2, w.kept(), "it is older than store.keep, but it is not time")
	w.pass(22 * time.Hour)
	tend()
	assert.Zero(t, w.kept())
	assert.Equal(t, before, w.report("log", store.ReportArgs{}), "the log is never pruned")
	assert.NotEmpty(t, w.link(ann.ID).ZenQMSID)
	size, err := w.db.WAL()
	require.NoError(t, err)
	assert.Less(t, size, int64(64<<10), "the write-ahead log holds the last note alone")
	w.acct.ResetCalls()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.writes(), "K4: nothing depends on what was deleted")
}

// Who is not done yet is in the report of leavers, however long ago he left.
func TestUpkeepKeepsLeaversWhoAreNotDone(t *testing.T) {
	w := newWorld(t)
	w.w.Keep = 24 * time.Hour
	w.w.Brake.Deactivations = Limit{}
	ann, bob := w.hire("Ann", "Lee", "ACTIVE"), w.hire("Bob", "Roy", "ACTIVE")
	w.sync()
	w.org.SetStatus(bob.ID, "SUSPENDED")
	w.sync()
	require.Len(t, w.holds(), 1)
	leavers := w.report("leavers", store.ReportArgs{})
	require.Len(t, leavers, 1)
	w.pass(100 * 24 * time.Hour)
	done, err := w.w.Upkeep(context.Background())
	require.NoError(t, err)
	assert.EqualValues(t, 4, done.Deleted, "the events about ann, and the promises")
	assert.Equal(t, leavers, w.report("leavers", store.ReportArgs{}))
	assert.Len(t, w.holds(), 1)
	assert.Empty(t, w.states(ann.ID))
}

func TestUpkeepWithoutKeepDeletesNothing(t *testing.T) {
	w := newWorld(t)
	w.hire("Ann", "Lee", "ACTIVE")
	w.sync()
	w.pass(10_000 * 24 * time.Hour)
	done, err := w.w.Upkeep(context.Background())
	require.NoError(t, err)
	assert.Zero(t, done.Deleted)
	assert.Equal(t, 2, w.kept())
}

// What unlink has yet to do goes by what was tried before it began (C3).
func TestUpkeepDeletesNothingWhileUnlinking(t *testing.T) {
	w := newWorld(t)
	w.w.Keep = time.Hour
	w.hire("Ann", "Lee", "ACTIVE")
	w.sync()
	w.update(func(tx *store.Tx) error { return enter(tx, Unlinking, "olga", "") })
	w.pass(24 * time.Hour)
	done, err := w.w.Upkeep(context.Background())
	require.NoError(t, err)
	assert.Zero(t, done.Deleted)
	assert.Equal(t, 2, w.kept())
}

func TestAWorkerTendsTheStoreByItself(t *testing.T) {
	w := newWorld(t)
	w.w.Keep = 24 * time.Hour
	w.hire("Ann", "Lee", "ACTIVE")
	w.sync()
	w.realTime()
	stop := w.running()
	defer stop()
	w.eventually("what is older than store.keep goes", func() bool { return w.kept() == 0 })
}

// While there is work, the store is not tended.
func TestUpkeepWaitsForAnIdleMoment(t *testing.T) {
	w := newWorld(t)
	w.hire("Ann", "Lee", "ACTIVE")
	w.hooks()
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	assert.False(t, w.w.awaitIdle(stopped))
	w.drain()
	assert.True(t, w.w.awaitIdle(context.Background()))
}
