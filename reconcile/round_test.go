package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// endless has Okta's lists whose path ends in some way go on under links that are
// new each time, after their first page, with pages that say nothing new. A walk has
// to notice within 200 pages, by how many in a row are barren or by itself.
func endless(m *mapped, path string, barren int, page func(n int64, first []json.RawMessage) []json.RawMessage) (mend func()) {
	var on atomic.Bool
	on.Store(true)
	var calls atomic.Int64
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if !on.Load() || !strings.HasSuffix(r.URL.Path, path) {
			return m.org.Transport().RoundTrip(r)
		}
		n := calls.Add(1)
		if n > 200 {
			m.Errorf("K1: a walk ends, whatever links there are")
			on.Store(false)
			return m.org.Transport().RoundTrip(r)
		}
		first := r.Clone(r.Context())
		query := first.URL.Query()
		query.Del("after")
		first.URL.RawQuery = query.Encode()
		resp, err := m.org.Transport().RoundTrip(first)
		if err != nil {
			return nil, err
		}
		if n > 1 {
			var rows []json.RawMessage
			if err := json.NewDecoder(resp.Body).Decode(&rows); err != nil {
				return nil, err
			}
			body, err := json.Marshal(page(n, rows))
			if err != nil {
				return nil, err
			}
			resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			resp.Header.Del("Content-Length")
		}
		resp.Header.Set("Link", fmt.Sprintf(`<https://example.okta.com%s?after=%d>; rel="next"`, r.URL.Path, n))
		return resp, nil
	})})
	require.NoError(m, err)
	m.w.Okta, m.w.barren = client, barren
	return func() { on.Store(false) }
}

// circling has the lists go round: each link to the next page leads to the same page.
func circling(m *mapped, path string) (mend func()) {
	return endless(m, path, mostBarren, func(_ int64, first []json.RawMessage) []json.RawMessage { return first })
}

// nothingNew are pages that never repeat one that came before, as far as a round sees.
var nothingNew = map[string]func(n int64, first []json.RawMessage) []json.RawMessage{
	"nobody": func(int64, []json.RawMessage) []json.RawMessage { return []json.RawMessage{} },
	"the same in another order": func(n int64, first []json.RawMessage) []json.RawMessage {
		dice := rand.New(rand.NewPCG(uint64(n), 0))
		dice.Shuffle(len(first), func(i, j int) { first[i], first[j] = first[j], first[i] })
		return first
	},
}

func TestK1_AListWithoutAnEndSettlesNothing(t *testing.T) {
	for what, page := range nothingNew {
		for _, kind := range []store.RunKind{store.ReconcileRun, store.InitialRun} {
			t.Run(what+": "+string(kind), func(t *testing.T) {
				m := newMapped(t)
				for i := range 40 {
					m.hire(fmt.Sprintf("Ada%d", i), "Byron", "ACTIVE")
				}
				m.org.DropAll()
				mend := endless(m, "/api/v1/users", 60, page)
				run := m.walk(kind)
				assert.Equal(t, store.RunFailed, run.State)
				assert.Contains(t, run.Error, "the list would never end")
				assert.Empty(t, m.writes(), "K1: it settles nothing")
				mend()
				m.walk(kind)
				assert.Equal(t, 40, m.acct.Len())
			})
		}
	}
}

func TestW3_MembersWithoutAnEndFreezeTheirRoles(t *testing.T) {
	for what, page := range nothingNew {
		t.Run(what, func(t *testing.T) {
			m := newMapped(t)
			ids := make([]string, 40)
			for i := range ids {
				ids[i] = m.hire(fmt.Sprintf("Ada%d", i), "Byron", "ACTIVE").ID
				m.org.AddMember(m.qa, ids[i])
			}
			m.sync()
			require.Equal(t, []string{"Reviewer"}, m.roles(ids[0]))
			m.org.RemoveMember(m.qa, ids[0])
			m.org.DropAll()
			mend := endless(m, m.qa+"/users", 60, page)
			run := m.walk(store.ReconcileRun)
			assert.Equal(t, store.RunDone, run.State, "W3: all else goes on; %s", run.Error)
			assert.Equal(t, []string{"Reviewer"}, m.roles(ids[0]), "W3: what was not read whole takes nothing from anybody")
			m.view(func(tx *store.Tx) error {
				groups, err := tx.MappedGroups()
				for _, g := range groups {
					assert.Equal(t, g.ID == m.qa, strings.Contains(g.Frozen, "never end"), "%s: %s", g.Name, g.Frozen)
				}
				return err
			})
			mend()
			m.walk(store.ReconcileRun)
			assert.Empty(t, m.roles(ids[0]))
		})
	}
}

// Okta's lists may have pages of nobody, and go on behind them.
func TestK1_PagesOfNobodyAreNoEnd(t *testing.T) {
	r := newRound(0)
	for range mostBarren - 1 {
		require.NoError(t, r.next(nil))
		require.NoError(t, r.kept(0))
	}
	require.NoError(t, r.kept(1))
	for range mostBarren - 1 {
		require.NoError(t, r.kept(0), "somebody new begins the count anew")
	}
	require.ErrorContains(t, r.kept(0), "100000 pages one after the other brought nobody new")
}

func TestK1_AListThatGoesRoundInCirclesSettlesNothing(t *testing.T) {
	m := newMapped(t)
	for _, name := range []string{"Ada", "Bea", "Cyd"} {
		m.hire(name, "Byron", "ACTIVE")
	}
	m.org.DropAll()
	mend := circling(m, "/api/v1/users")
	run := m.walk(store.ReconcileRun)
	assert.Equal(t, store.RunFailed, run.State)
	assert.Contains(t, run.Error, "the list would never end")
	assert.Empty(t, m.writes(), "K1: it settles nothing")
	mend()
	m.walk(store.ReconcileRun)
	assert.Equal(t, 3, m.acct.Len())
}

func TestW3_MembersThatGoRoundInCirclesFreezeTheirRoles(t *testing.T) {
	m := newMapped(t)
	ada, bea := m.hire("Ada", "Byron", "ACTIVE"), m.hire("Bea", "Burns", "ACTIVE")
	m.org.AddMember(m.qa, ada.ID)
	m.org.AddMember(m.boss, bea.ID)
	m.sync()
	mend := circling(m, m.qa+"/users")
	m.org.RemoveMember(m.boss, bea.ID)
	m.org.DropAll()
	run := m.walk(store.ReconcileRun)
	assert.Equal(t, store.RunDone, run.State, "W3: all else goes on; %s", run.Error)
	assert.Equal(t, []string{"Reviewer"}, m.roles(ada.ID))
	assert.Empty(t, m.roles(bea.ID))
	m.view(func(tx *store.Tx) error {
		groups, err := tx.MappedGroups()
		for _, g := range groups {
			assert.Equal(t, g.ID == m.qa, strings.Contains(g.Frozen, "never end"), "%s: %s", g.Name, g.Frozen)
		}
		return err
	})
	mend()
}

// What a sweep takes for an id of Okta's it asks Okta's list for; one that never
// ends must neither hold unlink up for ever nor pass for all there are.
func TestC3_UsersWithoutAnEndEndTheSweep(t *testing.T) {
	m := newMapped(t)
	ada := m.hire("Ada", "Byron", "ACTIVE")
	m.sync()
	mend := circling(m, "/api/v1/users")
	_, err := m.unlinking().Survey(t.Context(), true)
	require.ErrorContains(t, err, "read the users of Okta, to tell their ids from others")
	require.ErrorContains(t, err, "the list would never end")
	assert.Equal(t, ada.ID, m.account(ada.ID).ExternalID, "C3: nothing is cleared by a list that was not read whole")
	mend()
	assert.Equal(t, store.UnlinkCount{Cleared: 1}, m.unlink(true).UnlinkCount)
}
