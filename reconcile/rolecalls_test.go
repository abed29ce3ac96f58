package reconcile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// A role call may have acted though its answer was lost. When his groups then
// say again what was last recorded, nothing but a mark set before the call
// tells that the account has to be looked at.
func TestW3_ARoleCallWhoseOutcomeIsUnknownIsSettledByTheNextSync(t *testing.T) {
	for name, c := range map[string]struct {
		first, then func(m *mapped, id string)
		want        []string
	}{
		"taken, and given back": {
			first: func(m *mapped, id string) { m.org.RemoveMember(m.qa, id) },
			then:  func(m *mapped, id string) { m.org.AddMember(m.lab, id) },
			want:  []string{"Reviewer"},
		},
		"given, and taken back": {
			first: func(m *mapped, id string) { m.org.AddMember(m.boss, id) },
			then:  func(m *mapped, id string) { m.org.RemoveMember(m.boss, id) },
			want:  []string{"Reviewer"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMapped(t)
			u := m.hire("Ada", "Byron", "ACTIVE")
			m.org.AddMember(m.qa, u.ID)
			m.sync()
			require.Equal(t, []string{"Reviewer"}, m.roles(u.ID))
			before := m.roles(u.ID)
			m.acct.Fail(zenqmstest.Match{Path: "/v2/users/*/roles/*"}, 1, zenqmstest.Fault{DropAfter: true})
			c.first(m, u.ID)
			m.sync()
			require.NotEqual(t, before, m.roles(u.ID), "the call acted")
			c.then(m, u.ID)
			m.pass(time.Minute)
			m.sync()
			assert.Equal(t, c.want, m.roles(u.ID))
			m.acct.ResetCalls()
			m.walk(store.ReconcileRun)
			assert.Len(t, m.acct.Calls(), 1, "K4: all is known again, and only the list of roles is asked for")
		})
	}
}

// In the sync that makes or finds an account there is no link yet on which the
// call could be marked; it is written down first.
func TestW3_ARoleCallOfANewLinkWhoseOutcomeIsUnknownIsSettledByTheNextSync(t *testing.T) {
	for name, had := range map[string]bool{"an account is made": false, "an account is found": true} {
		t.Run(name, func(t *testing.T) {
			m := newMapped(t)
			if had {
				m.acct.AddUser(ada(true))
			}
			u := m.hire("Ada", "Byron", "ACTIVE")
			m.org.AddMember(m.qa, u.ID)
			m.acct.Fail(zenqmstest.Match{Path: "/v2/users/*/roles/*"}, 1, zenqmstest.Fault{DropAfter: true})
			m.sync()
			require.Equal(t, []string{"Reviewer"}, m.roles(u.ID), "the call acted")
			m.org.RemoveMember(m.qa, u.ID)
			m.pass(time.Minute)
			m.sync()
			assert.Empty(t, m.roles(u.ID), "W3: in none of its groups")
			assert.Empty(t, m.holds(), "B1: he did not have it before")
			m.acct.ResetCalls()
			m.walk(store.ReconcileRun)
			assert.Empty(t, m.writes(), "K4")
		})
	}
}

func TestB1_ALinkStaysNewUntilItsFirstSyncHasComeToItsEnd(t *testing.T) {
	m := newMapped(t)
	a := ada(true)
	a.Roles = []zenqmstest.Role{m.approver}
	m.acct.AddUser(a)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.org.DropAll()
	m.acct.Fail(zenqmstest.Match{Path: "/v2/users/*/roles/add"}, 1, zenqmstest.Fault{Status: 503})
	m.walk(store.InitialRun)
	require.Equal(t, []string{"Approver"}, m.roles(u.ID))
	require.NotEmpty(t, m.link(u.ID).ZenQMSID)
	m.pass(time.Minute)
	m.drain()
	assert.ElementsMatch(t, []string{"Approver", "Reviewer"}, m.roles(u.ID), "B1: given, and nothing taken")
	assert.Len(t, m.holds(), 1)
}

func TestA1_WhatWasDoneBeforeARoleCallFailedIsInTheLog(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.acct.Fail(zenqmstest.Match{Path: "/v2/users/*/roles/add"}, 1, zenqmstest.Fault{Status: 503})
	m.sync()
	assert.ElementsMatch(t, []string{"create ok", "add_role failed"}, m.lastLog(u.ID, 2))
	rows := m.report("log", store.ReportArgs{})
	require.Len(t, rows, 2)
	assert.Equal(t, rows[0]["attempt"], rows[1]["attempt"], "A1: they share the attempt")
	m.pass(time.Minute)
	m.drain()
	assert.Equal(t, []string{"add_role ok"}, m.lastLog(u.ID, 1))
	assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID))
}

func TestB1_AnActivationThatWentThroughIsCountedThoughARoleCallFailed(t *testing.T) {
	m := newMapped(t)
	a := ada(false)
	m.acct.AddUser(a)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.acct.Fail(zenqmstest.Match{Path: "/v2/users/*/roles/add"}, 1, zenqmstest.Fault{Status: 503})
	m.sync()
	require.True(t, m.account(u.ID).Active)
	assert.EqualValues(t, 1, m.spent(store.ActActivate))
}

// A role that ZenQMS has deleted since the last walk takes nothing else with it.
func TestW3_ARoleThatIsGoneWhenItIsToBeGivenHoldsUpNothing(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	m.acct.Fail(zenqmstest.OnAddRoles, zenqmstest.Always, zenqmstest.Fault{Status: 404, Message: "no such role"})
	m.org.AddMember(m.boss, u.ID)
	m.org.RemoveMember(m.qa, u.ID)
	m.sync()
	assert.Empty(t, m.roles(u.ID), "W3: all else goes on: Reviewer is lost")
	assert.Empty(t, m.report("dead", store.ReportArgs{}))
	frozen := func() (names []string) {
		m.view(func(tx *store.Tx) error {
			rules, err := tx.RoleRules()
			for _, r := range rules {
				if r.Frozen != "" {
					names = append(names, r.RoleName)
				}
			}
			return err
		})
		return names
	}
	assert.Equal(t, []string{"Approver"}, frozen(), "W3: and status says so")
	m.acct.Heal()
	m.walk(store.ReconcileRun) // finds it
	assert.Empty(t, frozen())
	m.walk(store.ReconcileRun)
	assert.Equal(t, []string{"Approver"}, m.roles(u.ID), "W3: it is given when it is there")
}
