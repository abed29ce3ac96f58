package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (f *fixture) unlinkRun(actor string) (id int64) {
	f.do(func(tx *Tx) (err error) {
		id, err = tx.UnlinkingRun(actor)
		return err
	})
	return id
}

func TestC3_ThereIsOneUnlinkingUntilItIsOver(t *testing.T) {
	f := setup(t)
	id := f.unlinkRun("olga")
	assert.Equal(t, id, f.unlinkRun("another"), "it is gone on with")
	assert.Equal(t, RunRunning, f.run(id).State)
	assert.Equal(t, "olga", f.run(id).Actor)

	f.do(func(tx *Tx) error { return tx.RequeueRuns() })
	_, started := f.start()
	assert.False(t, started, "no worker takes it for a walk")

	f.end(id, "")
	assert.NotEqual(t, id, f.unlinkRun("olga"), "once over, the next is another")
}

func TestC3_WalksAreGivenUpAndTheUnlinkingIsNot(t *testing.T) {
	f := setup(t)
	under, waits := f.want(InitialRun, "", noon), f.want(ReconcileRun, "", noon.Add(time.Hour))
	f.start()
	own := f.unlinkRun("olga")
	f.do(func(tx *Tx) error { return tx.GiveUpRuns("unlinked") })
	for _, id := range []int64{under, waits} {
		assert.Equal(t, RunFailed, f.run(id).State)
		assert.Equal(t, "unlinked", f.run(id).Error)
	}
	assert.Equal(t, RunRunning, f.run(own).State)
}

func TestC3_TheOutboxIsClosedAndWhatEndedStays(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	done, dead, running := f.enqueue("00u1", HookPriority), f.enqueue("00u2", HookPriority), f.enqueue("00u3", HookPriority)
	f.claim(epoch, 10)
	f.do(func(tx *Tx) error { return tx.Close(epoch, done, StateDone, "") })
	f.do(func(tx *Tx) error { return tx.Close(epoch, dead, StateDead, "500 from ZenQMS") })
	open := f.enqueue("00u4", HookPriority)
	f.do(func(tx *Tx) error {
		return tx.AddHold(Promise{OktaID: "00u5", Origin: FromHook}, ActDeactivate, "too many")
	})
	states := func() (all []string) { return f.texts(`SELECT state FROM outbox ORDER BY id`) }

	f.do(func(tx *Tx) error { return tx.CloseOutbox("unlinked") })
	assert.Equal(t, []string{"done", "unlinked", "running", "unlinked", "unlinked"}, states(), "a worker may have one in its hands")
	f.see(func(tx *Tx) error {
		n, err := tx.InFlight()
		assert.EqualValues(t, 1, n)
		return err
	})
	f.do(func(tx *Tx) error { return tx.CloseWholeOutbox("unlinked") })
	assert.Equal(t, []string{"done", "unlinked", "unlinked", "unlinked", "unlinked"}, states())
	assert.Equal(t, "500 from ZenQMS", f.row(dead).Error, "what it met stays to be read")
	assert.Equal(t, "unlinked", f.row(open).Error)
	assert.Equal(t, "unlinked", f.row(running).Error)
}

func TestA2_UnlinkedShowsWhatIsStillToDo(t *testing.T) {
	f := setup(t)
	f.link(Link{OktaID: "00u1", ZenQMSID: "z1", Email: "ann@example.com"})
	f.link(Link{OktaID: "00u2", ZenQMSID: "z2", Email: "bob@example.com"})
	_, rows := f.report("unlinked", ReportArgs{})
	assert.Empty(t, rows, "nothing is to be unlinked yet")

	run := f.unlinkRun("olga")
	f.do(func(tx *Tx) error {
		return tx.PutUnlinked(Unlinked{Run: run, OktaID: "00u2", ZenQMSID: "z2", Email: "bob@example.com", Outcome: OutcomeFailed, Error: "500"})
	})
	_, rows = f.report("unlinked", ReportArgs{})
	require.ElementsMatch(t, [][]any{
		{"00u1", "z1", "ann@example.com", nil, nil, nil},
		{"00u2", "z2", "bob@example.com", nil, "failed", "500"},
	}, rows)

	f.do(func(tx *Tx) error {
		if err := tx.PutUnlinked(Unlinked{Run: run, OktaID: "00u2", ZenQMSID: "z2", Email: "bob@example.com", Outcome: OutcomeOK}); err != nil {
			return err
		}
		return tx.DropLink("00u2")
	})
	_, rows = f.report("unlinked", ReportArgs{User: "00u2"})
	assert.Equal(t, [][]any{{"00u2", "z2", "bob@example.com", FormatTime(noon), "ok", nil}}, rows, "the last outcome counts")
}

func TestC3_ForgetEmptiesWhatIsOnlyOfUseForLinks(t *testing.T) {
	f := lived(t)
	f.person("00u1")
	f.do(func(tx *Tx) error {
		for _, err := range []error{
			tx.PutAccount(Account{ZenQMSID: "z1"}, 1), tx.Spend(ActDeactivate, "00u1"), tx.Discard("00u1", ActDeactivate),
		} {
			if err != nil {
				return err
			}
		}
		return tx.Forget()
	})
	for _, table := range []string{"directory", "account", "skip", "budget", "discard"} {
		assert.Zero(t, f.number(`SELECT count(*) FROM `+table), table)
	}
	for _, table := range []string{"event", "outbox", "run", "log"} {
		assert.NotZero(t, f.number(`SELECT count(*) FROM `+table), table)
	}
}

func TestE4_WhatWasGivenUpIsOpenAgain(t *testing.T) {
	f := setup(t)
	epoch := f.begin()
	id, other := f.enqueue("00u1", HookPriority), f.enqueue("00u2", HookPriority)
	f.claim(epoch, 10)
	f.do(func(tx *Tx) error { return tx.Close(epoch, id, StateDead, "500") })
	f.do(func(tx *Tx) error { return tx.Close(epoch, other, StateDone, "") })
	f.see(func(tx *Tx) error {
		dead, err := tx.Dead()
		assert.Equal(t, []DeadRow{{id, "00u1"}}, dead)
		_, found, _ := tx.DeadRow(other)
		assert.False(t, found)
		return err
	})
	f.do(func(tx *Tx) error { return tx.Reopen(id, "olga") })
	f.do(func(tx *Tx) error { return tx.Reopen(other, "olga") })
	assert.Equal(t, RowState{OktaID: "00u1", State: StateOpen, Due: noon}, f.row(id))
	assert.Equal(t, StateDone, f.row(other).State, "one that was not given up stays")
	claims := f.claim(epoch, 10)
	require.Len(t, claims, 1)
	assert.Equal(t, 1, claims[0].Rows[0].Attempts, "it begins anew")
	assert.Equal(t, "olga", claims[0].Rows[0].Actor)
}
