package reconcile

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// circling has Okta's lists whose path ends in some way go round: the link to
// each next page is a new one each time and leads to the same page.
func circling(m *mapped, path string) (mend func()) {
	var on atomic.Bool
	on.Store(true)
	var calls atomic.Int64
	client, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", APIToken: "token", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if !on.Load() || !strings.HasSuffix(r.URL.Path, path) {
			return m.org.Transport().RoundTrip(r)
		}
		n := calls.Add(1)
		if n > 100 {
			m.Errorf("K1: a walk ends, whatever links there are")
			on.Store(false)
			return m.org.Transport().RoundTrip(r)
		}
		first := r.Clone(r.Context())
		query := first.URL.Query()
		query.Del("after")
		first.URL.RawQuery = query.Encode()
		resp, err := m.org.Transport().RoundTrip(first)
		if err == nil {
			resp.Header.Set("Link", fmt.Sprintf(`<https://example.okta.com%s?after=%d>; rel="next"`, r.URL.Path, n))
		}
		return resp, err
	})})
	require.NoError(m, err)
	m.w.Okta = client
	return func() { on.Store(false) }
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
