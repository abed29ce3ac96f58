package okta_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

func TestObserveIsToldOfEveryAttempt(t *testing.T) {
	org := oktatest.New(oktatest.Options{ClientID: "0oa1", Key: &appKey().PublicKey})
	u := org.AddUser(oktatest.Profile{Email: "a@example.com", FirstName: "A", LastName: "B"}, oktatest.Active)
	var mu sync.Mutex
	var told []string
	client, err := okta.New(okta.Config{OrgURL: serve(t, org), ClientID: "0oa1", PrivateKey: pkcs1PEM(), PrivateKeyID: "k",
		Observe: func(call string, status int, d time.Duration) {
			assert.Positive(t, d)
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprint(call, " ", status))
		}})
	require.NoError(t, err)
	_, err = client.User(t.Context(), u.ID)
	require.NoError(t, err)
	_, err = client.User(t.Context(), "00u0none")
	require.Error(t, err)
	org.Fail(oktatest.Match{}, 1, oktatest.Fault{Status: http.StatusServiceUnavailable})
	_, err = client.ListUsers(t.Context(), okta.Query{})
	require.Error(t, err)
	assert.Equal(t, []string{"POST token 200", "GET users/{id} 200", "GET users/{id} 404", "GET users 503"}, told)
}

func TestObserveIsToldOfWhatGotNoAnswer(t *testing.T) {
	var told []string
	client, err := okta.New(okta.Config{OrgURL: "http://127.0.0.1:1", APIToken: apiToken,
		Observe: func(call string, status int, d time.Duration) { told = append(told, fmt.Sprint(call, " ", status)) }})
	require.NoError(t, err)
	_, err = client.User(t.Context(), "00u1")
	require.Error(t, err)
	assert.Equal(t, []string{"GET users/{id} 0"}, told)
}

func TestRatesAreThoseThatOktaHasTold(t *testing.T) {
	for _, share := range []float64{0.5, 1} {
		org := oktatest.New(oktatest.Options{Token: apiToken})
		client, err := okta.New(okta.Config{OrgURL: serve(t, org), APIToken: apiToken, RateShare: share})
		require.NoError(t, err)
		assert.Empty(t, client.Rates())
		_, err = client.ListUsers(t.Context(), okta.Query{})
		require.NoError(t, err)
		rates := client.Rates()
		require.Len(t, rates, 1)
		assert.Equal(t, client.Rate(), rates["users"])
		assert.Positive(t, rates["users"].Limit)
	}
}
