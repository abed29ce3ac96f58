// Package relay is Okta's way in: it receives the event hook, checks that Okta
// sent it, and stores the events and what they ask for before it answers.
//
// It faces the internet, so it is kept small. It does not act on events, call
// Okta or ZenQMS, or decide anything: the worker does, and the two meet in the
// store's inbox. Nothing it logs or answers holds a secret, a name, an
// address or any other part of a body.
package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/zensync/zensync/store"
)

const (
	// maxBody is the largest delivery taken. Okta documents no bound; at some
	// 1.5 KiB an event this leaves room for 5,000 of them.
	maxBody = 8 << 20

	// answerWithin is when a delivery is answered at the latest. Okta gives up
	// at 3 s, and the answer is to be with it by 2.5 s.
	answerWithin = 2400 * time.Millisecond

	// lingerAfterRefusal is how long a refused caller may go on sending a body
	// that nobody will look at. Hanging up at once could take the answer with it.
	lingerAfterRefusal = time.Second
)

// Relay receives Okta's event hook, on whatever path: a proxy may rewrite it.
// All fields but DB are required. It is safe for concurrent use.
//
// Okta sends a delivery again (once) after a 5xx or no answer, and never after
// a 4xx. So whatever might go better the second time is answered 503.
type Relay struct {
	DB     *store.DB // nil while it cannot be opened: then all that comes is to be sent again
	Secret *Secret
	Log    *slog.Logger

	refused tally
}

// refusal is why a delivery is not accepted.
type refusal struct {
	status int
	answer string // for the caller
	cause  error  // for the log
}

// ServeHTTP answers one request. The secret is looked at first: who does not
// know it costs neither a body nor the database.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	start := time.Now()
	defer r.survive(w)
	if !r.Secret.Accepts(req.Header.Get("Authorization")) {
		r.refuseStranger(w)
		return
	}
	var no *refusal
	switch req.Method {
	case http.MethodPost:
		no = r.receive(w, req, start)
	case http.MethodGet:
		no = verify(w, req)
	default:
		w.Header().Set("Allow", "GET, POST")
		no = &refusal{http.StatusMethodNotAllowed, "Okta's event hook sends GET and POST only", errors.New("method not allowed")}
	}
	if no != nil {
		http.Error(w, no.answer, no.status)
		r.Log.Warn("a request to the relay was not accepted", "status", no.status, "cause", rootCause(no.cause), "duration", time.Since(start))
	}
}

// refuseStranger answers 401. It does so while the caller may still be
// sending, and hangs up: without "Connection: close" the server would wait for
// the body before it answers.
func (r *Relay) refuseStranger(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(lingerAfterRefusal)) // fails only where there is no connection
	w.Header().Set("Connection", "close")
	http.Error(w, "the Authorization header does not hold the secret of this event hook", http.StatusUnauthorized)
	r.refused.add(func(n int) {
		r.Log.Warn("requests without the hook secret were refused; if Okta sent them, its events are lost until the hook has the secret of relay.secret_file",
			"status", http.StatusUnauthorized, "count", n)
	})
}

// verify answers the one-time GET by which Okta makes sure that the hook's
// owner runs this server.
func verify(w http.ResponseWriter, req *http.Request) *refusal {
	challenge := req.Header.Get("X-Okta-Verification-Challenge")
	if challenge == "" {
		return &refusal{http.StatusBadRequest, "this is the address of an Okta event hook: a GET needs the header X-Okta-Verification-Challenge",
			errors.New("GET without a challenge")}
	}
	answer, err := json.Marshal(map[string]string{"verification": challenge})
	if err != nil {
		return &refusal{http.StatusServiceUnavailable, "the challenge could not be answered", err}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // a caller that is gone needs no answer
	return nil
}

// receive stores one delivery and answers 204, or says why not.
func (r *Relay) receive(w http.ResponseWriter, req *http.Request, start time.Time) *refusal {
	deadline := start.Add(answerWithin)
	body, no := readBody(w, req, deadline)
	if no != nil {
		return no
	}
	events, err := Parse(body)
	if err != nil {
		return &refusal{http.StatusBadRequest, err.Error(), err}
	}
	// Events are worth storing even when the caller has hung up meanwhile.
	ctx, cancel := context.WithDeadline(context.WithoutCancel(req.Context()), deadline)
	defer cancel()
	if err := r.keep(ctx, events); err != nil {
		return &refusal{http.StatusServiceUnavailable, "the events could not be stored; send them again", err}
	}
	w.WriteHeader(http.StatusNoContent)
	r.Log.Debug("events were stored", "status", http.StatusNoContent, "events", len(events), "duration", time.Since(start))
	return nil
}

// readBody reads a body that is whole, small enough and in time. One that was
// cut off or is too slow may come through the second time, so it is no 4xx.
func readBody(w http.ResponseWriter, req *http.Request, deadline time.Time) ([]byte, *refusal) {
	tooLarge := &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", maxBody), errors.New("body too large")}
	if req.ContentLength > maxBody {
		return nil, tooLarge
	}
	_ = http.NewResponseController(w).SetReadDeadline(deadline) // fails only where there is no connection
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	var exceeded *http.MaxBytesError
	switch {
	case errors.As(err, &exceeded):
		return nil, tooLarge
	case err != nil:
		return nil, &refusal{http.StatusServiceUnavailable, "the body was cut off or too slow; send it again", err}
	}
	return body, nil
}

var (
	errTooSlow = fmt.Errorf("storing took longer than %v", answerWithin)
	errNoStore = errors.New("the store could not be opened")
)

// keep makes the events durable, or gives up when ctx ends. A transaction that
// was begun by then may still commit. That is harmless: Okta sends the events
// again, and their uuids tell that they are known already.
func (r *Relay) keep(ctx context.Context, events []store.Event) error {
	if len(events) == 0 {
		return nil
	}
	if r.DB == nil {
		return errNoStore
	}
	delivery, err := store.Pack(events)
	if err != nil {
		return err
	}
	err = r.DB.Batch(ctx, func(tx *store.Tx) error {
		tx.Nudge()
		return tx.Receive(delivery)
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return errTooSlow
	}
	return err
}

// survive turns a bug into a 503, so that Okta tries again. Only its place is
// logged, for a panic's value may quote a body.
func (r *Relay) survive(w http.ResponseWriter) {
	if p := recover(); p != nil {
		http.Error(w, "the events could not be stored; send them again", http.StatusServiceUnavailable)
		r.Log.Error("the relay met a bug; please report it", "status", http.StatusServiceUnavailable,
			"kind", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	}
}

// rootCause is the innermost error: the ones around it may name an event.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
