package oktatest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Actor is who did something; Target is what it was done to. Both are written
// alike in an event.
type Actor struct {
	ID          string `json:"id"`
	Type        string `json:"type"` // "User", "UserGroup"
	AlternateID string `json:"alternateId"`
	DisplayName string `json:"displayName"`
	// DetailEntry is null in the events of users and groups.
	DetailEntry map[string]any `json:"detailEntry"`
}

// Target is what an event is about.
type Target = Actor

// Event is an entry of the System Log.
type Event struct {
	UUID      string
	Published time.Time
	Type      string // such as "user.lifecycle.create"
	Actor     Actor
	Targets   []Target
	Result    string   // outcome.result; empty means SUCCESS
	Changed   []string // debugContext.debugData.changedAttributes
	// Raw, if set, is sent in place of all this.
	Raw json.RawMessage

	// seq is the event's place in the log; a hook gets none from before it was
	// active and verified. 0: not from the log.
	seq int
}

// wording is how the System Log names an event. An empty legacy type is one
// that no recorded event shows.
type wording struct{ display, legacy string }

// eligible lists the event types a hook may ask for: Okta's catalogue, tag
// event-hook-eligible, as far as it concerns users and groups.
var eligible = map[string]wording{
	"user.lifecycle.create":              {"Create okta user", "core.user.config.user_creation.success"},
	"user.lifecycle.activate":            {"Activate Okta user", "core.user.config.user_activated"},
	"user.lifecycle.deactivate":          {"Deactivate Okta User", "core.user.config.user_deactivated"},
	"user.lifecycle.suspend":             {"Suspend Okta user", "core.user.config.user_status.suspended"},
	"user.lifecycle.unsuspend":           {"Unsuspend Okta user", "core.user.config.user_status.unsuspended"},
	"user.lifecycle.reactivate":          {"Reactivate Okta user", ""},
	"user.lifecycle.delete.initiated":    {"Delete Okta user initiated", ""},
	"user.account.update_profile":        {"Update user profile for Okta", "core.user.config.profile_update.success"},
	"user.account.lock":                  {"Max sign in attempts exceeded", ""},
	"user.account.unlock":                {"User account unlock", ""},
	"user.account.unlock_by_admin":       {"Unlock user account", ""},
	"user.account.reset_password":        {"User reset password", ""},
	"user.account.update_password":       {"User update password for Okta", ""},
	"group.user_membership.add":          {"Add user to group membership", "core.user_group_member.user_add"},
	"group.user_membership.remove":       {"Remove user from group membership", "core.user_group_member.user_remove"},
	"group.lifecycle.create":             {"Create Okta group", ""},
	"group.lifecycle.delete":             {"Delete Okta group", ""},
	"group.profile.update":               {"Update Okta group", ""},
	"application.user_membership.add":    {"Add user to application membership", ""},
	"application.user_membership.remove": {"Remove user's application membership", ""},
	"application.user_membership.update": {"Update user's application membership", ""},
	"system.import.group.create":         {"Create imported group", ""},
	"system.import.group.delete":         {"Delete imported group", ""},
}

// eventLog holds the events that are not yet delivered.
type eventLog struct {
	seq     int // of the newest event
	pending []Event
	auto    *courier // nil: events wait for Deliver
}

// record notes an event; o.mu is held.
func (o *Org) record(kind string, changed []string, targets ...Target) {
	o.events.seq++
	o.events.pending = append(o.events.pending, Event{
		UUID: newUUID(), Published: o.now(), Type: kind,
		Actor: o.actor, Targets: targets, Changed: changed, seq: o.events.seq,
	})
	o.events.auto.wake()
}

// Pending returns the events that were neither delivered nor dropped, oldest
// first. All are of types that a hook may ask for.
func (o *Org) Pending() []Event {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return slices.Clone(o.events.pending)
}

// Drop loses the n oldest pending events.
func (o *Org) Drop(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events.pending = slices.Delete(o.events.pending, 0, min(n, len(o.events.pending)))
}

// DropAll loses all pending events.
func (o *Org) DropAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events.pending = nil
}

// Envelope returns the body of a hook's POST with the events, as from a hook
// of this org. The events may be made up.
func (o *Org) Envelope(events ...Event) []byte {
	return o.envelope("https://example.okta.com/api/v1/eventHooks/who7hphp39JoHLni81d7", events)
}

func (o *Org) envelope(source string, events []Event) []byte {
	entries := make([]json.RawMessage, len(events))
	for i, e := range events {
		entries[i] = e.entry()
	}
	body, err := json.Marshal(map[string]any{
		"eventType": "com.okta.event_hook", "eventTypeVersion": "1.0", "cloudEventsVersion": "0.1",
		"source": source, "eventId": newUUID(), "eventTime": o.now().Format(timeLayout),
		"contentType": "application/json",
		"data":        map[string]any{"events": entries},
	})
	if err != nil {
		panic(fmt.Sprintf("oktatest: encode envelope: %v", err))
	}
	return body
}

// object is a JSON object written out by hand.
type object = map[string]any

// entry is the event as the System Log writes it, with the nulls.
func (e Event) entry() json.RawMessage {
	if e.Raw != nil {
		return e.Raw
	}
	result := e.Result
	if result == "" {
		result = "SUCCESS"
	}
	var legacy any
	words := eligible[e.Type]
	if words.legacy != "" {
		legacy = words.legacy
	}
	// The request that led to the event shares the event's id.
	debug := object{"requestId": e.UUID, "requestUri": e.uri(), "url": e.uri() + "?"}
	if len(e.Changed) > 0 {
		debug["changedAttributes"] = strings.Join(e.Changed, ",")
	}
	body, err := json.Marshal(object{
		"uuid": e.UUID, "published": e.Published.UTC().Format(timeLayout), "eventType": e.Type,
		"version": "0", "displayMessage": words.display, "severity": "INFO", "legacyEventType": legacy,
		"actor": e.Actor, "target": e.Targets,
		"outcome":     object{"result": result, "reason": nil},
		"transaction": object{"type": "WEB", "id": e.UUID, "detail": object{}},
		"client": object{
			"userAgent": object{"rawUserAgent": "Mozilla/5.0", "os": "Unknown", "browser": "UNKNOWN"},
			"zone":      "null", "device": "Computer", "id": nil, "ipAddress": "192.0.2.1",
			"geographicalContext": nil, "ipChain": []any{},
		},
		"device":       nil,
		"debugContext": object{"debugData": debug},
		"authenticationContext": object{
			"authenticationProvider": nil, "credentialProvider": nil, "credentialType": nil,
			"issuer": nil, "authenticationStep": 0, "externalSessionId": nil, "interface": nil,
		},
		"securityContext":    object{"asNumber": nil, "asOrg": nil, "isp": nil, "domain": nil, "isProxy": nil},
		"insertionTimestamp": nil,
	})
	if err != nil {
		panic(fmt.Sprintf("oktatest: encode event: %v", err))
	}
	return body
}

// uri is the address whose use led to the event.
func (e Event) uri() string {
	uri := "/api/v1"
	for i := len(e.Targets) - 1; i >= 0; i-- { // a membership is /groups/{id}/users/{id}
		kind := "users"
		if e.Targets[i].Type == "UserGroup" {
			kind = "groups"
		}
		uri += "/" + kind + "/" + e.Targets[i].ID
	}
	return uri
}

func (u *user) target() Target {
	return Target{
		ID: u.id, Type: "User", AlternateID: u.profile.Login,
		DisplayName: strings.TrimSpace(u.profile.FirstName + " " + u.profile.LastName),
	}
}

func (g *Group) target() Target {
	return Target{ID: g.ID, Type: "UserGroup", AlternateID: "unknown", DisplayName: g.Name}
}
