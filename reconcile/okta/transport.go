package okta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer bounds an answer. A page of 200 users with large profiles is well below 4 MiB.
	maxAnswer = 16 << 20
	// shortAnswer is what any number of calls may read at once; of longer answers one is read at a time.
	shortAnswer = 2 << 20
	// maxErrorAnswer is as much as is read of an answer that is an error.
	maxErrorAnswer = 64 << 10
	// longestWait is the longest wait that is believed. Okta's windows are about a minute long.
	longestWait = time.Hour
)

// transport stands between the SDK and the network, where an answer is still whole. Anything but a good answer leaves
// it as an error, an *Error if it is a refusal: the SDK would lose the status, wait by itself on a 429, follow
// redirects, and repeat a call for ever on io.EOF. A good answer to a call of ours is put into the answer that the
// request's context holds, and the SDK is given an empty one: it would copy the body twice, take an empty one for an
// empty list, panic on a link that is no URL, and take two links in one line for one.
type transport struct {
	base     http.RoundTripper
	observe  func(call string, status int, d time.Duration) // nil: nobody listens
	budget   budget
	long     chan struct{} // holds a value while an answer that is not short is read
	lastRate atomic.Pointer[Rate]
}

// An answer is what Okta sent. It is found in a context by answerKey.
type answer struct {
	header http.Header
	body   *bytes.Buffer
}

type answerKey struct{}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		t.note(req, 0, began)
		if errors.Is(err, io.EOF) {
			err = errors.New("the connection was closed before an answer came")
		}
		return nil, err
	}
	defer resp.Body.Close()
	defer t.note(req, resp.StatusCode, began)
	t.noteRate(req.URL.Path, resp.Header)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, refusal(req, resp)
	}
	a, ours := req.Context().Value(answerKey{}).(*answer)
	if !ours { // the SDK's own: the call for a token
		a = &answer{body: new(bytes.Buffer)}
	}
	a.header = resp.Header
	if err := t.readJSON(req.Context(), a.body, resp); err != nil {
		return nil, err
	}
	given := *resp
	given.Header = http.Header{"Content-Type": {"application/json"}}
	given.Body, given.ContentLength = http.NoBody, 0
	if !ours {
		if err := wantToken(a.body.Bytes()); err != nil {
			return nil, err
		}
		given.Body, given.ContentLength = io.NopCloser(a.body), int64(a.body.Len())
	}
	return &given, nil
}

// note tells who listens of an attempt that is over.
func (t *transport) note(req *http.Request, status int, began time.Time) {
	if t.observe != nil {
		t.observe(req.Method+" "+endpointOf(req.URL.Path), status, time.Since(began))
	}
}

// readJSON reads a body, whole or not at all. It bounds what all calls hold together: a server that answers without an
// end must not take the host's memory.
func (t *transport) readJSON(ctx context.Context, body *bytes.Buffer, resp *http.Response) error {
	n, err := body.ReadFrom(io.LimitReader(resp.Body, shortAnswer))
	if err == nil && n == shortAnswer {
		select {
		case t.long <- struct{}{}:
			defer func() { <-t.long }()
		case <-ctx.Done():
			return fmt.Errorf("reading the answer: %w", ctx.Err())
		}
		body.Grow(maxAnswer - shortAnswer + bytes.MinRead) // at once: to double what there is takes twice the room
		var more int64
		more, err = body.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1-shortAnswer))
		n += more
	}
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case n > maxAnswer:
		return fmt.Errorf("an answer of more than %d MiB", maxAnswer>>20)
	case n == 0:
		return nil
	}
	given := resp.Header.Get("Content-Type")
	if kind, _, err := mime.ParseMediaType(given); err == nil && kind == "application/json" {
		return nil
	}
	return fmt.Errorf("an answer of type %q instead of JSON; is org_url right, is a proxy in the way?", given)
}

// wantToken looks at the answer of the token endpoint ahead of the SDK, which panics if it is empty.
func wantToken(body []byte) error {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return errors.New("an answer without an access token")
	}
	return nil
}

// refusal reads an answer that is not a good one. Redirects are among them: following one could carry credentials to
// a stranger, and Okta's API sends none.
func refusal(req *http.Request, resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp)}
	if resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		e.Err = errors.New("a redirect, which is not followed")
		if location, err := resp.Location(); err == nil {
			e.Err = fmt.Errorf("a redirect to %s, which is not followed; check org_url", location.Host)
		}
		return e
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorAnswer))
	if err != nil {
		e.Err = fmt.Errorf("reading the answer: %w", withoutURL(err))
	}
	challenge := resp.Header.Get("Www-Authenticate")
	told := e.readBody(body)
	if !told || strings.Contains(challenge, `"insufficient_scope"`) { // of which a body says no more than that it is forbidden
		told = e.readChallenge(challenge) || told
	}
	if !told && e.Err == nil {
		e.Err = fmt.Errorf("an answer of type %q without an error code of okta's; is a proxy in the way?", resp.Header.Get("Content-Type"))
	}
	e.redact(req.URL.Query().Get("client_assertion"))
	_, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	e.redact(token)
	return e
}

// readBody takes in an error as Okta's API writes it, or as its token endpoint does.
func (e *Error) readBody(body []byte) bool {
	type cause struct {
		Summary string `json:"errorSummary"`
	}
	var answer struct {
		Code        string  `json:"errorCode"`
		Summary     string  `json:"errorSummary"`
		Causes      []cause `json:"errorCauses"`
		OAuth       string  `json:"error"`
		Description string  `json:"error_description"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return false
	}
	if answer.Code == "" {
		answer.Code, answer.Summary = answer.OAuth, answer.Description
	}
	e.Code, e.Summary = answer.Code, answer.Summary
	for _, c := range answer.Causes {
		e.Causes = append(e.Causes, c.Summary)
	}
	return e.Code != ""
}

// readChallenge takes in the Www-Authenticate header that comes with a 401 or 403 about an access token, whose body
// may be empty.
func (e *Error) readChallenge(header string) bool {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch value = strings.Trim(value, `"`); key {
		case "error":
			e.Code = value
		case "error_description":
			e.Summary = value
		}
	}
	return e.Code != ""
}

// retryAfter gives the wait that an answer asks for: of a 429, to the end of the rate limit's window by Okta's own
// clock, at least a second as both are whole seconds; else what Retry-After says, which Okta does not send but a
// proxy in between does. 0: none is asked for, or none that is believed.
func retryAfter(resp *http.Response) time.Duration {
	var wait time.Duration
	h := resp.Header
	reset, errReset := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64)
	date, errDate := http.ParseTime(h.Get("Date"))
	if resp.StatusCode == http.StatusTooManyRequests && errReset == nil && errDate == nil {
		wait = max(time.Unix(reset, 0).Sub(date), time.Second)
	} else if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil {
		wait = time.Duration(s) * time.Second
	}
	if wait < 0 || wait > longestWait {
		return 0
	}
	return wait
}

// noteRate keeps what an answer says of the rate limit, and tells the budget of its bucket. A limit of 0 is none of a
// bucket: too many calls were under way at the same time.
func (t *transport) noteRate(path string, h http.Header) {
	limit, err1 := strconv.Atoi(h.Get("X-Rate-Limit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-Rate-Limit-Remaining"))
	reset, err3 := strconv.ParseInt(h.Get("X-Rate-Limit-Reset"), 10, 64)
	if errors.Join(err1, err2, err3) != nil {
		return
	}
	r := Rate{Limit: limit, Remaining: remaining, Reset: time.Unix(reset, 0).UTC()}
	t.lastRate.Store(&r)
	date, err := http.ParseTime(h.Get("Date"))
	left := r.Reset.Sub(date) // both to the second, the Date cut: never less than is left
	if limit > 0 && err == nil && left > 0 && left <= longestWait && strings.HasPrefix(path, apiPrefix) {
		t.budget.report(path, r, time.Now().Add(left))
	}
}

func (t *transport) rate() Rate {
	if r := t.lastRate.Load(); r != nil {
		return *r
	}
	return Rate{}
}
