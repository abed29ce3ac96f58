package okta

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// signalContext tells when somebody begins to wait for its end.
type signalContext struct {
	context.Context
	waiting chan<- struct{}
}

func (c signalContext) Done() <-chan struct{} {
	c.waiting <- struct{}{}
	return c.Context.Done()
}

func TestWhoeverWaitsForATokenSharesItsFailure(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	calls := 0
	c, err := New(Config{
		OrgURL: "https://example.okta.com", ClientID: "0oaApp", PrivateKeyID: "k",
		PrivateKey: pem.EncodeToMemory(&pem.Block{Type: pkcs1Type, Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			calls++
			return nil, errors.New("unreachable")
		}),
	})
	require.NoError(t, err)
	s := c.session
	s.turn <- struct{}{} // a token call is under way

	const others = 5
	waiting, failed := make(chan struct{}), make(chan error)
	for range others {
		go func() {
			_, err := s.build(signalContext{t.Context(), waiting}, s.client.CloneRequestExecutor(), request{method: http.MethodGet, path: "/"})
			failed <- err
		}()
	}
	for range others {
		<-waiting
	}
	s.failure = tokenError(errors.New("it failed"))
	s.failures.Add(1)
	<-s.turn
	for range others {
		assert.ErrorContains(t, <-failed, "it failed")
	}
	assert.Zero(t, calls)

	_, err = c.User(t.Context(), "00u1")
	assert.ErrorContains(t, err, "unreachable", "whoever comes later tries anew")
	assert.Equal(t, 1, calls)
}
