package reconcile

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/store"
)

func TestA1_TheHeadOfTheLogIsWrittenToTheJournalWithEveryRun(t *testing.T) {
	w := newWorld(t)
	w.staff(3)
	log := w.listens()
	w.read(store.ReconcileRun)
	w.view(func(tx *store.Tx) error {
		head, err := tx.LogHead()
		assert.Contains(t, log.String(), fmt.Sprintf("log_seq=%d log_hash=%s", head.Seq, head.Hash), "A1")
		return err
	})
}

func TestA1_TheActorOfAHookIsTheAdminOfTheEvent(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.receive(store.Event{UUID: "e", Type: store.UserUpdateProfile, Actor: "grace@example.com", Users: []string{u.ID}})
	w.drain()
	row := w.report("log", store.ReportArgs{User: u.ID})[0]
	assert.Equal(t, "grace@example.com", row["actor"], "A1")
	assert.Equal(t, "e", row["event"])
}

func TestK5_TheLiveUsersAreReadBeforeTheDeprovisionedOnes(t *testing.T) {
	w := newWorld(t)
	w.staff(3)
	w.hire("Gone", "Before", "DEPROVISIONED")
	w.org.ResetCalls()
	w.walkReading(store.InitialRun)
	var filters []string
	for _, c := range w.org.Calls() {
		if c.Path == "/api/v1/users" {
			query, err := url.ParseQuery(c.Query)
			require.NoError(t, err)
			filters = append(filters, query.Get("filter"))
		}
	}
	assert.Equal(t, []string{"", deprovisioned}, filters, "K5: who is reactivated between the two is in one of them")
}
