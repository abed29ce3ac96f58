package store

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

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
