package reconcile

import (
	"context"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/zensync/zensync/reconcile/okta"
)

const (
	// pagePatience is how long one page of a walk is tried (rule K1).
	pagePatience = time.Minute
	// pauseUnsaid is the wait after a 429 that does not say how long: Okta's
	// and ZenQMS's windows are a minute at most.
	pauseUnsaid = 15 * time.Second
)

// patiently reads one page of a walk: passing faults are tried again for a
// minute; a 429, or our share of Okta's rate limit being used up, is waited out
// for as long as it asks, and that wait does not count. What read is given lets
// no call wait by itself.
func patiently[T any](ctx context.Context, read func(context.Context) (T, error)) (T, error) {
	unwaiting := okta.WithoutWaiting(ctx)
	outwait := retrypolicy.NewBuilder[T]().
		HandleIf(func(_ T, err error) bool { return err != nil && judge(err) == retryAfter }).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[T]) time.Duration {
			if d := wait(e.LastError()); d > 0 {
				return d
			}
			return pauseUnsaid
		}).
		WithMaxRetries(-1).
		Build()
	again := func() retrypolicy.RetryPolicy[T] {
		began := time.Now()
		return retrypolicy.NewBuilder[T]().
			HandleIf(func(_ T, err error) bool { return err != nil && judge(err) == retryLater }).
			// WithMaxDuration alone would go on without a pause in the very
			// instant in which the minute is full.
			AbortIf(func(T, error) bool { return time.Since(began) >= pagePatience }).
			WithBackoff(firstBackoff, pagePatience/4).
			WithJitterFactor(jitter).
			WithMaxDuration(pagePatience).
			WithMaxRetries(-1).
			ReturnLastFailure().
			Build()
	}
	// Two executions, one inside the other, so that the minute starts anew
	// behind a wait that was asked for.
	return failsafe.With(outwait).WithContext(ctx).Get(func() (T, error) {
		return failsafe.With(again()).WithContext(ctx).Get(func() (T, error) { return read(unwaiting) })
	})
}
