package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestB2_ADiscardOfARoleStandsUntilHisGroupsGiveHimOthers(t *testing.T) {
	for _, how := range []string{"hooks", "reconcile"} {
		t.Run(how, func(t *testing.T) {
			m := newMapped(t)
			u := m.hire("Ada", "Byron", "ACTIVE")
			m.org.AddMember(m.qa, u.ID)
			m.org.AddMember(m.boss, u.ID)
			m.by(how)
			m.w.Brake.RoleRemovals = Limit{}
			m.org.RemoveMember(m.qa, u.ID)
			m.by(how)
			require.NoError(t, Ruling{Actor: "olga", Reason: "he still reviews"}.Discard(t.Context(), m.db, m.holds()))
			m.by(how)
			require.Empty(t, m.holds(), "B2: it stands")

			m.org.RemoveMember(m.boss, u.ID)
			m.by(how)
			assert.Len(t, m.holds(), 1, "W3: that was no word on the other role")
			assert.ElementsMatch(t, []string{"Reviewer", "Approver"}, m.roles(u.ID))
		})
	}
}
