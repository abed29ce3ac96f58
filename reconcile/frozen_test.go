package reconcile

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func TestW4_AGroupThatCannotBeReadFreezesScope(t *testing.T) {
	cases := map[string]func(w *world, qms string){
		"refused": func(w *world, qms string) {
			w.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + qms}, -1, oktatest.Fault{Status: 403})
		},
		"gone, and no event said so": func(w *world, qms string) { w.org.DeleteGroup(qms); w.org.DropAll() },
		"broken off": func(w *world, qms string) {
			w.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + qms}, -1, oktatest.Fault{Status: 400})
		},
	}
	for name, fail := range cases {
		t.Run(name, func(t *testing.T) {
			w, qms, plant := scoped(t, true)
			u, other := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
			w.org.AddMember(qms, u.ID)
			w.org.AddMember(plant, other.ID)
			w.sync()
			fail(w, qms)
			w.org.RemoveMember(plant, other.ID)
			w.org.DropAll()
			joiner, outside := w.hire("New", "Hand", "ACTIVE"), w.hire("Out", "Side", "ACTIVE")
			w.org.AddMember(plant, joiner.ID)
			w.org.DropAll()
			run := w.walk(store.ReconcileRun)
			assert.Equal(t, store.RunDone, run.State, "W4: all else goes on")
			assert.True(t, w.account(u.ID).Active, "W4: nobody leaves scope until it can be read")
			assert.True(t, w.account(other.ID).Active, "W4: nor who left the other group, for he may be in this one by now")
			assert.True(t, w.account(joiner.ID).Active)
			assert.Empty(t, w.link(outside.ID).OktaID, "W4: who never was in scope does not come into it")
			w.view(func(tx *store.Tx) error {
				groups, err := tx.ScopeGroups()
				for _, g := range groups {
					assert.Equal(t, g.ID == qms, g.Frozen != "", g.Name)
				}
				return err
			})
			// A hook of his, whose own list of groups lacks it, does not take him out either.
			w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
			w.sync()
			assert.True(t, w.account(u.ID).Active)
			assert.Equal(t, "Chief", w.account(u.ID).Title, "and he is in scope")

			if name == "gone, and no event said so" {
				return // frozen it stays, until a deploy
			}
			w.org.ClearFaults()
			w.walk(store.ReconcileRun)
			assert.True(t, w.account(u.ID).Active)
			assert.False(t, w.account(other.ID).Active, "W4: it can be read again, and he is in neither")
		})
	}
}

// Who leaves a group by a hook may have gone to one that cannot be seen, of
// which no walk has found out yet.
func TestW4_AHookTakesNobodyOutOfScopeWhileAGroupCannotBeRead(t *testing.T) {
	for name, walked := range map[string]bool{"a walk has seen it": true, "nobody has": false} {
		t.Run(name, func(t *testing.T) {
			w, qms, plant := scoped(t, true)
			u, stays := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
			w.org.AddMember(plant, u.ID)
			w.org.AddMember(qms, stays.ID)
			w.sync()
			w.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + qms}, -1, oktatest.Fault{Status: 403})
			if walked {
				w.walk(store.ReconcileRun)
			}
			w.org.RemoveMember(plant, u.ID)
			w.sync()
			assert.True(t, w.account(u.ID).Active, "W4")
			w.view(func(tx *store.Tx) error {
				groups, err := tx.ScopeGroups()
				for _, g := range groups {
					assert.Equal(t, g.ID == qms, g.Frozen != "", "W4: status says so: %s", g.Name)
				}
				return err
			})
			w.org.ClearFaults()
			w.walk(store.ReconcileRun)
			assert.False(t, w.account(u.ID).Active, "W4: it can be read, and he is in none")
		})
	}
}

// Only the members of a group cannot be read, and a walk has found that out.
func TestW4_AHookTakesNobodyOutOfAGroupWhoseMembersCannotBeRead(t *testing.T) {
	w, qms, plant := scoped(t, true)
	u, stays := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
	w.org.AddMember(qms, u.ID)
	w.org.AddMember(plant, stays.ID)
	w.sync()
	w.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + qms + "/users"}, -1, oktatest.Fault{Status: 403})
	w.walk(store.ReconcileRun)
	w.org.RemoveMember(qms, u.ID)
	w.sync()
	assert.True(t, w.account(u.ID).Active, "W4")
}

// Members are read page by page, and one that fails is not the end of the list.
func TestW4_AGroupBrokenOffAfterItsFirstPageTakesNobodyOut(t *testing.T) {
	w, qms, _ := scoped(t, true)
	for i := range 250 {
		w.org.AddMember(qms, w.hire(fmt.Sprintf("P%03d", i), "Person", "ACTIVE").ID)
	}
	w.org.DropAll()
	w.walk(store.InitialRun)
	require.Equal(t, 250, w.activeCount())
	w.w.Brake.Deactivations = Limit{Max: 1000, Percent: 100}
	w.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + qms + "/users", Query: "after="}, -1, oktatest.Fault{Status: 400})
	w.walk(store.ReconcileRun)
	assert.Equal(t, 250, w.activeCount(), "W4")
}

// listens has the worker's log in a text.
func (w *world) listens() *bytes.Buffer {
	log := &bytes.Buffer{}
	w.w.Log = slog.New(slog.NewTextHandler(log, nil))
	return log
}

func TestW3_ARenamedRoleOrGroupIsWarnedOfAlone(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	log := m.listens()
	m.walk(store.ReconcileRun)
	assert.NotContains(t, log.String(), "renamed")
	m.acct.RenameRole(m.reviewer.ID, "Inspector")
	m.org.RenameGroup(m.qa, "Quality")
	m.acct.AddRole("Reviewer") // a second holder of the name changes nothing
	m.walk(store.ReconcileRun)
	assert.Contains(t, log.String(), "a mapped role was renamed in ZenQMS: it is the same role\" role="+idText(m.reviewer.ID), "W3")
	assert.Contains(t, log.String(), "a mapped group was renamed in Okta: it is the same group\" group="+m.qa, "W3")
	m.org.RemoveMember(m.qa, u.ID)
	m.sync()
	assert.Empty(t, m.roles(u.ID), "W3: by its id")
}

func TestW3_WhereTheRolesCannotBeReadAllAreFrozen(t *testing.T) {
	m := newMapped(t)
	u, other := m.hire("Ada", "Byron", "ACTIVE"), m.hire("Bea", "Burns", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.sync()
	m.acct.Fail(zenqmstest.OnRoleSearch, zenqmstest.Always, zenqmstest.Fault{Status: 403})
	m.org.RemoveMember(m.qa, u.ID)
	m.org.UpdateProfile(other.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	m.org.DropAll()
	run := m.walk(store.ReconcileRun)
	assert.Equal(t, store.RunDone, run.State)
	assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID), "W3: nobody loses them")
	assert.Equal(t, "Chief", m.account(other.ID).Title, "W3: all else goes on")
	m.acct.Heal()
	m.walk(store.ReconcileRun)
	m.walk(store.ReconcileRun)
	assert.Empty(t, m.roles(u.ID))
}

// A group that reads 404 is deleted only if an event has said so. A walk goes by
// its list of members, a hook by the user's own list of groups.
func TestW3_ARoleIsKeptWhileItsGroupReads404AndNoEventSaidSo(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile"} {
		m := newMapped(t)
		u := m.hire("Ada", "Byron", "ACTIVE")
		m.org.AddMember(m.qa, u.ID)
		m.sync()
		m.org.Fail(oktatest.Match{Route: "/api/v1/groups/{id}"}, -1, oktatest.Fault{Status: 404})
		m.org.RemoveMember(m.qa, u.ID)
		m.by(how)
		assert.Equal(t, []string{"Reviewer"}, m.roles(u.ID), "W3, by %s", how)
		m.org.ClearFaults()
		m.by("reconcile")
		assert.Empty(t, m.roles(u.ID), "W3, by %s: it can be read", how)
	}
}

// What a change of the configuration asks for is under the brake as well.
func TestB1_AChangeOfStatusesOrScopeIsHeldWhereItIsTooMuch(t *testing.T) {
	for name, change := range map[string]func(w *world, qms string){
		"statuses": func(w *world, _ string) { w.w.Policy.Statuses = map[string]Meaning{"ACTIVE": Gone} },
		"scope": func(w *world, _ string) {
			w.update(func(tx *store.Tx) error {
				return tx.SetScopeGroups([]store.MappedGroup{{Configured: "None", ID: w.org.AddGroup("None"), Name: "None"}})
			})
		},
		"who leaves scope": func(w *world, qms string) {
			for _, u := range w.org.Users() {
				w.org.RemoveMember(qms, u.ID)
			}
		},
	} {
		w, qms, _ := scoped(t, true)
		for i := range 12 {
			w.org.AddMember(qms, w.hire(fmt.Sprintf("P%d", i), "Person", "ACTIVE").ID)
		}
		w.sync()
		require.Equal(t, 12, w.activeCount())
		change(w, qms)
		w.org.DropAll()
		w.walk(store.ReconcileRun)
		assert.Equal(t, 12, w.activeCount(), "B1: %s", name)
		assert.Len(t, w.holds(), 12, "B1: %s", name)
	}
}

func TestW4_AGoneUserOutOfScopeIsNotLinked(t *testing.T) {
	w, qms, _ := scoped(t, true)
	w.org.AddMember(qms, w.hire("In", "Scope", "ACTIVE").ID)
	account := w.acct.AddUser(ada(true))
	u := w.hire("Ada", "Byron", "DEPROVISIONED")
	w.org.DropAll()
	w.walk(store.InitialRun)
	got, _ := w.acct.User(account.ID)
	assert.Empty(t, got.ExternalID, "W4: scope limits who is linked")
	assert.True(t, got.Active)
	assert.Empty(t, w.link(u.ID).OktaID)
}

func TestW4_AWalkEndsTheSkipOfWhoHasLeftScope(t *testing.T) {
	w, qms, _ := scoped(t, false)
	u := w.hire("Ada", "", "ACTIVE")
	w.org.AddMember(qms, u.ID)
	w.sync()
	assert.Equal(t, store.SkipMissing, w.skip(u.ID).Code)
	w.org.RemoveMember(qms, u.ID)
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Empty(t, w.skip(u.ID).Code, "W4: out of scope is no skip")
}
