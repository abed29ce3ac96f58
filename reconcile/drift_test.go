package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// drift is what differs by a fresh look, in lines: kind, field, okta, zenqms,
// reason, and whether something is said that settles it.
func (w *world) drift(change ...func(*store.Tx) error) []string {
	w.Helper()
	on, err := store.OpenCopy(w.Context(), w.db.Path())
	require.NoError(w, err)
	defer func() { require.NoError(w, on.Close()) }()
	on.Now = w.db.Now
	for _, do := range change {
		require.NoError(w, on.Update(w.Context(), do))
	}
	require.NoError(w, w.w.ReadBoth(w.Context(), on, nil))
	original := w.db
	w.db = on.DB
	defer func() { w.db = original }()
	lines := []string{}
	for _, row := range w.report("drift", store.ReportArgs{}) {
		if row["kind"] != "no_user" && row["kind"] != "no_account" { // which may need nothing
			require.Regexp(w, endedBy[row["reason"].(string)], row["settle"], "%v", row)
		}
		require.NotEmpty(w, row["settle"], "%v", row)
		lines = append(lines, fmt.Sprintf("%v %v %v>%v %v", row["kind"], row["field"], row["okta"], row["zenqms"], row["reason"]))
	}
	return lines
}

// endedBy is what ends a difference, by its reason.
var endedBy = map[string]string{
	"edited": `^it stays until he changes in Okta; zensync drift --fix 00u\w+ sets it at once$`, "missed": `^zensync reconcile, or zensync sync 00u\w+ at once$`,
	"waiting": `^its sync, which is under way: zensync explain 00u\w+$`, "held": `^zensync approve, or discard: zensync report held$`,
	"discarded": `^a person has said no: zensync drift --fix 00u\w+ does it all the same$`, "skipped": `^what its skip says: zensync report skipped$`,
	"dead": `^zensync retry: zensync report dead$`, "frozen": `^make the group or role readable again: zensync status names it$`,
	"unknown": `deactivate|zensync drift --fix 00u\w+ sets it at once$`,
}

// driftCase is an installation in step, and what is done to it.
type driftCase struct {
	do   func(m *mapped, ada oktatest.User, account int64)
	want string // a line for each difference
}

func (c driftCase) run(t *testing.T) {
	m := newMapped(t)
	u := m.hire("Ada", "Byron", "ACTIVE")
	m.hire("Bo", "Cole", "ACTIVE")
	m.org.AddMember(m.qa, u.ID)
	m.org.DropAll()
	m.walk(store.InitialRun)
	require.Empty(t, m.drift(), "they are in step")
	c.do(m, u, m.account(u.ID).ID)
	before, calls := m.onDisk(), len(m.writes())
	var want []string
	if c.want != "" {
		want = strings.Split(strings.ReplaceAll(c.want, "ADA", u.ID), "\n")
	}
	assert.ElementsMatch(t, want, m.drift())
	assert.Equal(t, before, m.onDisk(), "the store is not written")
	assert.Len(t, m.writes(), calls, "nor is ZenQMS")
}

// keepsRole has a person say no to taking the role that a user's group no
// longer gives.
func (m *mapped) keepsRole(u oktatest.User) {
	m.w.Brake.RoleRemovals = Limit{}
	m.org.RemoveMember(m.qa, u.ID)
	m.sync()
	require.NoError(m, Ruling{Actor: "olga", Reason: "no"}.Discard(m.Context(), m.db, m.holds()))
}

// edit is what a hand does in ZenQMS.
func edit(change func(*zenqmstest.User)) func(*mapped, oktatest.User, int64) {
	return func(m *mapped, _ oktatest.User, account int64) { m.acct.Edit(account, change) }
}

func TestDriftNamesWhatDiffersAndWhy(t *testing.T) {
	for name, c := range map[string]driftCase{
		"nothing":             {func(*mapped, oktatest.User, int64) {}, ""},
		"a title edited":      {edit(func(u *zenqmstest.User) { u.Title = "Queen" }), "field title Analyst>Queen edited"},
		"an address in case":  {edit(func(u *zenqmstest.User) { u.Email = "ADA.BYRON@example.com" }), ""},
		"made inactive there": {edit(func(u *zenqmstest.User) { u.Active = false }), "access is_active active>inactive edited"},
		"a role taken there":  {edit(func(u *zenqmstest.User) { u.Roles = nil }), "role Reviewer given>not given edited"},
		"the id cleared": {edit(func(u *zenqmstest.User) { u.ExternalID = "" }),
			"field external_id ADA> edited"},
		"a role given there": {func(m *mapped, _ oktatest.User, account int64) {
			m.acct.Edit(account, func(u *zenqmstest.User) { u.Roles = append(u.Roles, m.approver) })
		}, "role Approver not given>given unknown"},
		"a role that is not mapped": {func(m *mapped, _ oktatest.User, account int64) {
			m.acct.Edit(account, func(u *zenqmstest.User) { u.Roles = append(u.Roles, m.unmapped) })
		}, ""},
		"a change nobody told of": {func(m *mapped, u oktatest.User, _ int64) {
			m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
		}, "field title Chief>Analyst missed"},
		"a title blanked in Okta": {func(m *mapped, u oktatest.User, _ int64) {
			m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "" })
		}, ""},
		"a change that is on its way": {func(m *mapped, u oktatest.User, _ int64) {
			m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
			m.hooks()
		}, "field title Chief>Analyst waiting"},
		"a leaver nobody told of": {func(m *mapped, u oktatest.User, _ int64) { m.org.SetStatus(u.ID, "DEPROVISIONED") },
			"access is_active inactive>active missed"},
		"a leaver's other fields": {func(m *mapped, u oktatest.User, account int64) {
			m.org.SetStatus(u.ID, "DEPROVISIONED")
			m.sync()
			m.acct.Edit(account, func(u *zenqmstest.User) { u.Title = "Retired" })
		}, ""},
		"a leaver the brake holds": {func(m *mapped, u oktatest.User, _ int64) {
			m.w.Brake.Deactivations = Limit{}
			m.org.SetStatus(u.ID, "DEPROVISIONED")
			m.sync()
		}, "access is_active inactive>active held"},
		"a leaver a person keeps": {func(m *mapped, u oktatest.User, _ int64) {
			m.w.Brake.Deactivations = Limit{}
			m.org.SetStatus(u.ID, "DEPROVISIONED")
			m.sync()
			require.NoError(m, Ruling{Actor: "olga", Reason: "no"}.Discard(m.Context(), m.db, m.holds()))
		}, "access is_active inactive>active discarded"},
		"a refused address": {func(m *mapped, u oktatest.User, _ int64) {
			m.acct.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 422, Message: "not like this"})
			m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
			m.sync()
		}, "field title Chief>Analyst skipped"},
		"a change that was given up": {func(m *mapped, u oktatest.User, _ int64) {
			m.acct.Fail(zenqmstest.OnUpdate, zenqmstest.Always, zenqmstest.Fault{Status: 405, Message: "not now"})
			m.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
			m.sync()
			m.acct.Heal()
		}, "field title Chief>Analyst dead"},
		"a leaver who was given up": {func(m *mapped, u oktatest.User, _ int64) {
			m.acct.Fail(zenqmstest.OnUpdate, zenqmstest.Always, zenqmstest.Fault{Status: 405, Message: "not now"})
			m.org.SetStatus(u.ID, "DEPROVISIONED")
			m.sync()
			m.acct.Heal()
		}, "access is_active inactive>active dead"},
		"a role of which nobody can tell": {func(m *mapped, _ oktatest.User, account int64) {
			m.acct.Edit(account, func(u *zenqmstest.User) { u.Roles = append(u.Roles, m.approver) })
			m.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + m.boss}, -1, oktatest.Fault{Status: 403})
		}, "role Approver not given>given frozen"},
		"no longer in the group": {func(m *mapped, u oktatest.User, _ int64) { m.org.RemoveMember(m.qa, u.ID) },
			"role Reviewer not given>given missed"},
		"a role a person keeps": {func(m *mapped, u oktatest.User, _ int64) { m.keepsRole(u) },
			"role Reviewer not given>given discarded"},
		"a role a person kept until he changed": {func(m *mapped, u oktatest.User, _ int64) {
			m.keepsRole(u)
			m.org.AddMember(m.boss, u.ID)
		}, "role Reviewer not given>given missed\nrole Approver given>not given missed"},
		"the account removed": {func(m *mapped, _ oktatest.User, account int64) { m.acct.Remove(account) },
			"no_account <nil> ACTIVE><nil> edited"},
		"deleted in Okta": {func(m *mapped, u oktatest.User, _ int64) {
			m.org.SetStatus(u.ID, "DEPROVISIONED")
			m.sync()
			m.org.Delete(u.ID)
		}, "no_user <nil> DELETED>inactive none"},
		"deleted in Okta, nobody told": {func(m *mapped, u oktatest.User, _ int64) { m.org.Delete(u.ID) },
			"no_user <nil> DELETED>active missed\naccess is_active inactive>active missed"},
		"an account that is nobody's": {func(m *mapped, _ oktatest.User, _ int64) {
			m.acct.AddUser(zenqmstest.User{Email: "root@example.com", Active: true})
		}, "unlinked <nil> <nil>>active unknown"},
		"one that is nobody's and inactive": {func(m *mapped, _ oktatest.User, _ int64) { m.acct.AddUser(zenqmstest.User{Email: "root@example.com"}) }, ""},
		"one of a new hire": {func(m *mapped, _ oktatest.User, _ int64) {
			m.hire("Eve", "Fox", "ACTIVE")
			m.acct.AddUser(zenqmstest.User{Email: "eve.fox@example.com", Active: true})
		}, "unlinked <nil> ACTIVE>active missed"},
		"two of a leaver": {func(m *mapped, _ oktatest.User, _ int64) {
			m.hire("Eve", "Fox", "DEPROVISIONED")
			m.acct.AddUser(zenqmstest.User{Email: "eve.fox@example.com", Active: true})
			m.acct.AddUser(zenqmstest.User{Email: "Eve.Fox@example.com"})
		}, "unlinked <nil> DEPROVISIONED>active unknown\nduplicate email <nil>>active unknown\nduplicate email <nil>>inactive unknown"},
		"a second one of hers": {func(m *mapped, u oktatest.User, _ int64) {
			m.acct.AddUser(zenqmstest.User{Email: "ada@private.example.com", ExternalID: u.ID, Active: true})
		}, "unlinked <nil> ACTIVE>active unknown"},
	} {
		t.Run(name, c.run)
	}
}

// The report goes by the statuses that the configuration last in effect gives a
// meaning.
func TestDriftGoesByTheConfiguration(t *testing.T) {
	w := newWorld(t)
	w.hire("Bo", "Cole", "ACTIVE")
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.sync()
	w.org.SetStatus(u.ID, "LOCKED_OUT")
	w.sync()
	config := func(statuses map[string]string) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			text, err := encode(map[string]any{"sync.statuses": statuses})
			require.NoError(t, err)
			return tx.SetSetting(store.ConfigSeen, string(text))
		}
	}
	assert.Empty(t, w.drift(), "LOCKED_OUT is at work")
	assert.Equal(t, []string{"access is_active inactive>active missed"}, w.drift(config(map[string]string{"LOCKED_OUT": "inactive"})))
	assert.Empty(t, w.drift(config(map[string]string{"LOCKED_OUT": "ignore"})))
}

func TestK2_DriftConcludesNothingFromListsThatCannotBeAll(t *testing.T) {
	w := newWorld(t)
	users := w.staff(20)
	for _, u := range users[:15] {
		w.org.Delete(u.ID)
	}
	on, err := store.OpenCopy(t.Context(), w.db.Path())
	require.NoError(t, err)
	defer func() { require.NoError(t, on.Close()) }()
	assert.ErrorContains(t, w.w.ReadBoth(t.Context(), on, nil), "the walk saw only")
}
