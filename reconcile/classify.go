package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
)

// verdict is what a failed call means for the promise behind it.
type verdict int

const (
	retryLater verdict = iota // an outage or a passing fault: try again
	retryAfter                // too many requests: the client waits, the row pays nothing
	refused                   // ZenQMS will not have it so: the skip report, and again at every walk
	absent                    // what was named does not exist
	credential                // our credential is refused: nothing will go through
	forbidden                 // either the credential or this one user: a harmless call tells
	final                     // trying again is of no use
)

// classify is the whole retry policy (rule E4), by HTTP status; 0 is no answer.
func classify(status int) verdict {
	switch status {
	case 0, http.StatusRequestTimeout:
		return retryLater
	case http.StatusTooManyRequests:
		return retryAfter
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return refused
	case http.StatusUnauthorized:
		return credential
	case http.StatusForbidden:
		return forbidden
	case http.StatusNotFound:
		return absent
	}
	if status >= 400 && status < 500 {
		return final
	}
	return retryLater // 5xx, and what no server should send
}

// judge classifies an error at the place where it is known whose it is.
func judge(err error) verdict {
	var z *zenqms.Error
	if errors.As(err, &z) {
		return classify(z.Status)
	}
	if errors.Is(err, okta.ErrID) {
		return final // what an event named is no Okta id
	}
	var share *okta.ErrShare
	if errors.As(err, &share) {
		return retryAfter
	}
	var o *okta.Error
	if !errors.As(err, &o) {
		return retryLater // our own store or a cancelled context: not the user's fault
	}
	switch v := classify(o.Status); {
	case okta.IsCredential(err):
		return credential
	case v == refused:
		return final // Okta's no concerns what we asked, not what the user looks like
	case v == absent && !okta.IsNotFound(err):
		return retryLater // a proxy's 404, not Okta's
	default:
		return v
	}
}

// wait is how long the other side asks to be left alone, or our share of its
// rate limit does; 0 when neither.
func wait(err error) time.Duration {
	var z *zenqms.Error
	if errors.As(err, &z) {
		return z.RetryAfter
	}
	var share *okta.ErrShare
	if errors.As(err, &share) {
		return share.For
	}
	var o *okta.Error
	if errors.As(err, &o) {
		return o.RetryAfter
	}
	return 0
}

// brief is an error for the process log: no word of the other side, for those
// may name a person. The whole text stands in the store's log.
func brief(err error) string {
	var z *zenqms.Error
	if errors.As(err, &z) {
		return fmt.Sprintf("zenqms: %s: %s", z.Op, briefAnswer(z.Status, "", z))
	}
	var o *okta.Error
	if errors.As(err, &o) {
		return fmt.Sprintf("okta: %s: %s", o.Op, briefAnswer(o.Status, o.Code, o))
	}
	return err.Error()
}

// briefAnswer is what came back, or why nothing did: the innermost cause, for
// those around it may name a host or an address.
func briefAnswer(status int, code string, err error) string {
	if status != 0 {
		return strings.TrimSpace(fmt.Sprintf("status %d %s", status, code))
	}
	cause := err
	for inner := errors.Unwrap(cause); inner != nil; inner = errors.Unwrap(cause) {
		cause = inner
	}
	if cause == err { // nothing is known but that there was no usable answer
		return "no usable answer"
	}
	return "no usable answer: " + cause.Error()
}

const (
	firstBackoff = time.Second      // rule E4
	lastBackoff  = 10 * time.Minute // rule E4
	// jitter spreads what failed together over this share of its wait.
	jitter = 0.25
)

// backoff is how long to wait after the attempts-th failure: doubling, with
// jitter; dice is in [0, 1).
func backoff(attempts int, dice float64) time.Duration {
	d := firstBackoff
	for range attempts - 1 {
		if d *= 2; d >= lastBackoff {
			d = lastBackoff
			break
		}
	}
	return d - time.Duration(jitter*dice*float64(d))
}

// cutOff tells whether a call ended because this program is stopping.
func cutOff(err error) bool { return errors.Is(err, context.Canceled) }
