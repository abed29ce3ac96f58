package rotation

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// taking answers as a relay does that takes whatever secret.
func taking(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(`{"verification":"` + r.Header.Get("X-Okta-Verification-Challenge") + `"}`))
}

// nowhere is an address at which nobody listens.
const nowhere = "https://127.0.0.1:1/okta/events"

func TestOnlyTheRelaysOwnCertificateIsTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(taking))
	defer server.Close()
	dir := t.TempDir()
	own, other := filepath.Join(dir, "own.crt"), filepath.Join(dir, "other.crt")
	for name, der := range map[string][]byte{own: server.Certificate().Raw, other: []byte("another")} {
		require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	}
	r := Relay{Listen: server.Listener.Addr().String(), PublicURL: nowhere, CertFile: own, Alive: func() bool { return true }}
	took, err := r.takes(t.Context(), "secret")
	require.NoError(t, err)
	assert.True(t, took)
	r.CertFile = other
	_, err = r.takes(t.Context(), "secret")
	require.ErrorContains(t, err, "it has another certificate than "+other)
}

func TestWhatIsNoRelayIsNotBelieved(t *testing.T) {
	var leaked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Add(1)
		taking(w, r)
	}))
	defer elsewhere.Close()
	for name, handler := range map[string]http.HandlerFunc{
		"a page":            func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("It works!")) },
		"another challenge": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"verification":"x"}`)) },
		"a proxy's error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"a redirect":        func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			r := Relay{Listen: server.Listener.Addr().String(), PublicURL: nowhere, Alive: func() bool { return true }}
			_, err := r.takes(t.Context(), "s3cret")
			require.ErrorContains(t, err, "is no relay")
			assert.NotContains(t, err.Error(), "s3cret")
		})
	}
	assert.Zero(t, leaked.Load(), "a secret follows no redirect")
}

func TestTheRelayIsFoundAtItsPublicAddressToo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(taking))
	defer server.Close()
	r := Relay{Listen: "127.0.0.1:1", PublicURL: server.URL, Alive: func() bool { return true }}
	took, err := r.takes(t.Context(), "secret")
	require.NoError(t, err)
	assert.True(t, took)
	r.PublicURL = nowhere
	_, err = r.takes(t.Context(), "secret")
	require.ErrorContains(t, err, "the relay does not answer at 127.0.0.1:1 (")
}
