package reconcile

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

func TestE3_SyncsOfOneAddressAreExclusiveAndOthersDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locks := newAddressLocks()
		unlock := locks.lock("old@example.com", "new@example.com", "")
		locks.lock("other@example.com")() // does not wait

		got := make(chan struct{})
		go func() {
			defer locks.lock("new@example.com", "third@example.com")()
			close(got)
		}()
		synctest.Wait() // he has come as far as he can
		select {
		case <-got:
			t.Error("E3: two syncs hold one address")
		default:
		}
		locks.lock("third@example.com")() // who waits holds nothing meanwhile
		unlock()
		<-got
	})
}

// Many users want one address at the same time, through the whole worker.
func TestE3_ARaceForOneAddressMakesOneAccount(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for i := range 16 {
		ids = append(ids, w.org.AddUser(oktatest.Profile{Login: idText(int64(i)), Email: "shared@example.com", FirstName: "Ada", LastName: "Byron"}, "ACTIVE").ID)
		w.pass(time.Second)
	}
	w.hooks()
	var claims []store.Claim
	w.update(func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(w.w.epoch, 100)
		return err
	})
	require.Len(t, claims, 16)
	var all sync.WaitGroup
	for _, c := range claims {
		all.Go(func() { assert.NoError(t, w.w.sync(context.Background(), c, nil)) })
	}
	all.Wait()
	assert.Equal(t, 1, w.acct.Len())
	assert.Equal(t, ids[0], w.acct.Users()[0].ExternalID, "L3: the one created first in Okta")
}

func TestE3_DeactivationsGoFirstThenHooksThenManualThenWalks(t *testing.T) {
	w := newWorld(t)
	hook, manual, leaver, walked := w.hire("A", "Hook", "ACTIVE"), w.hire("B", "Manual", "ACTIVE"), w.hire("C", "Leaver", "ACTIVE"), w.hire("D", "Walk", "ACTIVE")
	w.org.DropAll()
	w.update(func(tx *store.Tx) error {
		for _, p := range []store.Promise{
			{OktaID: walked.ID, Origin: store.FromReconcile, Priority: store.WalkPriority},
			{OktaID: manual.ID, Origin: store.FromManual, Priority: store.ManualPriority},
			{OktaID: hook.ID, Origin: store.FromHook, Priority: store.HookPriority},
		} {
			if _, err := tx.Enqueue(p); err != nil {
				return err
			}
		}
		return nil
	})
	w.receive(store.Event{UUID: "x", Type: store.UserDeactivate, Users: []string{leaver.ID}})
	var order []string
	w.update(func(tx *store.Tx) error {
		claims, err := tx.Claim(w.w.epoch, 10)
		for _, c := range claims {
			order = append(order, c.OktaID)
		}
		return err
	})
	assert.Equal(t, []string{leaver.ID, hook.ID, manual.ID, walked.ID}, order, "E3")
}

func TestE4_EveryStatusHasItsVerdict(t *testing.T) {
	special := map[int]verdict{
		0: retryLater, 408: retryLater, 429: retryAfter, 401: credential, 403: forbidden, 404: absent,
		400: refused, 409: refused, 413: refused, 422: refused,
	}
	for status := 0; status < 600; status++ {
		want, found := special[status]
		switch {
		case found:
		case status >= 400 && status < 500:
			want = final
		default:
			want = retryLater
		}
		assert.Equal(t, want, classify(status), "E4: %d %s", status, http.StatusText(status))
	}
}

func TestE4_BackoffDoublesFromASecondToTenMinutesWithJitter(t *testing.T) {
	want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600}
	for i, seconds := range want {
		d := seconds * time.Second
		assert.Equal(t, d, backoff(i+1, 0), "E4: attempt %d", i+1)
		low := backoff(i+1, 0.999)
		assert.Less(t, low, d)
		assert.GreaterOrEqual(t, low, d*3/4, "the jitter is a quarter at most")
	}
	assert.Equal(t, lastBackoff, backoff(1000, 0))
}

func TestE4_APassingFaultIsTriedAgain(t *testing.T) {
	for name, fault := range map[string]zenqmstest.Fault{
		"500": {Status: 500}, "503": {Status: 503}, "408": {Status: 408}, "dropped": {Drop: true}, "html": {Status: 502, Body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.hire("Ada", "Byron", "ACTIVE")
			w.sync()
			w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
			w.acct.Fail(zenqmstest.OnUpdate, 2, fault)
			w.sync()
			assert.Equal(t, "none failed", replaced(w.lastLog(u.ID, 1)[0]), "A1: every attempt writes a row")
			w.drain()
			assert.Equal(t, "Analyst", w.account(u.ID).Title, "not before its time")
			w.pass(time.Second)
			w.drain()
			w.pass(2 * time.Second)
			w.drain()
			assert.Equal(t, "Chief", w.account(u.ID).Title)
		})
	}
}

// replaced takes the action out of a failed row: it is what was tried.
func replaced(row string) string {
	if row == "update failed" {
		return "none failed"
	}
	return row
}

func TestE4_RetryAfterIsHonouredAndCostsNoAttempt(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.org.Fail(oktatest.Match{Route: "/api/v1/users/{id}"}, 1, oktatest.Fault{Status: 429, ResetAfter: 40 * time.Second})
	w.sync()
	var s store.RowState
	w.view(func(tx *store.Tx) (err error) {
		s, err = tx.RowState(1)
		return err
	})
	assert.Equal(t, 0, s.Attempts, "E4: a 429 pauses the client, not the row")
	assert.WithinDuration(t, w.now().Add(40*time.Second), s.Due, time.Second)
	assert.Greater(t, w.w.halt.left(w.now()), 30*time.Second)
	w.pass(41 * time.Second)
	w.drain()
	assert.Equal(t, u.ID, w.account(u.ID).ExternalID)
}

func TestE4_AfterTheLastAttemptARowIsDeadAndANewEventRevives(t *testing.T) {
	w := newWorld(t)
	w.w.MaxAttempts = 12
	sick, well := w.hire("Sick", "User", "ACTIVE"), w.hire("Well", "User", "ACTIVE")
	w.acct.Fail(zenqmstest.Match{Body: "sick.user"}, zenqmstest.Always, zenqmstest.Fault{Status: 500})
	w.sync()
	assert.True(t, w.account(well.ID).Active, "E4: one sick user never blocks another")
	for range 12 {
		w.pass(10 * time.Minute)
		w.drain()
		w.org.UpdateProfile(well.ID, func(p *oktatest.Profile) { p.Title += "x" })
		w.sync() // others go through meanwhile, so this is no outage
	}
	dead := w.report("dead", store.ReportArgs{})
	require.Len(t, dead, 2, "both of his events")
	assert.EqualValues(t, 12, dead[0]["attempts"])
	assert.Contains(t, dead[0]["error"], "given up after 12 attempts")

	w.acct.Heal()
	w.org.UpdateProfile(sick.ID, func(p *oktatest.Profile) { p.Title = "x" })
	w.sync()
	assert.True(t, w.account(sick.ID).Active)
	assert.Empty(t, w.report("dead", store.ReportArgs{}))
}

func TestE4_ANewRowEndsTheWaitingOfOlderOnes(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.acct.Fail(zenqmstest.OnSearch, 1, zenqmstest.Fault{Status: 500})
	w.sync()
	w.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chief" })
	w.sync()
	assert.Equal(t, "Chief", w.account(u.ID).Title)
	for _, s := range w.states(u.ID) {
		assert.Equal(t, "done", s)
	}
}

func TestE4_A401StopsTheDrainAndKeepsEverything(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.acct.SetToken("rotated")
	w.sync()
	var s store.RowState
	var why string
	w.view(func(tx *store.Tx) (err error) {
		if why, err = tx.Setting(store.DrainStopped); err != nil {
			return err
		}
		s, err = tx.RowState(1)
		return err
	})
	assert.Equal(t, store.StateOpen, s.State)
	assert.Equal(t, 0, s.Attempts)
	assert.Contains(t, why, "status 401")
	assert.Equal(t, stopProbe, w.w.halt.left(w.now()), "E4: probed once a minute")

	w.acct.SetToken(zenqmstest.DefaultToken)
	w.pass(time.Minute)
	w.drain()
	assert.True(t, w.account(u.ID).Active)
	w.view(func(tx *store.Tx) (err error) {
		why, err = tx.Setting(store.DrainStopped)
		return err
	})
	assert.Empty(t, why)
}

func TestE4_A403IsTheCredentialsFaultOrTheUsers(t *testing.T) {
	t.Run("the user's", func(t *testing.T) {
		w := newWorld(t)
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 403, Message: "this user is reserved"})
		w.sync()
		assert.Equal(t, store.SkipRefused, w.skip(u.ID).Code)
		assert.Contains(t, w.skip(u.ID).Reason, "this user is reserved")
	})
	t.Run("the credential's", func(t *testing.T) {
		w := newWorld(t)
		w.hire("Ada", "Byron", "ACTIVE")
		w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 403, Message: "API access is switched off"})
		w.sync()
		assert.Equal(t, []string{"open", "open"}, w.states(w.org.Users()[0].ID), "E4: stop, and keep everything")
		assert.Positive(t, w.w.halt.left(w.now()))
	})
}

func TestE4_AWorkerThatWasReplacedCannotOverwriteTheOutcome(t *testing.T) {
	w := newWorld(t)
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.hooks()
	var claims []store.Claim
	w.update(func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(w.w.epoch, 1)
		return err
	})
	a := w.w.try(t.Context(), claims[0], nil)
	w.update(func(tx *store.Tx) (err error) {
		w.w.epoch, err = tx.StartEpoch()
		return err
	})
	err := w.db.Update(t.Context(), func(tx *store.Tx) error { return w.w.record(tx, a) })
	require.ErrorIs(t, err, store.ErrFenced)
	assert.Empty(t, w.link(u.ID).OktaID, "nothing of it is kept")
	w.drain()
	assert.Equal(t, 1, w.acct.Len(), "the next worker finds the account that was made")
	assert.Equal(t, u.ID, w.link(u.ID).OktaID)
}
