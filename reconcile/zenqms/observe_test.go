package zenqms_test

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func TestObserveIsToldOfEveryCallWithoutIDs(t *testing.T) {
	account := zenqmstest.New(zenqmstest.Options{Token: key})
	role := strconv.FormatInt(account.AddRole("Reviewer").ID, 10)
	told := map[string]int{}
	client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.test", APIKey: key, MaxRequestsPerSecond: zenqms.NoLimit,
		Transport: account.Transport(),
		Observe: func(call string, status int, d time.Duration) {
			assert.Positive(t, d)
			told[fmt.Sprint(call, " ", status)]++
		}})
	require.NoError(t, err)
	u, err := client.Create(t.Context(), zenqms.NewUser{Email: "a@example.com", FirstName: "A", LastName: "B", Title: "C"})
	require.NoError(t, err)
	_, err = client.ByEmail(t.Context(), "a@example.com")
	require.NoError(t, err)
	title := "D"
	_, err = client.Update(t.Context(), u.ID, zenqms.Patch{Title: &title})
	require.NoError(t, err)
	_, err = client.AddRoles(t.Context(), u.ID, []string{role})
	require.NoError(t, err)
	_, err = client.RemoveRoles(t.Context(), u.ID, []string{role})
	require.NoError(t, err)
	_, err = client.Update(t.Context(), "404", zenqms.Patch{Title: &title})
	require.Error(t, err)
	for _, call := range []string{"POST users 201", "POST users/search 200", "PATCH users/{id} 200", "PATCH users/{id} 404", "POST roles/search 200"} {
		assert.Positive(t, told[call], "%s; told: %v", call, told)
	}
	for call := range told {
		assert.NotContains(t, call, u.ID+" ", "no id is told")
		assert.NotContains(t, call, "404/", "no id is told")
	}
	assert.Contains(t, strings.Join(slices.Collect(maps.Keys(told)), "\n"), "DELETE users/{id}/")
}

func TestObserveIsToldOfWhatGotNoAnswer(t *testing.T) {
	var told []string
	client, err := zenqms.New(zenqms.Config{BaseURL: "http://127.0.0.1:1", APIKey: key,
		Observe: func(call string, status int, _ time.Duration) { told = append(told, fmt.Sprint(call, " ", status)) }})
	require.NoError(t, err)
	require.Error(t, client.Ping(t.Context()))
	assert.Equal(t, []string{"POST users/search 0"}, told)
}

func TestPaceTellsTheRateAndThePause(t *testing.T) {
	account, unlimited := onAccount(t, zenqmstest.Options{})
	perSecond, pause := unlimited.Pace()
	assert.Equal(t, math.Inf(1), perSecond)
	assert.Zero(t, pause)

	account.Fail(zenqmstest.OnAny, 1, zenqmstest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 30 * time.Second})
	client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.test", APIKey: key, MaxRequestsPerSecond: 25, Transport: account.Transport()})
	require.NoError(t, err)
	require.Error(t, client.Ping(t.Context()))
	perSecond, pause = client.Pace()
	assert.InDelta(t, 25, perSecond, 0)
	assert.InDelta(t, 30, pause.Seconds(), 5)
}
