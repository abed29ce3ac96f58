package zenqms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxAnswer bounds the body of one answer, in bytes. A page of 100 users is
	// some 30 KB, and 3 MB where every name is as long as a page of a book.
	maxAnswer = 8 << 20
	// shortAnswer is what any number of calls may read at once, in bytes; of
	// longer answers the client reads one at a time.
	shortAnswer = 256 << 10
)

// request is one call.
type request struct {
	op           string // in words, for errors
	method, path string
	body         any
	// aboutUser is set when the path names a user, so that a 404 can mean him.
	aboutUser bool
}

// answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call waits for its turn, sends the request once and reads a 2xx answer into
// out. An empty 2xx answer leaves out as it was. Every error but one from
// encoding the request is an *Error.
func (c *Client) call(ctx context.Context, req request, out any) error {
	payload, err := json.Marshal(req.body)
	if err != nil {
		return fmt.Errorf("zenqms: %s: encoding the request: %w", req.op, err)
	}
	if err := c.enter(ctx); err != nil {
		return &Error{Op: req.op, Message: "not sent", Err: err}
	}
	began := time.Now()
	ans, err := c.send(ctx, req, payload)
	c.leave()
	c.note(req, ans, began)
	if err != nil {
		return &Error{Op: req.op, Err: err}
	}
	if ans.status < 200 || ans.status > 299 {
		refused := c.refusal(req, ans)
		if refused.Status == http.StatusTooManyRequests {
			c.pace.pause(refused.RetryAfter)
		}
		return refused
	}
	if len(bytes.TrimSpace(ans.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(ans.body, out); err != nil {
		return c.unreadable(req.op, ans, err)
	}
	return nil
}

// note tells who listens of a call that is over.
func (c *Client) note(req request, ans *answer, began time.Time) {
	if c.observe == nil {
		return
	}
	status := 0
	if ans != nil {
		status = ans.status
	}
	c.observe(req.class(), status, time.Since(began))
}

// class is what kind of call it is, without ids.
func (r request) class() string {
	parts := strings.Split(strings.TrimPrefix(r.path, pathRoot), "/")
	if r.aboutUser {
		parts[1] = "{id}"
	}
	return r.method + " " + strings.Join(parts, "/")
}

// enter waits for a turn: for one of the calls under way to end, and then for
// the rate. Unless it fails, leave has to follow.
func (c *Client) enter(ctx context.Context) error {
	if c.inFlight != nil {
		select {
		case c.inFlight <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := c.pace.wait(ctx)
	if err != nil {
		c.leave()
	}
	return err
}

func (c *Client) leave() {
	if c.inFlight != nil {
		<-c.inFlight
	}
}

// send makes one attempt. Its errors hold neither the key nor the URL.
func (c *Client) send(ctx context.Context, req request, payload []byte) (*answer, error) {
	attempt, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(attempt, req.method, c.base+req.path, bytes.NewReader(payload))
	if err != nil {
		return nil, c.cleaned(err)
	}
	r.Header.Set(c.authHeader, c.authValue)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "zensync")

	resp, err := c.http.Do(r)
	if err != nil {
		return nil, c.cause(ctx, attempt, err)
	}
	defer resp.Body.Close()
	body, err := c.read(attempt, resp)
	if err != nil {
		return nil, fmt.Errorf("HTTP %d, but the answer broke off: %w", resp.StatusCode, c.cause(ctx, attempt, err))
	}
	if len(body) > maxAnswer && resp.StatusCode <= 299 { // a refusal is one whatever comes behind it
		return nil, fmt.Errorf("HTTP %d, but the answer is longer than %d MiB", resp.StatusCode, maxAnswer>>20)
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// read reads a body to its end, or to more than maxAnswer. It bounds what all
// calls hold together: a server that answers without an end must not take the
// host's memory.
func (c *Client) read(ctx context.Context, resp *http.Response) ([]byte, error) {
	var body bytes.Buffer
	n, err := body.ReadFrom(io.LimitReader(resp.Body, shortAnswer))
	if err != nil || n < shortAnswer {
		return body.Bytes(), err
	}
	select {
	case c.long <- struct{}{}:
		defer func() { <-c.long }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	_, err = body.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1-n))
	return body.Bytes(), err
}

// cause tells the caller's own cancellation from an attempt that took too
// long. The latter is no context.DeadlineExceeded: the caller's deadline
// still stands.
func (c *Client) cause(ctx, attempt context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if attempt.Err() != nil {
		return fmt.Errorf("no answer within %s", c.timeout)
	}
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	return c.cleaned(err)
}

// cleanedError shows a text made safe and keeps its cause for errors.Is.
type cleanedError struct {
	text  string
	cause error
}

func (e *cleanedError) Error() string        { return e.text }
func (e *cleanedError) Is(target error) bool { return errors.Is(e.cause, target) }

// As is for the types net/http's errors carry, such as net.Error.
func (e *cleanedError) As(target any) bool { return errors.As(e.cause, target) }

func (c *Client) cleaned(err error) error {
	return &cleanedError{text: c.words(err.Error(), maxMessage), cause: err}
}
