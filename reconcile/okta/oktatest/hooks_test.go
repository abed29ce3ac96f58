package oktatest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

const hooksPath = "/api/v1/eventHooks"

// receiver is an event hook's far side. answer, if set, replaces what a well
// made one does.
type receiver struct {
	*httptest.Server
	answer http.HandlerFunc

	mu    sync.Mutex
	calls []*http.Request
	posts [][]byte
}

func receive(t *testing.T) *receiver {
	rc := &receiver{}
	rc.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body json.RawMessage
		if r.Method == http.MethodPost {
			assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		}
		rc.mu.Lock()
		rc.calls = append(rc.calls, r)
		if body != nil {
			rc.posts = append(rc.posts, body)
		}
		answer := rc.answer
		rc.mu.Unlock()
		switch {
		case answer != nil:
			answer(w, r)
		case r.Method == http.MethodGet:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"verification":%q}`, r.Header.Get("X-Okta-Verification-Challenge"))
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(rc.Close)
	return rc
}

func (rc *receiver) respond(answer http.HandlerFunc) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.answer = answer
}

// received returns the event types of each POST so far.
func (rc *receiver) received(t *testing.T) [][]string {
	t.Helper()
	rc.mu.Lock()
	defer rc.mu.Unlock()
	got := [][]string{}
	for _, post := range rc.posts {
		var env struct {
			Data struct {
				Events []struct{ EventType string }
			}
		}
		require.NoError(t, json.Unmarshal(post, &env))
		var kinds []string
		for _, e := range env.Data.Events {
			kinds = append(kinds, e.EventType)
		}
		got = append(got, kinds)
	}
	return got
}

type fields = map[string]any

// hookBody is a create as a client sends it.
func hookBody(uri string, types ...string) fields {
	return fields{
		"name":   "zensync fake",
		"events": fields{"type": "EVENT_TYPE", "items": types},
		"channel": fields{"type": "HTTP", "version": "1.0.0", "config": fields{
			"uri":        uri,
			"headers":    []fields{{"key": "X-Site", "value": "Basel"}},
			"authScheme": fields{"type": "HEADER", "key": "Authorization", "value": "hook s3cret"},
		}},
	}
}

// hook creates a hook and verifies it.
func (a *api) hook(uri string, types ...string) (path string) {
	a.t.Helper()
	path = a.unverified(uri, types...)
	r := a.do(http.MethodPost, path+"/lifecycle/verify", nil)
	require.Equal(a.t, http.StatusOK, r.status, "%s", r.body)
	return path
}

func (a *api) unverified(uri string, types ...string) (path string) {
	a.t.Helper()
	r := a.do(http.MethodPost, hooksPath, hookBody(uri, types...))
	require.Equal(a.t, http.StatusOK, r.status, "%s", r.body)
	return hooksPath + "/" + r.object(a.t)["id"].(string)
}

func TestHook_Life(t *testing.T) {
	rc := receive(t)
	a := start(t, oktatest.Options{AllowHTTPHooks: true})
	path := a.unverified(rc.URL, "user.lifecycle.create")
	state := func() []any {
		h := a.get(path).object(t)
		return []any{h["status"], h["verificationStatus"]}
	}
	assert.Equal(t, []any{"ACTIVE", "UNVERIFIED"}, state())
	require.Regexp(t, `^who[0-9A-Za-z]{17}$`, a.org.Hooks()[0].ID)

	verified := a.do(http.MethodPost, path+"/lifecycle/verify", nil)
	require.Equal(t, http.StatusOK, verified.status)
	assert.Equal(t, []any{"ACTIVE", "VERIFIED"}, state())
	require.Len(t, rc.calls, 1)
	assert.Equal(t, http.MethodGet, rc.calls[0].Method)
	assert.Equal(t, "hook s3cret", rc.calls[0].Header.Get("Authorization"))
	assert.Equal(t, "Basel", rc.calls[0].Header.Get("X-Site"))

	assert.Equal(t, "hook s3cret", a.org.Hooks()[0].AuthValue)
	for _, r := range []answer{verified, a.get(path), a.get(hooksPath)} {
		assert.NotContains(t, string(r.body), "s3cret", "the secret is never returned")
	}

	body := hookBody(rc.URL, "user.lifecycle.create", "user.lifecycle.deactivate")
	require.Equal(t, http.StatusOK, a.do(http.MethodPut, path, body).status)
	assert.Equal(t, []any{"ACTIVE", "VERIFIED"}, state(), "the channel is the same")
	assert.Equal(t, []string{"user.lifecycle.create", "user.lifecycle.deactivate"}, a.org.Hooks()[0].Events)
	body["channel"].(fields)["config"].(fields)["authScheme"].(fields)["value"] = "another"
	require.Equal(t, http.StatusOK, a.do(http.MethodPut, path, body).status)
	assert.Equal(t, []any{"ACTIVE", "UNVERIFIED"}, state())

	assert.Equal(t, http.StatusForbidden, a.do(http.MethodDelete, path, nil).status, "active")
	assert.Len(t, a.org.Hooks(), 1)
	require.Equal(t, http.StatusOK, a.do(http.MethodPost, path+"/lifecycle/deactivate", nil).status)
	assert.Equal(t, []any{"INACTIVE", "UNVERIFIED"}, state())
	require.Equal(t, http.StatusOK, a.do(http.MethodPost, path+"/lifecycle/activate", nil).status)
	assert.Equal(t, []any{"ACTIVE", "UNVERIFIED"}, state())
	require.Equal(t, http.StatusOK, a.do(http.MethodPost, path+"/lifecycle/deactivate", nil).status)
	gone := a.do(http.MethodDelete, path, nil)
	assert.Equal(t, http.StatusNoContent, gone.status)
	assert.Empty(t, gone.body)
	assert.Empty(t, a.get(hooksPath).ids(t))
	for _, r := range []answer{a.get(path), a.do(http.MethodDelete, path, nil), a.do(http.MethodPost, path+"/lifecycle/verify", nil)} {
		assert.Equal(t, http.StatusNotFound, r.status)
	}
}

func TestHook_ReplaceDropsWhatItLeavesOut(t *testing.T) {
	a := start(t, oktatest.Options{})
	body := hookBody("https://hooks.example.com/okta", "user.lifecycle.create")
	body["description"] = "made by hand"
	body["events"].(fields)["filter"] = fields{"type": "EXPRESSION_LANGUAGE", "eventFilterMap": []any{}}
	r := a.do(http.MethodPost, hooksPath, body)
	require.Equal(t, http.StatusOK, r.status, "%s", r.body)
	h := r.object(t)
	assert.NotNil(t, h["events"].(fields)["filter"])
	assert.Equal(t, "made by hand", h["description"])

	h = a.do(http.MethodPut, hooksPath+"/"+h["id"].(string), hookBody("https://hooks.example.com/okta", "user.lifecycle.create")).object(t)
	assert.Nil(t, h["events"].(fields)["filter"])
	assert.Nil(t, h["description"])
}

func TestHook_WhatOktaRefusesIsRefused(t *testing.T) {
	config := func(b fields) fields { return b["channel"].(fields)["config"].(fields) }
	for name, spoil := range map[string]func(b fields){
		"http":             func(b fields) { config(b)["uri"] = "http://127.0.0.1/hook" },
		"no address":       func(b fields) { config(b)["uri"] = "hooks.example.com" },
		"no name":          func(b fields) { b["name"] = "" },
		"no types":         func(b fields) { b["events"].(fields)["items"] = []string{} },
		"delete.completed": func(b fields) { b["events"].(fields)["items"] = []string{"user.lifecycle.delete.completed"} },
		"email change":     func(b fields) { b["events"].(fields)["items"] = []string{"user.account.update_primary_email"} },
		"more than 300 types": func(b fields) {
			b["events"].(fields)["items"] = strings.Fields(strings.Repeat("user.account.lock ", 301))
		},
		"another channel":       func(b fields) { b["channel"].(fields)["type"] = "SQS" },
		"another authorization": func(b fields) { config(b)["authScheme"].(fields)["type"] = "HMAC" },
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, oktatest.Options{})
			body := hookBody("https://hooks.example.com/okta", "user.lifecycle.create")
			spoil(body)
			r := a.do(http.MethodPost, hooksPath, body)
			assert.Equal(t, http.StatusBadRequest, r.status)
			assert.Equal(t, "E0000001", r.code(t))
			assert.Empty(t, a.org.Hooks())
		})
	}
}

func TestHook_VerificationAsksForTheRightAnswer(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"verification":%q}`, r.Header.Get("X-Okta-Verification-Challenge"))
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		calls  int
	}{
		"no JSON type": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			echo(w, r)
		}, 1},
		"another value": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"verification":"x"}`)
		}, 1},
		"not 200": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusAccepted)
			echo(w, r)
		}, 1},
		"401":              {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, 1},
		"503, tried twice": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			rc := receive(t)
			rc.respond(c.answer)
			a := start(t, oktatest.Options{AllowHTTPHooks: true})
			path := a.unverified(rc.URL, "user.lifecycle.create")
			r := a.do(http.MethodPost, path+"/lifecycle/verify", nil)
			assert.Equal(t, http.StatusBadRequest, r.status)
			assert.Equal(t, "E0000001", r.code(t))
			assert.Contains(t, string(r.body), "Unable to verify event hook. Hook zensync fake execution failed")
			assert.Equal(t, "UNVERIFIED", a.org.Hooks()[0].VerificationStatus)
			assert.Len(t, rc.calls, c.calls)
		})
	}
}

func TestHook_VerificationDoesNotOutliveAChangedChannel(t *testing.T) {
	rc := receive(t)
	a := start(t, oktatest.Options{AllowHTTPHooks: true})
	path := a.unverified(rc.URL, "user.lifecycle.create")
	rc.respond(func(w http.ResponseWriter, r *http.Request) {
		a.do(http.MethodPut, path, hookBody(rc.URL+"/elsewhere", "user.lifecycle.create"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"verification":%q}`, r.Header.Get("X-Okta-Verification-Challenge"))
	})
	assert.Equal(t, http.StatusBadRequest, a.do(http.MethodPost, path+"/lifecycle/verify", nil).status)
	assert.Equal(t, "UNVERIFIED", a.org.Hooks()[0].VerificationStatus)
}

func TestHook_TwentyFiveAreEnough(t *testing.T) {
	rc := receive(t)
	a := start(t, oktatest.Options{AllowHTTPHooks: true})
	for range 25 {
		a.hook(rc.URL, "user.lifecycle.create")
	}
	path := a.unverified(rc.URL, "user.lifecycle.create")
	assert.Equal(t, http.StatusBadRequest, a.do(http.MethodPost, path+"/lifecycle/verify", nil).status)
	first := hooksPath + "/" + a.org.Hooks()[0].ID
	require.Equal(t, http.StatusOK, a.do(http.MethodPost, first+"/lifecycle/deactivate", nil).status)
	assert.Equal(t, http.StatusOK, a.do(http.MethodPost, path+"/lifecycle/verify", nil).status)
	assert.Equal(t, http.StatusBadRequest, a.do(http.MethodPost, first+"/lifecycle/activate", nil).status)
}
