package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAlertsAreKept(t *testing.T) {
	f := setup(t)
	slack := Alert{Channel: "slack 1", Cause: "held", Size: 3, Told: noon}
	mail := Alert{Channel: "smtp 2", Cause: "hook", Gist: "missing", Told: noon}
	f.do(func(tx *Tx) error {
		require.NoError(t, tx.PutAlert(slack))
		require.NoError(t, tx.PutAlert(mail))
		slack.Size, slack.Told = 5, noon.Add(time.Hour)
		return tx.PutAlert(slack)
	})
	f.reopen()
	alerts := func() (all []Alert) {
		f.see(func(tx *Tx) (err error) {
			all, err = tx.Alerts()
			return err
		})
		return all
	}
	assert.Equal(t, []Alert{slack, mail}, alerts())
	f.do(func(tx *Tx) error { return tx.DropAlert("slack 1", "held") })
	assert.Equal(t, []Alert{mail}, alerts())
}

func TestHeldActions(t *testing.T) {
	f := setup(t)
	f.do(func(tx *Tx) error {
		for id, action := range map[string]Action{"00u1": ActDeactivate, "00u2": ActDeactivate, "00u3": ActRemoveRole} {
			require.NoError(t, tx.AddHold(Promise{OktaID: id, Origin: FromHook}, action, "too many"))
		}
		_, err := tx.Enqueue(Promise{OktaID: "00u4", Origin: FromHook})
		return err
	})
	f.see(func(tx *Tx) error {
		held, err := tx.HeldActions()
		assert.Equal(t, map[Action]int64{ActDeactivate: 2, ActRemoveRole: 1}, held)
		return err
	})
}

func TestEndedWalks(t *testing.T) {
	f := setup(t)
	ended := func(kind RunKind, why string) int64 {
		id := f.want(kind, "", f.now)
		r, found := f.start()
		require.True(t, found)
		require.Equal(t, id, r.ID)
		f.now = f.now.Add(time.Minute)
		f.end(id, why)
		return id
	}
	first := ended(InitialRun, "")
	failed := ended(ReconcileRun, "no answer")
	ended(UnlinkRun, "")
	last := ended(ReconcileRun, "")
	f.want(ReconcileRun, "", f.now)
	ids := func(limit int, states ...RunPhase) (all []int64) {
		f.see(func(tx *Tx) error {
			runs, err := tx.EndedWalks(limit, states...)
			for _, r := range runs {
				all = append(all, r.ID)
			}
			return err
		})
		return all
	}
	assert.Equal(t, []int64{last, failed}, ids(2, RunDone, RunFailed), "no walk: the unlinking, and what is only wanted")
	assert.Equal(t, []int64{last, first}, ids(9, RunDone))
}

func TestOverlooked(t *testing.T) {
	const slack = 5 * time.Minute
	after, before := noon, noon.Add(time.Hour)
	moved := noon.Add(30 * time.Minute)
	for name, test := range map[string]struct {
		moved   time.Time
		action  Action
		outcome Outcome
		origin  Origin
		event   time.Time // when one of his came; zero: none
		want    int64
	}{
		"nobody told of his change":               {moved, ActUpdate, OutcomeOK, FromReconcile, time.Time{}, 1},
		"nor of his leaving":                      {moved, ActDeactivate, OutcomeOK, FromReconcile, time.Time{}, 1},
		"an event came after it":                  {moved, ActUpdate, OutcomeOK, FromReconcile, moved.Add(time.Second), 0},
		"an event came, by a clock that is late":  {moved, ActUpdate, OutcomeOK, FromReconcile, moved.Add(-slack), 0},
		"only one of an earlier change came":      {moved, ActUpdate, OutcomeOK, FromReconcile, moved.Add(-slack - time.Second), 1},
		"he moved before the walk ahead":          {after, ActUpdate, OutcomeOK, FromReconcile, time.Time{}, 0},
		"his event may be on its way":             {before, ActUpdate, OutcomeOK, FromReconcile, time.Time{}, 0},
		"nothing was to be done":                  {moved, ActNone, OutcomeUnchanged, FromReconcile, time.Time{}, 0},
		"it did not come through":                 {moved, ActUpdate, OutcomeFailed, FromReconcile, time.Time{}, 0},
		"a role, whose change lastUpdated misses": {moved, ActAddRole, OutcomeOK, FromReconcile, time.Time{}, 0},
		"the hook came while the walk ran":        {moved, ActUpdate, OutcomeOK, FromHook, time.Time{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			run := f.want(ReconcileRun, "", noon)
			if !test.event.IsZero() {
				f.now = test.event
				f.add(Event{UUID: "e1", Type: UserUpdateProfile, Users: []string{"00u1"}})
			}
			f.now = before.Add(time.Hour)
			p := f.person("00u1")
			p.Updated = test.moved
			f.do(func(tx *Tx) error {
				if _, err := tx.PutPerson(p); err != nil {
					return err
				}
				return tx.AppendLog(
					LogRow{Origin: string(test.origin), Run: run, OktaID: "00u1", Action: test.action, Outcome: test.outcome},
					LogRow{Origin: string(test.origin), Run: run, OktaID: "00u1", Action: test.action, Outcome: test.outcome},
					LogRow{Origin: string(FromReconcile), Run: run + 1, OktaID: "00u1", Action: ActUpdate, Outcome: OutcomeOK})
			})
			f.see(func(tx *Tx) error {
				n, err := tx.Overlooked(run, after, before, slack)
				assert.Equal(t, test.want, n)
				return err
			})
		})
	}
}
