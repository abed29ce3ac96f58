package oktatest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// hookBodyMax bounds the body of a create or replace, bytes. 300 event types
// take about 10 KB.
const hookBodyMax = 1 << 20

func (o *Org) listHooks(w http.ResponseWriter, _ *http.Request) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	objects := make([]hookObject, len(o.hooks))
	for i, h := range o.hooks {
		objects[i] = h.object()
	}
	writeJSON(w, http.StatusOK, objects)
}

// readHook reads and checks a body; it has answered if the hook is nil.
func (o *Org) readHook(w http.ResponseWriter, r *http.Request) *hookObject {
	var obj hookObject
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, hookBodyMax)).Decode(&obj); err != nil {
		writeError(w, newError(http.StatusBadRequest, "E0000003", "The request body was not well-formed."))
		return nil
	}
	if err := obj.check(o.opts.AllowHTTPHooks); err != nil {
		writeError(w, err)
		return nil
	}
	return &obj
}

func (o *Org) createHook(w http.ResponseWriter, r *http.Request) {
	obj := o.readHook(w, r)
	if obj == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	h := &hook{Hook: Hook{
		ID: o.newID("who"), Status: "ACTIVE", VerificationStatus: "UNVERIFIED",
		Created: now, LastUpdated: now, CreatedBy: o.actor.ID,
	}}
	h.self = o.base(r) + "/api/v1/eventHooks/" + h.ID
	h.apply(obj)
	o.hooks = append(o.hooks, h)
	writeJSON(w, http.StatusOK, h.object())
}

// withHook finds the hook of the path, lets do use it under the lock, and
// answers with the hook or the error.
func (o *Org) withHook(w http.ResponseWriter, r *http.Request, do func(h *hook) *apiError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.hookByID(r.PathValue("id"))
	if h == nil {
		writeError(w, errNotFound(r.PathValue("id"), "EventHook"))
		return
	}
	if err := do(h); err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, h.object())
}

func (o *Org) getHook(w http.ResponseWriter, r *http.Request) {
	o.withHook(w, r, func(*hook) *apiError { return nil })
}

func (o *Org) replaceHook(w http.ResponseWriter, r *http.Request) {
	obj := o.readHook(w, r)
	if obj == nil {
		return
	}
	o.withHook(w, r, func(h *hook) *apiError {
		h.apply(obj)
		h.LastUpdated = o.stamp(h.LastUpdated)
		return nil
	})
}

// deleteHook deletes an INACTIVE hook. That an active one is refused is
// documented, with which status is not; Okta's OpenAPI document allows 403
// alone.
func (o *Org) deleteHook(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.hookByID(r.PathValue("id"))
	switch {
	case h == nil:
		writeError(w, errNotFound(r.PathValue("id"), "EventHook"))
	case h.Status == "ACTIVE":
		writeError(w, newError(http.StatusForbidden, errForbidden.Code, errForbidden.Summary,
			"The event hook must be deactivated before it can be deleted."))
	default:
		o.hooks = slices.DeleteFunc(o.hooks, func(other *hook) bool { return other == h })
		w.WriteHeader(http.StatusNoContent)
	}
}

func (o *Org) activateHook(w http.ResponseWriter, r *http.Request) {
	o.withHook(w, r, func(h *hook) *apiError { return o.enliven(h, "ACTIVE", h.VerificationStatus) })
}

func (o *Org) deactivateHook(w http.ResponseWriter, r *http.Request) {
	o.withHook(w, r, func(h *hook) *apiError { return o.enliven(h, "INACTIVE", h.VerificationStatus) })
}

// enliven sets a hook's statuses; o.mu is held. One that comes alive by it
// gets the events from now on.
func (o *Org) enliven(h *hook, status, verification string) *apiError {
	was := h.live()
	next := hook{Hook: Hook{Status: status, VerificationStatus: verification}}
	if !was && next.live() {
		if o.liveHooks() >= liveHooksMax {
			return errInvalid("eventHook", "The maximum number of active and verified event hooks is reached.")
		}
		h.since = o.events.seq
	}
	h.Status, h.VerificationStatus = status, verification
	h.LastUpdated = o.stamp(h.LastUpdated)
	return nil
}

// verifyHook calls the hook with a challenge, within the request as Okta does.
func (o *Org) verifyHook(w http.ResponseWriter, r *http.Request) {
	o.mu.RLock()
	h := o.hookByID(r.PathValue("id"))
	var target Hook
	if h != nil {
		target = h.view()
	}
	o.mu.RUnlock()
	if h == nil {
		writeError(w, errNotFound(r.PathValue("id"), "EventHook"))
		return
	}
	if err := o.challenge(r.Context(), target); err != nil {
		// Okta keeps the reason to itself.
		writeError(w, errInvalid("eventHook",
			"Unable to verify event hook. Hook "+target.Name+" execution failed"))
		return
	}
	o.withHook(w, r, func(h *hook) *apiError {
		if !h.sameChannel(target) { // replaced meanwhile
			return errInvalid("eventHook", "Unable to verify event hook. Hook "+target.Name+" was changed")
		}
		return o.enliven(h, h.Status, "VERIFIED")
	})
}
