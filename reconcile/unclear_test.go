package reconcile

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// Nobody can tell which of two accounts was a leaver's. He is never in the skip
// report (rule M3), so the leavers report names him for as long as one of them
// is active.
func TestL6_ALeaverWithSeveralAccountsIsInTheLeaversReport(t *testing.T) {
	for name, c := range map[string]struct {
		also  func(w *world, id string)
		state any
	}{
		"two have his address": {func(w *world, _ string) { w.acct.AddUser(ada(true)) }, "unclear"},
		"two, neither active": {func(w *world, _ string) {
			w.acct.Edit(w.acct.Users()[0].ID, func(u *zenqmstest.User) { u.Active = false })
			w.acct.AddUser(ada(false))
		}, nil},
		"two carry his id": {func(w *world, id string) {
			w.acct.Edit(w.acct.Users()[0].ID, func(u *zenqmstest.User) { u.ExternalID = id })
			w.acct.AddUser(zenqmstest.User{Email: "other@example.com", ExternalID: id, Active: true})
		}, "unclear"},
		"somebody live has the address": {func(w *world, _ string) {
			w.acct.AddUser(ada(true))
			w.readdress(w.hire("Eve", "Fox", "ACTIVE").ID, "ada.byron@example.com")
		}, nil},
		"one": {func(*world, string) {}, "done"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.acct.AddUser(ada(true))
			u := w.hire("Ada", "Byron", "DEPROVISIONED")
			c.also(w, u.ID)
			w.org.DropAll()
			w.walk(store.InitialRun)
			w.walk(store.ReconcileRun)
			assert.Empty(t, w.skip(u.ID).Code, "M3")
			var state any
			for _, row := range w.report("leavers", store.ReportArgs{User: u.ID}) {
				state = row["state"]
			}
			assert.Equal(t, c.state, state)
			if c.state == "unclear" {
				for _, account := range w.acct.Users() {
					w.acct.Edit(account.ID, func(u *zenqmstest.User) { u.Active = false })
				}
				w.manual(u.ID)
				require.Empty(t, w.report("leavers", store.ReportArgs{User: u.ID}), "done by hand, and looked at again, as the report says")
			}
		})
	}
}
