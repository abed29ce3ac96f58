package oktatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"
)

const (
	// hookTimeout is how long Okta waits for a hook's answer.
	hookTimeout = 3 * time.Second
	// hookTries is the first try and the one retry.
	hookTries = 2
	// hookAnswerMax bounds what is read of a hook's answer, bytes.
	hookAnswerMax = 64 << 10
)

// DeliveryError says that a hook did not take its events. They are lost, as
// with Okta.
type DeliveryError struct {
	Hook, URI string // id and address
	Events    int
	Tries     int
	Status    int   // of the last answer; 0 if there was none
	Err       error // why there was none
}

func (e *DeliveryError) Error() string {
	msg := fmt.Sprintf("event hook %s: %d events lost after %d tries", e.Hook, e.Events, e.Tries)
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", msg, e.Err)
	}
	return fmt.Sprintf("%s: %s answered %d", msg, e.URI, e.Status)
}

func (e *DeliveryError) Unwrap() error { return e.Err }

// DeliverAll delivers the pending events in their order, in envelopes of
// Options.EventsPerDelivery.
func (o *Org) DeliverAll(ctx context.Context) error {
	var errs []error
	for batch := range slices.Chunk(o.Pending(), o.opts.EventsPerDelivery) {
		errs = append(errs, o.Deliver(ctx, batch...))
	}
	return errors.Join(errs...)
}

// Deliver POSTs the events, in one envelope, to each hook that is ACTIVE and
// VERIFIED, was so when they happened, and lists their types; a type the hook
// does not list is left out of its envelope. The events need not be pending:
// they may be doubled, in any order, or made up. Afterwards none of them is
// pending, whether the hooks took them or not. An answer other than 200 and
// 204 is a *DeliveryError, one for each hook, joined.
func (o *Org) Deliver(ctx context.Context, events ...Event) error {
	o.mu.Lock()
	gone := make(map[string]bool, len(events))
	for _, e := range events {
		gone[e.UUID] = true
	}
	o.events.pending = slices.DeleteFunc(o.events.pending, func(e Event) bool { return gone[e.UUID] })
	type parcel struct {
		hook   Hook
		body   []byte
		events int
	}
	var parcels []parcel
	for _, h := range o.hooks {
		if due := h.due(events); len(due) > 0 {
			parcels = append(parcels, parcel{h.view(), o.envelope(h.self, due), len(due)})
		}
	}
	o.mu.Unlock()

	var errs []error
	for _, p := range parcels {
		status, tries, err := o.callHook(ctx, p.hook, http.MethodPost, p.body, nil, nil)
		if err != nil || status != http.StatusOK && status != http.StatusNoContent {
			errs = append(errs, &DeliveryError{
				Hook: p.hook.ID, URI: p.hook.URI, Events: p.events, Tries: tries, Status: status, Err: err,
			})
		}
	}
	return errors.Join(errs...)
}

// due picks the events that go to the hook.
func (h *hook) due(events []Event) []Event {
	if !h.live() {
		return nil
	}
	var due []Event
	for _, e := range events {
		if slices.Contains(h.Events, e.Type) && (e.seq == 0 || e.seq > h.since) {
			due = append(due, e)
		}
	}
	return due
}

// challenge performs the one-time verification of a hook's address.
func (o *Org) challenge(ctx context.Context, h Hook) error {
	want := rand.Text()
	status, _, err := o.callHook(ctx, h, http.MethodGet, nil,
		http.Header{"X-Okta-Verification-Challenge": {want}},
		func(resp *http.Response, body []byte) error {
			kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
			if err != nil || kind != "application/json" {
				return fmt.Errorf("the answer is %q, not application/json", resp.Header.Get("Content-Type"))
			}
			var got struct {
				Verification string `json:"verification"`
			}
			if err := json.Unmarshal(body, &got); err != nil {
				return fmt.Errorf("read the answer: %w", err)
			}
			if got.Verification != want {
				return errors.New("the answer does not repeat the challenge")
			}
			return nil
		})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the answer is %d, not 200", status)
	}
	return err
}

// callHook calls a hook, once more after a 5xx or no answer, and returns the
// last answer's status. check, if given, sees an answer of 200.
func (o *Org) callHook(ctx context.Context, h Hook, method string, body []byte, header http.Header,
	check func(*http.Response, []byte) error,
) (status, tries int, err error) {
	for tries = 1; ; tries++ {
		status, err = o.callOnce(ctx, h, method, body, header, check)
		again := status == 0 || status >= http.StatusInternalServerError
		if !again || tries == hookTries || ctx.Err() != nil {
			return status, tries, err
		}
	}
}

func (o *Org) callOnce(ctx context.Context, h Hook, method string, body []byte, header http.Header,
	check func(*http.Response, []byte) error,
) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, h.URI, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "Okta-Integrations")
	req.Header.Set("X-Okta-Request-Id", newUUID())
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, custom := range h.Headers {
		req.Header.Set(custom.Key, custom.Value)
	}
	if h.AuthKey != "" && h.AuthValue != "" {
		req.Header.Set(h.AuthKey, h.AuthValue)
	}
	for key, values := range header {
		req.Header[key] = values
	}
	resp, err := o.opts.HookClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, hookAnswerMax))
	if err != nil {
		return 0, fmt.Errorf("read the hook's answer: %w", err)
	}
	if check != nil && resp.StatusCode == http.StatusOK {
		return resp.StatusCode, check(resp, answer)
	}
	return resp.StatusCode, nil
}
