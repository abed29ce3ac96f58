package reconcile

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// mapped is a world with three pairs: QA and Lab give Reviewer, Boss gives Approver.
type mapped struct {
	*world
	qa, lab, boss                string
	reviewer, approver, unmapped zenqmstest.Role
}

func newMapped(t *testing.T) *mapped {
	m := &mapped{world: newWorld(t)}
	m.qa, m.lab, m.boss = m.org.AddGroup("QA"), m.org.AddGroup("Lab"), m.org.AddGroup("Boss")
	m.reviewer, m.approver, m.unmapped = m.acct.AddRole("Reviewer"), m.acct.AddRole("Approver"), m.acct.AddRole("By Hand")
	m.org.DropAll()
	m.mapRoles(RolePair{"QA", "Reviewer"}, RolePair{"Lab", "Reviewer"}, RolePair{m.boss, idText(m.approver.ID)})
	m.acct.ResetCalls()
	m.org.ResetCalls()
	return m
}

// mapRoles is what deploy does with the config's roles.
func (m *mapped) mapRoles(pairs ...RolePair) {
	m.Helper()
	resolved, err := ResolveRoles(m.Context(), m.w, pairs, func(string) bool { return false })
	require.NoError(m, err)
	m.update(func(tx *store.Tx) error { return tx.SetRolePairs(resolved) })
}

func (m *mapped) roles(id string) (names []string) {
	for _, r := range m.account(id).Roles {
		names = append(names, r.Name)
	}
	return names
}

// hand gives or takes a role in ZenQMS by hand.
func (m *mapped) hand(id string, roles ...zenqmstest.Role) {
	m.acct.Edit(m.account(id).ID, func(u *zenqmstest.User) { u.Roles = roles })
}

func TestW3_RolesFollowGroups(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile"} {
		t.Run(how, func(t *testing.T) {
			m := newMapped(t)
			u := m.hire("Ada", "Byron", "ACTIVE")
			m.org.AddMember(m.qa, u.ID)
			m.by(how)
			assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID), "W3: given on joining, at the creation too")

			m.org.AddMember(m.boss, u.ID)
			m.by(how)
			assert.ElementsMatch(t, []string{"Reviewer", "Approver"}, m.roles(u.ID))
			assert.Equal(t, "add_role ok", m.lastLog(u.ID, 1)[0])

			m.org.AddMember(m.lab, u.ID)
			m.org.RemoveMember(m.qa, u.ID)
			m.by(how)
			assert.ElementsMatch(t, []string{"Reviewer", "Approver"}, m.roles(u.ID), "W3: in one of its groups still")

			m.org.RemoveMember(m.lab, u.ID)
			m.by(how)
			assert.Equal(t, []string{"Approver"}, m.roles(u.ID), "W3: lost on being in none of them")
			assert.Equal(t, "remove_role ok", m.lastLog(u.ID, 1)[0])

			m.acct.ResetCalls()
			m.walk(store.ReconcileRun)
			assert.Empty(t, m.writes(), "K4: quiet afterwards")
		})
	}
}

func TestW3_AMembershipEventTouchesNoFieldsOfAUserWhoHasNotMoved(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.sync()
	m.acct.Edit(m.account(u.ID).ID, edited)
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID))
	assert.Equal(t, "Edited by hand", m.account(u.ID).Title, "W1")
}

func TestW3_RolesOutsideTheMappingAreNeverTouched(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.sync()
	m.hand(u.ID, m.unmapped)
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	m.manual(u.ID)
	m.walk(store.InitialRun)
	m.org.RemoveMember(m.qa, u.ID)
	m.sync()
	assert.Equal(t, []string{"By Hand"}, m.roles(u.ID))
}

func TestW3_AHandGivenOrTakenRoleStaysUntilItsMembershipChangesOrAPush(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	m.hand(u.ID, m.approver) // Reviewer taken, Approver given
	m.pass(time.Minute)
	m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	m.sync()
	m.walk(store.ReconcileRun)
	assert.Equal(t, []string{"Approver"}, m.roles(u.ID), "W3: role by role, neither a change of the profile nor a walk")

	m.org.AddMember(m.boss, u.ID)
	m.org.RemoveMember(m.boss, u.ID)
	m.org.RemoveMember(m.qa, u.ID)
	m.sync()
	assert.Equal(t, []string{"Approver"}, m.roles(u.ID), "Reviewer's membership changed, and there is nothing to take; Approver's is as it was")

	m.manual(u.ID)
	assert.Empty(t, m.roles(u.ID), "W3: sync USER pushes")
	m.hand(u.ID, m.approver)
	m.walk(store.InitialRun)
	assert.Empty(t, m.roles(u.ID), "W3: and so does deploy")
}

func TestW3_GoneUsersKeepTheirRoles(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	m.org.RemoveMember(m.qa, u.ID)
	m.org.SetStatus(u.ID, "DEPROVISIONED")
	m.sync()
	assert.False(t, m.account(u.ID).Active)
	assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID))
	m.org.SetStatus(u.ID, "ACTIVE")
	m.sync()
	assert.Empty(t, m.roles(u.ID), "back, and in none of its groups")
}

func TestW3_AnUnreadableGroupFreezesTheRolesItFeeds(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile"} {
		t.Run(how, func(t *testing.T) {
			m := newMapped(t)
			u := m.hire("Ada", "Byron", "ACTIVE")
			m.org.AddMember(m.qa, u.ID)
			m.org.AddMember(m.boss, u.ID)
			m.sync()
			m.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + m.lab}, -1, oktatest.Fault{Status: 403})
			m.org.RemoveMember(m.qa, u.ID)
			m.org.RemoveMember(m.boss, u.ID)
			m.by(how)
			assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID), "W3: he may be in Lab, which cannot be read; Approver's groups can")
			m.org.ClearFaults()
			m.walk(store.ReconcileRun)
			assert.Empty(t, m.roles(u.ID), "and once it can be read")
		})
	}
}

func TestW3_AGroupCountsAsDeletedOnlyIfAnEventSaidSo(t *testing.T) {
	for _, told := range []bool{false, true} {
		m := newMapped(t)
		u := m.hire("Ada", "Byron", "ACTIVE")
		m.org.AddMember(m.qa, u.ID)
		m.sync()
		m.org.DeleteGroup(m.qa)
		if told {
			m.hooks()
		}
		m.org.DropAll()
		m.walk(store.ReconcileRun)
		if told {
			assert.Empty(t, m.roles(u.ID), "W3: named by the event, and reads 404")
		} else {
			assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID), "W3: a 404 alone freezes")
		}
	}
}

func TestW3_NamesAreResolvedOnceAndARoleThatIsGoneIsFrozen(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	m.acct.RenameRole(m.reviewer.ID, "Renamed")
	m.acct.AddRole("Reviewer") // a second holder of the name
	m.org.RenameGroup(m.qa, "Quality")
	m.org.AddGroup("QA")
	m.org.DropAll()
	m.walk(store.ReconcileRun)
	assert.Equal(t, []string{"Renamed"}, m.roles(u.ID))

	m.acct.RemoveRole(m.approver.ID)
	m.org.AddMember(m.boss, u.ID)
	m.org.DropAll()
	m.acct.ResetCalls()
	run := m.walk(store.ReconcileRun)
	assert.Equal(t, store.RunDone, run.State, "all else goes on")
	assert.Empty(t, m.writes())
	m.view(func(tx *store.Tx) error {
		rules, err := tx.RoleRules()
		for _, r := range rules {
			assert.Equal(t, r.RoleName == "Approver", r.Frozen != "", r.RoleName)
		}
		return err
	})
}

func TestW3_ARefusedRoleIsInTheSkipReportAndTriedAgain(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.org.AddMember(m.boss, u.ID)
	m.acct.Fail(zenqmstest.OnAddRoles, 1, zenqmstest.Fault{Status: 422, Message: "this role needs a licence"})
	m.sync()
	assert.Len(t, m.roles(u.ID), 1, "the other one is given")
	assert.Equal(t, store.SkipRefused, m.skip(u.ID).Code)
	assert.Contains(t, m.skip(u.ID).Reason, "needs a licence")
	m.walk(store.ReconcileRun)
	assert.Len(t, m.roles(u.ID), 2)
	assert.Empty(t, m.skip(u.ID).Code)
}

func TestW3_NeverRolesAndUnknownNamesAreRefusedAtDeploy(t *testing.T) {
	m := newMapped(t)
	m.acct.AddRole("Account Super User")
	m.acct.AddRole("Twice")
	m.acct.AddRole("Twice")
	super := func(role string) bool { return role == "Account Super User" }
	for _, p := range []RolePair{{"QA", "Account Super User"}, {"QA", "Nobody"}, {"QA", "Twice"}} {
		_, err := ResolveRoles(t.Context(), m.w, []RolePair{p}, super)
		assert.ErrorIs(t, err, ErrRoles, "%v", p)
	}
	_, err := ResolveRoles(t.Context(), m.w, []RolePair{{"Nowhere", "Reviewer"}}, super)
	assert.ErrorIs(t, err, ErrGroups)
	m.view(func(tx *store.Tx) error {
		assert.NoError(t, CheckRoles(tx, []RolePair{{"Lab", "Reviewer"}, {"QA", "Reviewer"}, {m.boss, idText(m.approver.ID)}}))
		assert.ErrorIs(t, CheckRoles(tx, []RolePair{{"QA", "Reviewer"}}), ErrRoles)
		return nil
	})
}

func TestW3_AMappingTakenOutOfTheConfigLeavesItsRoles(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	m.mapRoles(RolePair{"Boss", "Approver"})
	m.walk(store.ReconcileRun)
	m.org.RemoveMember(m.qa, u.ID)
	m.sync()
	assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID))
	m.mapRoles(RolePair{"QA", "Reviewer"}, RolePair{"Boss", "Approver"})
	m.org.AddMember(m.boss, u.ID)
	m.sync()
	assert.Contains(t, m.roles(u.ID), "Approver")
}

func TestB1_RoleRemovalsAreBraked(t *testing.T) {
	m := newMapped(t)
	var users []oktatest.User
	for i := range 30 {
		u := m.hire(fmt.Sprintf("P%d", i), "Person", "ACTIVE")
		m.org.AddMember(m.qa, u.ID)
		users = append(users, u)
	}
	m.sync()
	for _, u := range users[:12] {
		m.org.RemoveMember(m.qa, u.ID)
		m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Moved" })
	}
	m.org.DropAll()
	m.walk(store.ReconcileRun)
	require.Len(t, m.holds(), 12, "B1: twelve are more than ten, so all are held")
	assert.Equal(t, []string{"Reviewer"}, m.roles(users[0].ID))
	assert.Equal(t, "Moved", m.account(users[0].ID).Title, "everything else goes on")

	m.acct.ResetCalls()
	m.org.ResetCalls()
	m.walk(store.ReconcileRun)
	assert.Empty(t, m.writes(), "B2: they do not drip")
	assert.Zero(t, m.org.Count("GET /api/v1/users/{id}"), "K4: and cost nothing")
	m.org.AddMember(m.lab, users[0].ID)
	m.sync()
	assert.Len(t, m.holds(), 11, "B2: no longer wanted")
	require.NoError(t, Ruling{Actor: "olga", Reason: "reorganised"}.Approve(t.Context(), m.db, m.holds()[:5]))
	m.drain()
	assert.Empty(t, m.roles(users[1].ID))
	require.NoError(t, Ruling{Actor: "olga", Reason: "no"}.Discard(t.Context(), m.db, m.holds()))
	m.walk(store.ReconcileRun)
	assert.Equal(t, []string{"Reviewer"}, m.roles(users[11].ID), "B2: discard stands")
	assert.Empty(t, m.holds())
	m.org.AddMember(m.qa, users[11].ID)
	m.sync()
	m.org.RemoveMember(m.qa, users[11].ID)
	m.sync()
	assert.Empty(t, m.roles(users[11].ID), "B2: until he is in and out again")
}

func TestB1_HooksThatTakeRolesAreLimitedPerHour(t *testing.T) {
	m := newMapped(t)
	m.w.Brake.RoleRemovals = Limit{Max: 2}
	var users []oktatest.User
	for i := range 6 {
		u := m.hire(fmt.Sprintf("P%d", i), "Person", "ACTIVE")
		m.org.AddMember(m.qa, u.ID)
		users = append(users, u)
	}
	m.sync()
	for _, u := range users[:4] {
		m.org.RemoveMember(m.qa, u.ID)
		m.sync()
	}
	assert.Empty(t, m.roles(users[1].ID))
	assert.Equal(t, []string{"Reviewer"}, m.roles(users[2].ID))
	assert.Len(t, m.holds(), 2)
	assert.Equal(t, "remove_role held", m.lastLog(users[3].ID, 1)[0])
}

func TestB1_ADeployThatFindsNoLinkHoldsEveryRoleRemoval(t *testing.T) {
	m := newMapped(t)
	a := ada(true)
	a.Roles = []zenqmstest.Role{m.approver}
	m.acct.AddUser(a)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.org.DropAll()
	m.walk(store.InitialRun)
	assert.ElementsMatch(t, []string{"Approver", "Reviewer"}, m.roles(u.ID), "given at once, taken by a person only")
	require.Len(t, m.holds(), 1)
	m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	m.sync()
	require.Len(t, m.holds(), 1, "B2: a sync about something else does not close it")
	require.NoError(t, Ruling{Actor: "olga", Reason: "checked"}.Approve(t.Context(), m.db, m.holds()))
	m.drain()
	assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID))
}

func TestK3_RolesOfAWalkCostNoCallPerUser(t *testing.T) {
	m := newMapped(t)
	for i := range 120 {
		m.org.AddMember(m.qa, m.hire(fmt.Sprintf("P%d", i), "Person", "ACTIVE").ID)
	}
	m.org.DropAll()
	m.walk(store.InitialRun)
	assert.Zero(t, m.org.Count("GET /api/v1/users/{id}/groups"), "K3: group by group, not user by user")
	assert.Zero(t, m.org.Count("GET /api/v1/users/{id}"))
	assert.Len(t, m.writes(), 240, "one create and one role each")
	m.acct.ResetCalls()
	m.walk(store.InitialRun)
	assert.Empty(t, m.writes(), "and none again")
}
