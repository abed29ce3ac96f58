package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestC5_ASlowLookDoesNotPutOffTheNextForLong(t *testing.T) {
	for took, pause := range map[time.Duration]time.Duration{
		time.Millisecond:       attendPoll,
		10 * time.Millisecond:  200 * time.Millisecond, // a twentieth of the time goes into looking
		200 * time.Millisecond: 4 * time.Second,
		3 * time.Second:        attendMost,
	} {
		assert.Equal(t, pause, pauseAfter(took), "a look that took %s", took)
	}
}
