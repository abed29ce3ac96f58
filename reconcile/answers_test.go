package reconcile

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

const signIn = "<!DOCTYPE html><html><title>Sign in to the proxy</title></html>"

// TestE4_AnswersThatAreNoneLoseAndDoubleNothing lets ZenQMS do what it is asked
// and answer something else, or be replaced by something else, and Okta alike,
// while somebody comes, somebody moves and somebody leaves.
func TestE4_AnswersThatAreNoneLoseAndDoubleNothing(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json"}}
	for name, x := range map[string]struct {
		fault zenqmstest.Fault
		say   string
	}{
		"a page for people":            {zenqmstest.Fault{Body: signIn}, "not JSON but text/html"},
		"a page, called JSON":          {zenqmstest.Fault{Body: signIn, Header: json}, "could not be read"},
		"a page instead of the API":    {zenqmstest.Fault{Status: 404, Body: signIn}, "check the base URL"},
		"cut off":                      {zenqmstest.Fault{Body: `{"data": [{"id": 1, "ema`, Header: json}, "could not be read"},
		"null":                         {zenqmstest.Fault{Body: `null`, Header: json}, "no list named data|no id|no is_active"},
		"an object of nothing":         {zenqmstest.Fault{Body: `{}`, Header: json}, "no list named data|no id|no is_active"},
		"a list":                       {zenqmstest.Fault{Body: `[]`, Header: json}, "could not be read"},
		"a row that is not whole":      {zenqmstest.Fault{Body: `{"data": [{"id": 1}], "id": 1}`, Header: json}, "no is_active"},
		"a number":                     {zenqmstest.Fault{Body: `7`, Header: json}, "could not be read"},
		"a redirect to another host":   {zenqmstest.Fault{Status: 307, Header: http.Header{"Location": {"https://evil.example.com/v2/users"}}}, "evil.example.com, which was not followed"},
		"a redirect to http":           {zenqmstest.Fault{Status: 301, Header: http.Header{"Location": {"http://public-api.zenqms.com/"}}}, "not followed"},
		"a status that does not exist": {zenqmstest.Fault{Status: 799}, "799"},
		"a bad gateway":                {zenqmstest.Fault{Status: 502, Body: signIn}, "502 bad gateway"},
	} {
		t.Run("zenqms: "+name, func(t *testing.T) {
			w := newWorld(t)
			c := newCrisis(w)
			w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, x.fault)
			c.rage(3)
			c.says("zenqms", x.say)
			w.acct.Heal()
			w.breathe()
			c.settle()
		})
	}
	for name, x := range map[string]struct {
		fault oktatest.Fault
		say   string
	}{
		"a page for people":         {oktatest.Fault{Body: []byte(signIn), ContentType: "text/html"}, "is a proxy in the way"},
		"a page, called JSON":       {oktatest.Fault{Body: []byte(signIn)}, "not valid JSON"},
		"a page instead of the API": {oktatest.Fault{Status: 404, Body: []byte(signIn), ContentType: "text/html"}, "404 Not Found"},
		"cut off":                   {oktatest.Fault{Body: []byte(`{"id": "00u1", "sta`)}, "not valid JSON"},
		"null":                      {oktatest.Fault{Body: []byte(`null`)}, "without an id|not a list"},
		"an object of nothing":      {oktatest.Fault{Body: []byte(`{}`)}, "without an id|not a list"},
		"somebody else":             {oktatest.Fault{Body: []byte(`{"id": "00uOther", "status": "DEPROVISIONED"}`)}, "the answer has id|not a list"},
		"a redirect":                {oktatest.Fault{Status: 302, Body: []byte(`{}`)}, "not followed"},
		"a bad gateway":             {oktatest.Fault{Status: 502, Body: []byte(signIn), ContentType: "text/html"}, "502 Bad Gateway"},
	} {
		t.Run("okta: "+name, func(t *testing.T) {
			w := newWorld(t)
			c := newCrisis(w)
			w.org.Fail(oktatest.Match{}, -1, x.fault)
			c.rage(3)
			c.says("okta", x.say)
			assert.Empty(t, w.writes(), "E2: who cannot be read is not written")
			w.org.ClearFaults()
			w.breathe()
			c.settle()
		})
	}
}

// A storm of 429, said or unsaid for how long, costs no attempts, and few calls.
func TestE4_AStormOf429CostsNoAttemptsAndFewCalls(t *testing.T) {
	const rounds = 30
	for name, storm := range map[string]func(*world){
		"zenqms, a second": func(w *world) {
			w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 429, RetryAfter: time.Second})
		},
		"zenqms, unsaid": func(w *world) { w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 429}) },
		"zenqms, of a page": func(w *world) {
			w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 429, Body: signIn})
		},
		"okta, a second": func(w *world) { w.org.Fail(oktatest.Match{}, -1, oktatest.Fault{Status: 429, ResetAfter: time.Second}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := newCrisis(w)
			storm(w)
			w.org.ResetCalls()
			w.acct.ResetCalls()
			for range rounds {
				w.w.ZenQMS = freshClient(t, w) // the old one waits by the real clock
				w.drain()
				w.pass(10 * time.Second)
			}
			calls := len(w.acct.Calls()) + len(w.org.Calls())
			assert.LessOrEqual(t, calls, 4*rounds, "E4: a 429 pauses the client: the others do not call meanwhile")
			w.view(func(tx *store.Tx) error {
				for i := int64(1); ; i++ {
					s, err := tx.RowState(i)
					if err != nil {
						return nil // beyond the last one
					}
					if s.State != store.StateDone {
						assert.Equal(t, store.StateOpen, s.State)
						assert.Zero(t, s.Attempts, "E4: a 429 pauses the client, not the row")
					}
				}
			})
			w.acct.Heal()
			w.org.ClearFaults()
			w.w.ZenQMS = freshClient(t, w)
			c.settle()
		})
	}
}

// freshClient has met no 429 yet.
func freshClient(t *testing.T, w *world) *zenqms.Client {
	client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: zenqms.NoLimit, Transport: w.acct.Transport()})
	require.NoError(t, err)
	return client
}

// A key that is revoked between any two calls stops the drain there; with the
// next key everything goes on.
func TestE4_AKeyRevokedBetweenAnyTwoCallsLosesAndDoublesNothing(t *testing.T) {
	for last := range 6 {
		w := newWorld(t)
		c := newCrisis(w)
		var calls int
		client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
			MaxRequestsPerSecond: zenqms.NoLimit, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if calls++; calls == last+1 {
					w.acct.SetToken("rotated")
				}
				return w.acct.Transport().RoundTrip(r)
			})})
		require.NoError(t, err)
		w.w.ZenQMS = client
		c.rage(5)
		require.True(t, c.anyOpen(), "call %d: somebody still waits", last)
		var why string
		w.view(func(tx *store.Tx) (err error) {
			why, err = tx.Setting(store.DrainStopped)
			return err
		})
		assert.Contains(t, why, "status 401", "E4: `status` says why nothing is sent")
		assert.LessOrEqual(t, calls, last+5*2, "E4: probed once a round, with all else kept")

		w.w.ZenQMS, err = zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: "rotated",
			MaxRequestsPerSecond: zenqms.NoLimit, Transport: w.acct.Transport()})
		require.NoError(t, err)
		c.settle()
	}
}

// appWorld is a world whose Okta client is a service app, and before each of
// whose calls something may happen.
func appWorld(t *testing.T, before func(w *world, call int64)) *world {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	w := newWorld(t, func(o *worldOptions) {
		o.okta.ClientID, o.okta.Key, o.okta.Now, o.okta.PageSizeMax = "0oaApp", &key.PublicKey, nil, 2
	})
	var calls atomic.Int64
	w.w.Okta, err = okta.New(okta.Config{OrgURL: "https://example.okta.com", ClientID: "0oaApp", PrivateKeyID: "k",
		PrivateKey: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			before(w, calls.Add(1))
			return w.org.Transport().RoundTrip(r)
		})})
	require.NoError(t, err)
	return w
}

// An access token that ends in the middle of a walk is replaced, and the walk
// does not notice.
func TestK1_ATokenThatEndsInTheMiddleOfAWalkIsReplaced(t *testing.T) {
	w := appWorld(t, func(w *world, call int64) {
		if call%3 == 0 {
			w.org.RevokeTokens()
		}
	})
	for _, name := range []string{"Ada", "Bea", "Cyd", "Dan", "Eve", "Fay", "Gil"} {
		w.hire(name, "Byron", "ACTIVE")
	}
	w.org.DropAll()
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, store.RunDone, run.State, "%s", run.Error)
	assert.Equal(t, 7, w.acct.Len())
}

// A key of the service app that is revoked in the middle of a walk fails the
// run, which settles nothing.
func TestK1_AnAppThatIsRevokedInTheMiddleOfAWalkSettlesNothing(t *testing.T) {
	w := appWorld(t, func(w *world, call int64) {
		if call == 4 {
			w.org.RevokeTokens()
			w.org.SetApp(func(a *oktatest.App) { a.GrantedScopes = []string{} })
		}
	})
	for _, name := range []string{"Ada", "Bea", "Cyd", "Dan", "Eve", "Fay", "Gil"} {
		w.hire(name, "Byron", "ACTIVE")
	}
	w.org.DropAll()
	run := w.walk(store.ReconcileRun)
	assert.Equal(t, store.RunFailed, run.State)
	assert.Contains(t, run.Error, "access token", "the runs report says why")
	assert.Zero(t, w.acct.Len(), "K1: a walk that did not read all settles nothing")
	var why string
	w.view(func(tx *store.Tx) (err error) {
		why, err = tx.Setting(store.WalkRefused)
		return err
	})
	assert.NotEmpty(t, why, "E4: and `status` that a credential is refused")
}
