package oktatest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/okta/oktatest/oktaspec"
)

func TestEvents_OfEachChange(t *testing.T) {
	org := oktatest.New(oktatest.Options{})
	u := org.AddUser(person("ann"), oktatest.Staged)
	for _, c := range []struct{ status, event string }{
		{oktatest.Active, "user.lifecycle.activate"},
		{oktatest.Active, ""},
		{oktatest.LockedOut, "user.account.lock"},
		{oktatest.Active, "user.account.unlock"},
		{oktatest.PasswordExpired, ""}, // not hook-eligible
		{oktatest.Active, "user.account.update_password"},
		{oktatest.Recovery, "user.account.reset_password"},
		{oktatest.Suspended, "user.lifecycle.suspend"},
		{oktatest.Active, "user.lifecycle.unsuspend"},
		{oktatest.Deprovisioned, "user.lifecycle.deactivate"},
		{oktatest.Provisioned, "user.lifecycle.reactivate"},
	} {
		org.DropAll()
		org.SetStatus(u.ID, c.status)
		var want []string
		if c.event != "" {
			want = []string{c.event}
		}
		assert.Equal(t, want, types(org.Pending()), c.status)
		got, _ := org.User(u.ID)
		assert.Equal(t, c.status, got.Status)
	}
	org.DropAll()
	org.AddUser(person("bob"), oktatest.Active)
	org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Email, p.Extra = "new@example.com", map[string]any{"site": "Basel"} })
	events := org.Pending()
	assert.Equal(t, []string{"user.lifecycle.create", "user.lifecycle.activate", "user.account.update_profile"}, types(events))
	assert.Equal(t, []string{"email", "site"}, events[2].Changed)
	org.Drop(1)
	assert.Equal(t, events[1:], org.Pending())
	org.Drop(9)
	assert.Empty(t, org.Pending())
}

// TestEnvelope_HasTheShapeOktaPublished compares the keys of an envelope with
// those of the one in Okta's documentation.
func TestEnvelope_HasTheShapeOktaPublished(t *testing.T) {
	raw, err := os.ReadFile("testdata/envelope.json")
	require.NoError(t, err)
	var published, made map[string]any
	require.NoError(t, json.Unmarshal(raw, &published))

	org := oktatest.New(oktatest.Options{})
	org.SetActor(oktatest.Actor{ID: "00uadmin", Type: "User", AlternateID: "eve@example.com", DisplayName: "Eve"})
	u := org.AddUser(person("ann"), oktatest.Active)
	require.NoError(t, json.Unmarshal(org.Envelope(org.Pending()...), &made))

	events := made["data"].(map[string]any)["events"].([]any)
	require.Len(t, events, 2)
	sample := published["data"].(map[string]any)["events"].([]any)[0]
	for _, e := range events {
		sameKeys(t, "event", sample, e)
		one, err := json.Marshal(e)
		require.NoError(t, err)
		oktaspec.Schema(t, "LogEvent", one)
	}
	sameKeys(t, "envelope", published, made)
	assert.Equal(t, "com.okta.event_hook", made["eventType"])

	first := events[0].(map[string]any)
	assert.Equal(t, org.Pending()[0].UUID, first["uuid"])
	assert.Equal(t, "eve@example.com", first["actor"].(map[string]any)["alternateId"])
	target := first["target"].([]any)[0].(map[string]any)
	assert.Equal(t, u.ID, target["id"])
	assert.Equal(t, "Ann Example", target["displayName"])
}

// sameKeys requires equal keys at every depth that both have as objects. The
// debug data differ with every event, and lists are left to the caller.
func sameKeys(t *testing.T, path string, want, got any) {
	t.Helper()
	w, ok := want.(map[string]any)
	g, also := got.(map[string]any)
	if !ok || !also {
		return
	}
	keys := func(m map[string]any) []string {
		var all []string
		for k := range m {
			all = append(all, k)
		}
		slices.Sort(all)
		return all
	}
	assert.Equal(t, keys(w), keys(g), path)
	for k := range w {
		if k != "debugData" {
			sameKeys(t, path+"."+k, w[k], g[k])
		}
	}
}

func TestEnvelope_TakesRawAndMadeUpEvents(t *testing.T) {
	org := oktatest.New(oktatest.Options{})
	var env struct {
		Data struct {
			Events []map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(org.Envelope(
		oktatest.Event{Raw: json.RawMessage(`{"odd":1}`)},
		oktatest.Event{Type: "user.lifecycle.suspend", Result: "FAILURE"},
	), &env))
	require.Len(t, env.Data.Events, 2)
	assert.Equal(t, map[string]any{"odd": 1.0}, env.Data.Events[0])
	assert.Nil(t, env.Data.Events[1]["target"])
	assert.Equal(t, "FAILURE", env.Data.Events[1]["outcome"].(map[string]any)["result"])
}

func TestDeliver_GoesToLiveHooksThatAskForTheType(t *testing.T) {
	wanted, unverified, inactive, other := receive(t), receive(t), receive(t), receive(t)
	a := start(t, oktatest.Options{AllowHTTPHooks: true})
	a.org.AddUser(person("early"), oktatest.Active)
	a.hook(wanted.URL, "user.lifecycle.create", "user.lifecycle.deactivate")
	a.unverified(unverified.URL, "user.lifecycle.create")
	path := a.hook(inactive.URL, "user.lifecycle.create")
	require.Equal(t, http.StatusOK, a.do(http.MethodPost, path+"/lifecycle/deactivate", nil).status)
	a.hook(other.URL, "user.account.lock")

	u := a.org.AddUser(person("ann"), oktatest.Active)
	a.org.SetStatus(u.ID, oktatest.Deprovisioned)
	require.NoError(t, a.org.DeliverAll(t.Context()))
	assert.Empty(t, a.org.Pending())
	assert.Equal(t, [][]string{{"user.lifecycle.create", "user.lifecycle.deactivate"}}, wanted.received(t),
		"not activate, which it did not ask for, nor what happened before it was there")
	for _, rc := range []*receiver{unverified, inactive, other} {
		assert.Empty(t, rc.received(t))
	}
	post := wanted.calls[len(wanted.calls)-1]
	assert.Equal(t, "hook s3cret", post.Header.Get("Authorization"))
	assert.Equal(t, "Basel", post.Header.Get("X-Site"))
	assert.Equal(t, "application/json", post.Header.Get("Content-Type"))
	assert.Contains(t, string(wanted.posts[0]), orgURL+hooksPath+"/"+a.org.Hooks()[0].ID)
}

func TestDeliver_OrderLossAndDoublesAreTheTests(t *testing.T) {
	rc := receive(t)
	a := start(t, oktatest.Options{AllowHTTPHooks: true, EventsPerDelivery: 2})
	a.hook(rc.URL, "user.lifecycle.create", "user.account.lock", "user.account.unlock")
	u := a.org.AddUser(person("ann"), oktatest.Provisioned)
	a.org.SetStatus(u.ID, oktatest.LockedOut)
	a.org.SetStatus(u.ID, oktatest.Active)
	e := a.org.Pending()
	require.Len(t, e, 3)
	require.NoError(t, a.org.Deliver(t.Context(), e[1], e[0]))
	assert.Equal(t, e[2:], a.org.Pending())
	require.NoError(t, a.org.Deliver(t.Context(), e[1], e[1]))
	require.NoError(t, a.org.DeliverAll(t.Context()))
	assert.Equal(t, [][]string{
		{"user.account.lock", "user.lifecycle.create"},
		{"user.account.lock", "user.account.lock"},
		{"user.account.unlock"},
	}, rc.received(t))

	for range 3 {
		a.org.SetStatus(u.ID, oktatest.LockedOut)
		a.org.SetStatus(u.ID, oktatest.Active)
	}
	require.NoError(t, a.org.DeliverAll(t.Context()))
	assert.Len(t, rc.received(t), 6, "six events, two an envelope")
}

func TestDeliver_RetriesOnceAndOnly5xx(t *testing.T) {
	for status, c := range map[int]struct {
		calls int
		taken bool
	}{
		200: {1, true}, 204: {1, true},
		202: {1, false}, 302: {1, false}, 400: {1, false}, 401: {1, false}, 413: {1, false}, 429: {1, false},
		500: {2, false}, 503: {2, false},
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			rc := receive(t)
			a := start(t, oktatest.Options{AllowHTTPHooks: true})
			a.hook(rc.URL, "user.lifecycle.create")
			rc.respond(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", rc.URL)
				w.WriteHeader(status)
			})
			a.org.AddUser(person("ann"), oktatest.Provisioned)
			err := a.org.DeliverAll(t.Context())
			assert.Len(t, rc.received(t), c.calls)
			assert.Empty(t, a.org.Pending(), "lost or not, Okta does not send it again")
			if c.taken {
				require.NoError(t, err)
				return
			}
			var lost *oktatest.DeliveryError
			require.ErrorAs(t, err, &lost)
			assert.Equal(t, status, lost.Status)
			assert.Equal(t, c.calls, lost.Tries)
			assert.NotContains(t, err.Error(), "s3cret")
		})
	}
}

func TestDeliver_RetryThatSucceedsIsASuccess(t *testing.T) {
	rc := receive(t)
	a := start(t, oktatest.Options{AllowHTTPHooks: true})
	a.hook(rc.URL, "user.lifecycle.create")
	first := true
	rc.respond(func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	a.org.AddUser(person("ann"), oktatest.Provisioned)
	require.NoError(t, a.org.DeliverAll(t.Context()))
	assert.Equal(t, [][]string{{"user.lifecycle.create"}, {"user.lifecycle.create"}}, rc.received(t))
	assert.Equal(t, rc.posts[0], rc.posts[1])
}

func TestDeliver_GivesUpAfterThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := false
		a := start(t, oktatest.Options{HookClient: &http.Client{Transport: oktatest.InProcess(http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				if slow {
					<-r.Context().Done()
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"verification":"` + r.Header.Get("X-Okta-Verification-Challenge") + `"}`))
			}))}})
		a.hook("https://hooks.example.com/okta", "user.lifecycle.create")
		slow = true
		a.org.AddUser(person("ann"), oktatest.Provisioned)
		began := time.Now()
		err := a.org.DeliverAll(t.Context())
		assert.Equal(t, 6*time.Second, time.Since(began), "twice 3 s")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var lost *oktatest.DeliveryError
		require.ErrorAs(t, err, &lost)
		assert.Equal(t, 2, lost.Tries)
	})
}

func TestAutoDeliver(t *testing.T) {
	rc := receive(t)
	lost := make(chan error, 1)
	a := start(t, oktatest.Options{AllowHTTPHooks: true, Lost: func(err error) { lost <- err }})
	a.hook(rc.URL, "user.lifecycle.create")
	got := make(chan string, 10)
	rc.respond(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		got <- r.Method
	})
	a.org.AddUser(person("ann"), oktatest.Provisioned) // before
	a.org.AutoDeliver(true)
	<-got
	a.org.AddUser(person("bob"), oktatest.Provisioned)
	<-got
	rc.respond(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	a.org.AddUser(person("cat"), oktatest.Provisioned)
	var refused *oktatest.DeliveryError
	assert.True(t, errors.As(<-lost, &refused))
	a.org.AutoDeliver(false)
	a.org.AutoDeliver(false)
	a.org.AddUser(person("dan"), oktatest.Provisioned)
	assert.Len(t, a.org.Pending(), 1)
	assert.Len(t, rc.received(t), 3)
}
