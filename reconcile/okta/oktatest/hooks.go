package oktatest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Okta's limits, from its guide to hooks.
const (
	liveHooksMax  = 25  // active and verified hooks of an org
	hookEventsMax = 300 // event types of a hook
)

// Hook is an event hook at one moment.
type Hook struct {
	ID, Name, Description      string
	Status, VerificationStatus string // ACTIVE, INACTIVE; VERIFIED, UNVERIFIED
	URI                        string
	Events                     []string // types
	Filter                     json.RawMessage
	// AuthKey and AuthValue are the header that Okta proves itself with. The
	// API never returns the value.
	AuthKey, AuthValue   string
	Headers              []Header
	Created, LastUpdated time.Time
	CreatedBy            string
}

// Header is a header that Okta sends with every call of a hook.
type Header struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type hook struct {
	Hook
	self string // own address
	// since is the number of the last event before the hook was active and
	// verified: it gets later ones alone.
	since int
}

func (h *hook) live() bool { return h.Status == "ACTIVE" && h.VerificationStatus == "VERIFIED" }

func (h *hook) view() Hook {
	v := h.Hook
	v.Events, v.Headers, v.Filter = slices.Clone(v.Events), slices.Clone(v.Headers), slices.Clone(v.Filter)
	return v
}

// Hooks returns the event hooks in the order of creation.
func (o *Org) Hooks() []Hook {
	o.mu.RLock()
	defer o.mu.RUnlock()
	all := make([]Hook, len(o.hooks))
	for i, h := range o.hooks {
		all[i] = h.view()
	}
	return all
}

// ChangeHook changes an event hook as an administrator does in Okta's console.
// It tells whether there is such a hook.
func (o *Org) ChangeHook(id string, change func(*Hook)) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.hookByID(id)
	if h == nil {
		return false
	}
	next := h.view()
	change(&next)
	next.ID, next.LastUpdated = id, o.stamp(h.LastUpdated)
	h.Hook = next
	return true
}

// RemoveHook deletes an event hook, active or not, as an administrator does. It
// tells whether there was such a hook.
func (o *Org) RemoveHook(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := len(o.hooks)
	o.hooks = slices.DeleteFunc(o.hooks, func(h *hook) bool { return h.ID == id })
	return len(o.hooks) < before
}

// hookByID returns a hook or nil; o.mu is held.
func (o *Org) hookByID(id string) *hook {
	for _, h := range o.hooks {
		if h.ID == id {
			return h
		}
	}
	return nil
}

// liveHooks counts the hooks that are active and verified; o.mu is held.
func (o *Org) liveHooks() int {
	n := 0
	for _, h := range o.hooks {
		if h.live() {
			n++
		}
	}
	return n
}

// hookObject is an event hook as the API reads and writes it.
type hookObject struct {
	ID                 string      `json:"id"`
	Status             string      `json:"status"`
	VerificationStatus string      `json:"verificationStatus"`
	Name               string      `json:"name"`
	Description        *string     `json:"description"`
	Created            string      `json:"created"`
	CreatedBy          string      `json:"createdBy"`
	LastUpdated        string      `json:"lastUpdated"`
	Events             hookEvents  `json:"events"`
	Channel            hookChannel `json:"channel"`
	Links              object      `json:"_links"`
}

type hookEvents struct {
	Type   string          `json:"type"`
	Items  []string        `json:"items"`
	Filter json.RawMessage `json:"filter"`
}

type hookChannel struct {
	Type    string     `json:"type"`
	Version string     `json:"version"`
	Config  hookConfig `json:"config"`
}

type hookConfig struct {
	URI        string     `json:"uri"`
	Headers    []Header   `json:"headers"`
	Method     string     `json:"method"`
	AuthScheme authScheme `json:"authScheme"`
}

type authScheme struct {
	Type  string `json:"type"`
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
}

// object is the hook as the API returns it, without the secret.
func (h *hook) object() hookObject {
	allow := func(path string) object {
		return object{"href": h.self + path, "hints": object{"allow": []string{"POST"}}}
	}
	obj := hookObject{
		ID: h.ID, Status: h.Status, VerificationStatus: h.VerificationStatus, Name: h.Name,
		Created: h.Created.Format(timeLayout), CreatedBy: h.CreatedBy, LastUpdated: h.LastUpdated.Format(timeLayout),
		Events: hookEvents{Type: "EVENT_TYPE", Items: slices.Clone(h.Events), Filter: h.Filter},
		Channel: hookChannel{Type: "HTTP", Version: "1.0.0", Config: hookConfig{
			URI: h.URI, Headers: append([]Header{}, h.Headers...), Method: "POST",
			AuthScheme: authScheme{Type: "HEADER", Key: h.AuthKey},
		}},
		Links: object{"self": object{"href": h.self}, "verify": allow("/lifecycle/verify")},
	}
	if h.Description != "" {
		obj.Description = &h.Description
	}
	if h.Status == "ACTIVE" {
		obj.Links["deactivate"] = allow("/lifecycle/deactivate")
	} else {
		obj.Links["activate"] = allow("/lifecycle/activate")
	}
	return obj
}

// check says what Okta would refuse about the object.
func (obj *hookObject) check(allowHTTP bool) *apiError {
	invalid := func(format string, args ...any) *apiError {
		return errInvalid("eventHook", fmt.Sprintf(format, args...))
	}
	switch {
	case obj.Name == "":
		return invalid("name: The field cannot be left blank")
	case obj.Events.Type != "EVENT_TYPE":
		return invalid("events.type: %q is not supported", obj.Events.Type)
	case len(obj.Events.Items) == 0:
		return invalid("events.items: The field cannot be left blank")
	case len(obj.Events.Items) > hookEventsMax:
		return invalid("events.items: At most %d event types are allowed", hookEventsMax)
	case obj.Channel.Type != "HTTP" || obj.Channel.Version != "1.0.0":
		return invalid("channel: type HTTP, version 1.0.0 is the only one")
	}
	for _, kind := range obj.Events.Items {
		if _, ok := eligible[kind]; !ok {
			return invalid("events.items: Event type %s is not eligible for event hooks", kind)
		}
	}
	uri, err := url.Parse(obj.Channel.Config.URI)
	if err != nil || uri.Host == "" || uri.Scheme != "https" && (uri.Scheme != "http" || !allowHTTP) {
		return invalid("channel.config.uri: invalid URL provided")
	}
	if auth := obj.Channel.Config.AuthScheme; auth.Type != "" && (auth.Type != "HEADER" || auth.Key == "") {
		return invalid("channel.config.authScheme: type HEADER with a key is the only one")
	}
	return nil
}

// apply replaces what a caller may set. A changed channel has to be verified
// again; the secret cannot be read back, so a replacement that leaves it out
// takes it away.
func (h *hook) apply(obj *hookObject) {
	old, cfg := h.Hook, obj.Channel.Config
	h.Name, h.Description = obj.Name, ""
	if obj.Description != nil {
		h.Description = *obj.Description
	}
	h.Events, h.Filter = slices.Clone(obj.Events.Items), obj.Events.Filter
	h.URI, h.Headers = cfg.URI, slices.Clone(cfg.Headers)
	h.AuthKey, h.AuthValue = cfg.AuthScheme.Key, cfg.AuthScheme.Value
	if !h.sameChannel(old) {
		h.VerificationStatus = "UNVERIFIED"
	}
}

// sameChannel reports whether the hook is called as other is.
func (h *hook) sameChannel(other Hook) bool {
	return h.URI == other.URI && h.AuthKey == other.AuthKey && h.AuthValue == other.AuthValue &&
		slices.Equal(h.Headers, other.Headers)
}
