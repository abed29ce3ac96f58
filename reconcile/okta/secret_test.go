package okta_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
)

// jwt is what an assertion or a part of one looks like.
var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}`)

func assertNoAssertion(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		assert.NotRegexp(t, jwt, err.Error())
	}
}

func TestAssertionStaysOutOfErrors(t *testing.T) {
	t.Run("no server", func(t *testing.T) {
		c, err := okta.New(okta.Config{OrgURL: "http://127.0.0.1:1", ClientID: "0oaApp", PrivateKey: pkcs1PEM(), PrivateKeyID: "k"})
		require.NoError(t, err)
		_, err = c.User(t.Context(), "00u1")
		assert.Equal(t, 0, okta.StatusOf(err))
		assert.ErrorContains(t, err, "connection refused")
		assertNoAssertion(t, err)
	})
	t.Run("quoted by the server", func(t *testing.T) {
		var sent string
		c := appClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent = r.URL.Query().Get("client_assertion")
			status(400, "application/json", `{"error":"invalid_client","error_description":"bad: `+sent+`"}`)(w, r)
		}))
		_, err := c.User(t.Context(), "00u1")
		assert.ErrorContains(t, err, "bad: ***")
		require.Regexp(t, jwt, sent)
		assertNoAssertion(t, err)
	})
	t.Run("quoted by the transport", func(t *testing.T) {
		c, err := okta.New(okta.Config{
			OrgURL: "https://example.okta.com", ClientID: "0oaApp", PrivateKey: pkcs1PEM(), PrivateKeyID: "k",
			Transport: transport(func(r *http.Request) (*http.Response, error) {
				return nil, errors.New("proxy: cannot reach " + r.URL.String())
			}),
		})
		require.NoError(t, err)
		_, err = c.User(t.Context(), "00u1")
		assert.ErrorContains(t, err, "proxy: cannot reach")
		assertNoAssertion(t, err)
	})
}

func TestAccessTokenQuotedByOktaStaysOutOfErrors(t *testing.T) {
	c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status(403, "application/json", `{"errorCode":"E0","errorSummary":"no `+r.Header.Get("Authorization")+`"}`)(w, r)
	}))
	_, err := c.User(t.Context(), "00u1")
	assert.ErrorContains(t, err, "no SSWS ***")
	assert.NotContains(t, err.Error(), apiToken)
}

// transport is a transport made of a function.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestHookSecretQuotedByOktaStaysOutOfErrors(t *testing.T) {
	c := tokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Contains(t, string(sent), hookSecret)
		body, err := json.Marshal(map[string]any{
			"errorCode": "E0000001", "errorSummary": "Api validation failed: " + hookSecret,
			"errorCauses": []map[string]string{{"errorSummary": "authScheme.value: bad value " + hookSecret}},
		})
		assert.NoError(t, err)
		status(http.StatusBadRequest, "application/json", string(body))(w, r)
	}))
	spec := okta.HookSpec{Name: "n", URL: "https://hooks.example.com", Secret: hookSecret}
	_, err := c.CreateHook(t.Context(), spec)
	assert.ErrorContains(t, err, "bad value ***")
	assert.NotContains(t, err.Error(), hookSecret)
	_, err = c.UpdateHook(t.Context(), "who1", spec)
	assert.ErrorContains(t, err, "bad value ***")
	assert.NotContains(t, err.Error(), hookSecret)
}

func TestErrorOfAQueryHoldsNoAddress(t *testing.T) {
	c, err := okta.New(okta.Config{OrgURL: "http://127.0.0.1:1", APIToken: apiToken})
	require.NoError(t, err)
	_, err = c.FindUsers(t.Context(), "erika@example.com")
	for e := err; e != nil; e = errors.Unwrap(e) {
		assert.NotContains(t, e.Error(), "erika")
		assert.NotContains(t, e.Error(), apiToken)
	}
}
