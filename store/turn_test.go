package store

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A process that writes without a pause, as a relay in a storm, keeps no other
// one waiting for more than a turn.
func TestWritersOfTwoProcessesTakeTurns(t *testing.T) {
	f := setup(t)
	other := f.open(f.db.Path())
	var turns atomic.Int64
	storm, stop := context.WithCancel(t.Context())
	ended := make(chan struct{}, 4)
	for range cap(ended) { // several, so that one of them always waits for the writer
		go func() {
			for storm.Err() == nil {
				_ = other.Update(storm, func(tx *Tx) error { // an error is the end of the storm
					turns.Add(1)
					return tx.SetSetting("storm", "on")
				})
			}
			ended <- struct{}{}
		}()
	}
	var waited []int64
	for range 51 {
		var mine int64
		for calm := turns.Load() + 20; turns.Load() < calm; {
			runtime.Gosched()
		}
		began := turns.Load()
		require.NoError(t, f.db.Update(t.Context(), func(tx *Tx) error {
			mine = turns.Load()
			return tx.SetSetting("calm", "on")
		}))
		waited = append(waited, mine-began)
	}
	stop()
	for range cap(ended) {
		<-ended
	}
	slices.Sort(waited)
	t.Logf("closures of the storm meanwhile: %v", waited)
	assert.LessOrEqual(t, waited[len(waited)*3/4], int64(2*cap(ended)), "two turns of the storm, of four closures each; now and then this process is slow to ask")
}

// A process that was stopped keeps its place in the queue, or its turn. It does
// not keep others from writing, as long as it holds nothing of SQLite's.
func TestAProcessThatHangsHoldsNobodyUp(t *testing.T) {
	for name, file := range map[string]func(*turns) *os.File{
		"in the queue": func(t *turns) *os.File { return t.queue },
		"at its turn":  func(t *turns) *os.File { return t.writing },
	} {
		f := setup(t)
		hung, err := openTurns(f.db.Path())
		require.NoError(t, err)
		taken, err := await(file(hung), time.Now())
		require.NoError(t, err)
		require.True(t, taken)
		for range 3 {
			began := time.Now()
			require.NoError(t, f.db.Update(t.Context(), func(tx *Tx) error { return tx.SetSetting("written", "yes") }), name)
			assert.Less(t, time.Since(began), busyTimeout, name)
		}
		require.NoError(t, hung.close())
	}
}
