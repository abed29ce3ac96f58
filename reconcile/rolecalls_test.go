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
