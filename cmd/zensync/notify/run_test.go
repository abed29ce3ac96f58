package notify

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile"
)

func TestRunLooksAtOnceAndEndsWithItsContext(t *testing.T) {
	o := newOffice(t)
	schedule, err := reconcile.ParseSchedule("@every 1h")
	require.NoError(t, err)
	o.w.Digest = schedule
	o.pass(time.Minute)
	o.now = o.now.Add(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		o.w.Run(ctx)
		close(ended)
	}()
	assert.Eventually(t, func() bool { return len(o.to.got()) == 1 }, 10*time.Second, 5*time.Millisecond)
	cancel()
	<-ended
}
