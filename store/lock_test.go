package store

import (
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestC5_APartIsHeldByOneAtATime(t *testing.T) {
	f := setup(t)
	other := f.open(f.db.Path())
	_, alive := other.Alive(WorkerPart)
	assert.False(t, alive)

	lock, err := f.db.TryLock(WorkerPart, "deploy")
	require.NoError(t, err)
	_, err = other.TryLock(WorkerPart, "worker")
	var locked *ErrLocked
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, &ErrLocked{Part: WorkerPart, Holder: "deploy"}, locked)
	assert.ErrorContains(t, err, "deploy")
	holder, alive := other.Alive(WorkerPart)
	assert.True(t, alive)
	assert.Equal(t, "deploy", holder)

	relay, err := other.TryLock(RelayPart, "relay")
	require.NoError(t, err, "the relay has a lock of its own")
	require.NoError(t, relay.Release())

	require.NoError(t, lock.Release())
	_, alive = other.Alive(WorkerPart)
	assert.False(t, alive)
	lock, err = other.TryLock(WorkerPart, "worker")
	require.NoError(t, err)
	holder, _ = f.db.Alive(WorkerPart)
	assert.Equal(t, "worker", holder)
	require.NoError(t, lock.Release())
}

func TestC5_LookingDoesNotKeepAWorkerFromStarting(t *testing.T) {
	f := setup(t)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				f.db.Alive(WorkerPart)
			}
		}
	})
	for range 20 {
		lock, err := f.db.TryLock(WorkerPart, "worker")
		if assert.NoError(t, err) {
			assert.NoError(t, lock.Release())
		}
	}
	close(stop)
	wg.Wait()
}

func TestC5_HolderWithoutANameIsUnknown(t *testing.T) {
	f := setup(t)
	lock, err := f.db.TryLock(WorkerPart, "worker")
	require.NoError(t, err)
	defer lock.Release() //nolint:errcheck // the test is over
	require.NoError(t, os.Truncate(f.db.lockPath(WorkerPart), 0))
	_, err = f.db.TryLock(WorkerPart, "deploy")
	assert.Equal(t, &ErrLocked{Part: WorkerPart, Holder: "unknown"}, err)
}
