package okta

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// Hook is an event hook of the org. It gets events only when it is both ACTIVE and VERIFIED. Its secret can be set
// but not read.
type Hook struct {
	ID           string
	Name         string
	Status       string // ACTIVE or INACTIVE
	Verification string // VERIFIED or UNVERIFIED
	URL          string
	Events       []string
}

// HookSpec is what a hook is to be.
type HookSpec struct {
	Name   string
	URL    string   // https, with a certificate that Okta trusts
	Secret string   // the Authorization header of every delivery, as it is
	Events []string // event types; only those that Okta calls hook-eligible
}

// Hooks gives all event hooks of the org. It may take the scope okta.eventHooks.read, which is not among those asked
// for: expect a 403, and use an id that was kept.
func (c *Client) Hooks(ctx context.Context) ([]Hook, error) {
	var hooks []Hook
	decode := func(body []byte) error {
		var items []hookJSON
		if err := json.Unmarshal(body, &items); err != nil {
			return err
		}
		for i := range items {
			hooks = append(hooks, items[i].hook())
		}
		return nil
	}
	r := request{op: "list event hooks", method: http.MethodGet, path: apiPath("eventHooks"), params: url.Values{}, decode: decode}
	if err := c.readAll(ctx, r); err != nil {
		return nil, err
	}
	return hooks, nil
}

// Hook reads one event hook. IsNotFound: there is none.
func (c *Client) Hook(ctx context.Context, id string) (Hook, error) {
	return c.onHook(ctx, "read event hook", http.MethodGet, id, "", nil)
}

// CreateHook adds an event hook. It is ACTIVE and UNVERIFIED and gets nothing until VerifyHook; from then on it may
// take several minutes until the first event. It is not repeatable: twice makes two hooks.
func (c *Client) CreateHook(ctx context.Context, spec HookSpec) (Hook, error) {
	const op = "create event hook"
	var h hookJSON
	r := request{op: op, method: http.MethodPost, path: apiPath("eventHooks"), body: spec.json(), decode: into(&h)}
	if _, err := c.call(ctx, r); err != nil {
		return Hook{}, withoutSecret(err, spec.Secret)
	}
	if h.ID == "" {
		return Hook{}, &Error{Op: op, Err: errors.New("the answer has no id; look for the hook in Okta's console")}
	}
	return h.hook(), nil
}

// UpdateHook makes an event hook what spec says, and nothing but that: a description, an event filter or further
// headers that somebody gave the hook in Okta's console are lost, for Okta replaces the whole. A hook whose URL or
// secret changed has to be verified anew. Repeatable. IsNotFound: there is no such hook.
func (c *Client) UpdateHook(ctx context.Context, id string, spec HookSpec) (Hook, error) {
	h, err := c.onHook(ctx, "update event hook", http.MethodPut, id, "", spec.json())
	return h, withoutSecret(err, spec.Secret)
}

// VerifyHook has Okta verify an event hook: Okta calls the hook's URL while this call is under way, and it must
// answer. If it does not, the error has status 400, code E0000001 and a cause that says so. Repeatable.
func (c *Client) VerifyHook(ctx context.Context, id string) (Hook, error) {
	return c.onHook(ctx, "verify event hook", http.MethodPost, id, "verify", nil)
}

// ActivateHook lets events flow again. IsNotFound: there is no such hook.
func (c *Client) ActivateHook(ctx context.Context, id string) error {
	_, err := c.onHook(ctx, "activate event hook", http.MethodPost, id, "activate", nil)
	return err
}

// DeactivateHook stops the flow of events. What happens meanwhile is not delivered later. IsNotFound: there is no
// such hook.
func (c *Client) DeactivateHook(ctx context.Context, id string) error {
	_, err := c.onHook(ctx, "deactivate event hook", http.MethodPost, id, "deactivate", nil)
	return err
}

// DeleteHook removes an event hook, which must be INACTIVE. IsNotFound: there is no such hook.
func (c *Client) DeleteHook(ctx context.Context, id string) error {
	const op = "delete event hook"
	if err := checkID(op, id); err != nil {
		return err
	}
	r := request{op: op + " " + id, method: http.MethodDelete, path: apiPath("eventHooks", id)}
	_, err := c.call(ctx, r)
	return err
}

// onHook makes a call about one hook that answers with the hook. lifecycle is the step to take, "" for the hook
// itself; body is sent unless it is nil.
func (c *Client) onHook(ctx context.Context, op, method, id, lifecycle string, body any) (Hook, error) {
	if err := checkID(op, id); err != nil {
		return Hook{}, err
	}
	r := request{op: op + " " + id, method: method, path: apiPath("eventHooks", id), body: body}
	if lifecycle != "" {
		r.path = apiPath("eventHooks", id, "lifecycle", lifecycle)
	}
	var h hookJSON
	r.decode = into(&h)
	if _, err := c.call(ctx, r); err != nil {
		return Hook{}, err
	}
	if err := sameID(r.op, id, h.ID); err != nil {
		return Hook{}, err
	}
	return h.hook(), nil
}

// withoutSecret takes the hook's secret out of an error in which Okta may quote it.
func withoutSecret(err error, secret string) error {
	var e *Error
	if errors.As(err, &e) {
		e.redact(secret)
	}
	return err
}

// hookJSON is an event hook as Okta writes and reads it.
type hookJSON struct {
	ID           string `json:"id,omitempty"`
	Name         string `json:"name"`
	Status       string `json:"status,omitempty"`
	Verification string `json:"verificationStatus,omitempty"`
	Events       struct {
		Type  string   `json:"type"`
		Items []string `json:"items"`
	} `json:"events"`
	Channel struct {
		Type    string `json:"type"`
		Version string `json:"version"`
		Config  struct {
			URI        string `json:"uri"`
			AuthScheme struct {
				Type  string `json:"type"`
				Key   string `json:"key"`
				Value string `json:"value"`
			} `json:"authScheme"`
		} `json:"config"`
	} `json:"channel"`
}

func (s HookSpec) json() hookJSON {
	h := hookJSON{Name: s.Name}
	h.Events.Type, h.Events.Items = "EVENT_TYPE", s.Events
	h.Channel.Type, h.Channel.Version = "HTTP", "1.0.0"
	h.Channel.Config.URI = s.URL
	auth := &h.Channel.Config.AuthScheme
	auth.Type, auth.Key, auth.Value = "HEADER", "Authorization", s.Secret
	return h
}

func (h *hookJSON) hook() Hook {
	return Hook{
		ID:           h.ID,
		Name:         h.Name,
		Status:       h.Status,
		Verification: h.Verification,
		URL:          h.Channel.Config.URI,
		Events:       h.Events.Items,
	}
}
