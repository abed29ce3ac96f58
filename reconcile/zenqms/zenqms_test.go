package zenqms_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// key is long enough not to occur in a text by chance.
const key = "k3y-0f-th3-t3st+/&acc0unt"

// onAccount gives a fake account and a client of it, without a network.
func onAccount(t *testing.T, opts zenqmstest.Options) (*zenqmstest.Account, *zenqms.Client) {
	t.Helper()
	opts.Token = key
	account := zenqmstest.New(opts)
	client, err := zenqms.New(zenqms.Config{
		BaseURL: "https://zenqms.test", APIKey: key,
		MaxRequestsPerSecond: zenqms.NoLimit, Transport: account.Transport(),
	})
	require.NoError(t, err)
	return account, client
}

// server answers every call with what handle says, over a real connection,
// and keeps what was asked.
type server struct {
	mu     sync.Mutex
	calls  []seen
	handle http.HandlerFunc
	client *zenqms.Client
	url    string
}

type seen struct {
	method, path string
	header       http.Header
	body         string
}

func onServer(t *testing.T, handle http.HandlerFunc) *server {
	t.Helper()
	s := &server{handle: handle}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if !assert.NoError(t, err) {
			return
		}
		s.mu.Lock()
		s.calls = append(s.calls, seen{r.Method, r.URL.EscapedPath(), r.Header, string(body)})
		s.mu.Unlock()
		s.handle(w, r)
	}))
	t.Cleanup(web.Close)
	s.url = web.URL
	s.client = newClient(t, zenqms.Config{BaseURL: web.URL})
	return s
}

func newClient(t *testing.T, cfg zenqms.Config) *zenqms.Client {
	t.Helper()
	cfg.APIKey, cfg.MaxRequestsPerSecond = key, zenqms.NoLimit
	client, err := zenqms.New(cfg)
	require.NoError(t, err)
	return client
}

func (s *server) seen() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// says answers with one status and body.
func says(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func saysJSON(status int, body string) http.HandlerFunc {
	return says(status, "application/json", body)
}

func asError(t *testing.T, err error) *zenqms.Error {
	t.Helper()
	var e *zenqms.Error
	require.True(t, errors.As(err, &e), "%T: %v", err, err)
	return e
}
