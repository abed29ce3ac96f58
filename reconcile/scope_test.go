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

// scoped is a world whose config names two groups, QMS and Plant.
func scoped(t *testing.T, leavers bool) (w *world, qms, plant string) {
	w = newWorld(t, func(o *worldOptions) { o.groups, o.policy.Leavers = []string{"QMS", "Plant"}, leavers })
	for _, g := range w.org.Groups() {
		switch g.Name {
		case "QMS":
			qms = g.ID
		case "Plant":
			plant = g.ID
		}
	}
	return w, qms, plant
}

func TestW4_OnlyMembersAreCreatedLinkedAndUpdated(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile", "initial"} {
		t.Run(how, func(t *testing.T) {
			w, qms, plant := scoped(t, false)
			in, also, out := w.hire("In", "Scope", "ACTIVE"), w.hire("Also", "Scope", "ACTIVE"), w.hire("Out", "Scope", "ACTIVE")
			known := w.acct.AddUser(zenqmstest.User{Email: "out.scope@example.com", FirstName: "O", LastName: "S", Active: true})
			w.org.AddUser(oktatest.Profile{Email: "incomplete@example.com"}, "ACTIVE")
			w.org.AddMember(qms, in.ID)
			w.org.AddMember(plant, also.ID)
			w.by(how)
			assert.True(t, w.account(in.ID).Active, "W4: in one of the groups")
			assert.True(t, w.account(also.ID).Active)
			got, _ := w.acct.User(known.ID)
			assert.Equal(t, known.Email, got.Email)
			assert.Empty(t, got.ExternalID, "W4: neither linked nor updated")
			assert.Empty(t, w.link(out.ID).OktaID)
			assert.Equal(t, 3, w.acct.Len())
			assert.Empty(t, w.report("skipped", store.ReportArgs{}), "out of scope is no skip")
		})
	}
}

func TestW4_JoiningAGroupIsAnEvent(t *testing.T) {
	w, qms, _ := scoped(t, false)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	require.Zero(t, w.acct.Len())
	w.org.AddMember(qms, u.ID)
	w.sync()
	assert.True(t, w.account(u.ID).Active, "W4: the membership event brings him in")
	other := w.org.AddGroup("Any")
	w.org.DropAll()
	w.org.ResetCalls()
	w.org.AddMember(other, u.ID)
	w.sync()
	assert.Empty(t, w.org.Calls(), "E1: an unmapped group costs no call")
}

func TestW4_WhoLeavesScope(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile"} {
		for _, leavers := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, deactivate %v", how, leavers), func(t *testing.T) {
				w, qms, plant := scoped(t, leavers)
				u, both := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
				w.org.AddMember(qms, u.ID)
				w.org.AddMember(qms, both.ID)
				w.org.AddMember(plant, both.ID)
				w.sync()
				w.pass(time.Minute)
				w.org.RemoveMember(qms, u.ID)
				w.org.RemoveMember(qms, both.ID)
				w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
				w.by(how)
				assert.Equal(t, !leavers, w.account(u.ID).Active, "W4: sync.out_of_scope decides")
				assert.Equal(t, "Analyst", w.account(u.ID).Title, "W4: no longer updated")
				assert.True(t, w.account(both.ID).Active, "in one of the groups is in scope")
				w.acct.ResetCalls()
				w.walk(store.ReconcileRun)
				assert.Empty(t, w.acct.Calls(), "K4: quiet afterwards")

				w.org.AddMember(qms, u.ID)
				w.by(how)
				assert.True(t, w.account(u.ID).Active, "and back in")
				assert.Equal(t, "Chief", w.account(u.ID).Title)
			})
		}
	}
}

func TestW4_ALinkedUserWhoIsGoneIsDeactivatedInScopeOrNot(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile"} {
		w, qms, _ := scoped(t, false)
		u, stays := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
		w.org.AddMember(qms, u.ID)
		w.org.AddMember(qms, stays.ID)
		w.sync()
		w.org.RemoveMember(qms, u.ID)
		w.sync()
		require.True(t, w.account(u.ID).Active)
		w.org.SetStatus(u.ID, "DEPROVISIONED")
		w.by(how)
		assert.False(t, w.account(u.ID).Active, "W4, by %s", how)
	}
}

func TestW4_WhoIsOutOfScopeClaimsNothing(t *testing.T) {
	w, qms, _ := scoped(t, false)
	z := w.acct.AddUser(ada(true))
	w.org.AddUser(oktatest.Profile{Login: "1", Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron"}, "ACTIVE")
	u := w.org.AddUser(oktatest.Profile{Login: "2", Email: "ada.byron@example.com", FirstName: "A.", LastName: "B."}, "ACTIVE")
	w.org.AddMember(qms, u.ID)
	w.sync()
	assert.Equal(t, idText(z.ID), w.link(u.ID).ZenQMSID, "L3: claimants are users in scope")
}

func TestW4_ADeletedGroupHasNoMembers(t *testing.T) {
	w, qms, plant := scoped(t, true)
	u, other := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
	w.org.AddMember(qms, u.ID)
	w.org.AddMember(plant, other.ID)
	w.sync()
	w.org.DeleteGroup(qms)
	w.hooks()
	var wanted bool
	w.update(func(tx *store.Tx) (err error) {
		_, wanted, err = tx.NextRun()
		return err
	})
	require.True(t, wanted, "Okta tells of none of the members: a reconcile follows")
	w.walk(store.ReconcileRun)
	assert.False(t, w.account(u.ID).Active, "W3: the event named it and it reads 404")
	assert.True(t, w.account(other.ID).Active)
}

func TestW4_LeavingScopeFallsUnderTheBrake(t *testing.T) {
	w, qms, _ := scoped(t, true)
	var users []oktatest.User
	for i := range 30 {
		u := w.hire(fmt.Sprintf("P%d", i), "Person", "ACTIVE")
		w.org.AddMember(qms, u.ID)
		users = append(users, u)
	}
	w.sync()
	require.Equal(t, 30, w.activeCount())
	for _, u := range users[:12] {
		w.org.RemoveMember(qms, u.ID)
	}
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.Equal(t, 30, w.activeCount())
	assert.Len(t, w.holds(), 12)
	w.org.AddMember(qms, users[0].ID)
	w.sync()
	assert.Len(t, w.holds(), 11, "B2: back in scope, so no longer wanted")
}

func TestK3_MembersAreReadGroupByGroup(t *testing.T) {
	w, qms, _ := scoped(t, false)
	for i := range 250 {
		w.org.AddMember(qms, w.hire(fmt.Sprintf("P%d", i), "Person", "ACTIVE").ID)
	}
	w.org.DropAll()
	w.org.ResetCalls()
	w.walk(store.ReconcileRun)
	assert.Equal(t, 250, w.acct.Len())
	assert.Equal(t, 3, w.org.Count("GET /api/v1/groups/{id}/users"), "two pages of one group, one of the other")
	assert.Zero(t, w.org.Count("GET /api/v1/users/{id}/groups"), "K3: not user by user")
}

func TestK1_AWalkThatStartsAnewHasSeenNoMembersYet(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		w, qms, plant := scoped(t, false)
		u, stays := w.hire("Ada", "Byron", "ACTIVE"), w.hire("Bea", "Burns", "ACTIVE")
		w.org.AddMember(qms, u.ID)
		w.org.AddMember(plant, stays.ID)
		w.org.DropAll()
		var run store.Run
		start := func() {
			w.update(func(tx *store.Tx) (err error) {
				if _, err = tx.WantRun(store.ReconcileRun, "", tx.Now); err != nil {
					return err
				}
				run, _, err = tx.StartRun()
				return err
			})
		}
		start()
		_, _, err := w.pause().Begin(t.Context(), w.db)
		require.NoError(t, err)
		require.NoError(t, w.w.walk(t.Context(), run)) // reads the groups, and is broken off
		if deleted {
			w.org.DeleteGroup(qms)
			w.hooks()
		} else {
			w.org.RemoveMember(qms, u.ID)
			w.org.DropAll()
		}
		_, err = w.pause().End(t.Context(), w.db)
		require.NoError(t, err)
		first := run.ID
		start()
		require.Equal(t, first, run.ID)
		require.NoError(t, w.w.walk(t.Context(), run))
		w.drain()
		assert.Empty(t, w.link(u.ID).OktaID, "W4: he left the group before the walk started anew")
		assert.True(t, w.account(stays.ID).Active)
	}
}

func TestW4_NamesAreResolvedAtDeployAndIdsKept(t *testing.T) {
	w, qms, _ := scoped(t, true)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.org.AddMember(qms, u.ID)
	w.sync()
	w.org.RenameGroup(qms, "Renamed")
	w.org.AddGroup("QMS") // a second holder of the name, without members
	w.org.DropAll()
	w.walk(store.ReconcileRun)
	assert.True(t, w.account(u.ID).Active)

	for _, names := range [][]string{{"Nobody"}, {"Plant", "Twice"}} {
		w.org.AddGroup("Twice")
		w.org.AddGroup("Twice")
		_, err := ResolveGroups(t.Context(), w.w.Okta, names)
		require.ErrorIs(t, err, ErrGroups)
	}
	w.view(func(tx *store.Tx) error {
		assert.NoError(t, CheckScope(tx, []string{"Plant", "QMS"}))
		assert.ErrorIs(t, CheckScope(tx, []string{"Plant"}), ErrGroups)
		assert.ErrorIs(t, CheckScope(tx, []string{"Plant", "QMS", "More"}), ErrGroups)
		assert.ErrorIs(t, CheckScope(tx, nil), ErrGroups)
		return nil
	})
}

// Of a call to switch an account off nobody may learn what came. Who is wanted
// in it again by then must not stay locked out because nothing of him moved.
func TestM2_WhoComesBackIntoScopeWhileHisDeactivationIsInDoubt(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"its answer is lost": func(w *world) {
			w.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{DropAfter: true})
			w.sync()
		},
		"the worker dies before it writes it down": func(w *world) {
			w.hooks()
			claims := w.claim()
			require.Len(t, claims, 1)
			require.NoError(t, w.w.try(t.Context(), claims[0], nil).err)
			w.update(func(tx *store.Tx) (err error) {
				w.w.epoch, err = tx.StartEpoch()
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, qms, _ := scoped(t, true)
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.org.AddMember(qms, u.ID)
			w.sync()
			require.True(t, w.account(u.ID).Active)
			w.pass(time.Minute)
			w.org.RemoveMember(qms, u.ID)
			lose(w)
			require.False(t, w.account(u.ID).Active, "W4: who leaves scope is deactivated")
			w.pass(time.Minute)
			w.org.AddMember(qms, u.ID)
			w.sync()
			assert.True(t, w.account(u.ID).Active, "M2: live and in scope again")
		})
	}
}

// Leaving scope drops what the brake held. Who comes back has to be asked for
// anew, though neither Okta's lastUpdated nor the wish last applied differs.
func TestB2_AnActivationKeptBackIsAskedForAgainAfterAWhileOutOfScope(t *testing.T) {
	for name, say := range map[string]func(w *world){
		"held": func(*world) {},
		"discarded": func(w *world) {
			require.NoError(t, Ruling{Actor: "olga", Reason: "not yet"}.Discard(t.Context(), w.db, w.holds()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, qms, _ := scoped(t, false)
			w.w.Brake.Activations = Limit{}
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.acct.AddUser(zenqmstest.User{Email: "ada.byron@example.com", FirstName: "Ada", LastName: "Byron", ExternalID: u.ID})
			w.org.AddMember(qms, u.ID)
			w.sync()
			require.Len(t, w.holds(), 1)
			say(w)
			w.pass(time.Minute)
			w.org.RemoveMember(qms, u.ID)
			w.sync()
			require.Empty(t, w.holds(), "B2: no longer wanted")
			w.pass(time.Minute)
			w.org.AddMember(qms, u.ID)
			w.org.DropAll()
			w.walk(store.ReconcileRun)
			assert.Len(t, w.holds(), 1, "B2: wanted again, and again for a person to decide")
		})
	}
}
