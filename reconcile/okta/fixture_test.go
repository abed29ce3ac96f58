package okta_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/okta/oktatest/oktaspec"
)

const apiToken = "00Secret-SSWS-token"

// newOrg serves a fake org over real HTTP, every exchange held against Okta's own description of its API, and gives a
// client with an API token.
func newOrg(t *testing.T, opts oktatest.Options) (*oktatest.Org, *okta.Client) {
	t.Helper()
	opts.Token = apiToken
	org := oktatest.New(opts)
	return org, tokenClient(t, oktaspec.Wrap(t, org))
}

// tokenClient gives a client of a server that is not up to Okta's description of its API.
func tokenClient(t *testing.T, h http.Handler) *okta.Client {
	t.Helper()
	c, err := okta.New(okta.Config{OrgURL: serve(t, h), APIToken: apiToken, Timeout: 5 * time.Second})
	require.NoError(t, err)
	return c
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// appKey is the service app's key. It takes a while to make.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pkcs1PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())})
}

func pkcs8PEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// newAppOrg serves a fake org like newOrg, and gives a client that is a service app.
func newAppOrg(t *testing.T, opts oktatest.Options) (*oktatest.Org, *okta.Client) {
	t.Helper()
	opts.ClientID, opts.Key = "0oaApp", &appKey().PublicKey
	org := oktatest.New(opts)
	return org, appClient(t, oktaspec.Wrap(t, org))
}

func appClient(t *testing.T, h http.Handler) *okta.Client {
	t.Helper()
	c, err := okta.New(okta.Config{
		OrgURL: serve(t, h), ClientID: "0oaApp", PrivateKey: pkcs1PEM(), PrivateKeyID: "key-1", Timeout: 5 * time.Second,
	})
	require.NoError(t, err)
	return c
}

// page answers with JSON, and with the Link header lines given.
func page(body string, links ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, link := range links {
			w.Header().Add("Link", link)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body)) // the client may have gone
	}
}

func status(code int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body)) // the client may have gone
	}
}
