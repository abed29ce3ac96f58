package notify

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// office is an installation that is deployed and well, with a receiver for its
// alerts and a clock that the test turns.
type office struct {
	*testing.T
	db  *store.DB
	now time.Time
	to  *receiver
	w   *Watcher
	log bytes.Buffer
}

func newOffice(t *testing.T) *office {
	o := &office{T: t, now: noon, to: newReceiver(t)}
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "zensync.db"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	o.db, db.Now = db, func() time.Time { return o.now }
	o.set(store.LifeState, string(reconcile.Active))
	o.set(store.LifeSince, store.FormatTime(noon))
	o.set(store.HookID, "who1")
	o.set(store.HookStatus, "ACTIVE")
	o.set(store.HookVerified, store.FormatTime(noon))
	o.restart()
	return o
}

// restart is another worker on the same store.
func (o *office) restart() {
	o.w = &Watcher{DB: o.db, Addresses: []Address{NewAddress("notify.urls[0]", o.to.address(""))}, Name: "example.okta.com",
		Log: slog.New(slog.NewTextHandler(&o.log, nil))}
}

func (o *office) update(fn func(*store.Tx) error) {
	o.Helper()
	require.NoError(o, o.db.Update(context.Background(), fn))
}

func (o *office) set(key, value string) {
	o.update(func(tx *store.Tx) error { return tx.SetSetting(key, value) })
}

// hold makes the brake hold so many more changes.
func (o *office) hold(n int) {
	o.update(func(tx *store.Tx) error {
		for i := range n {
			p := store.Promise{OktaID: fmt.Sprintf("00u%d", i), Origin: store.FromHook}
			if err := tx.AddHold(p, store.ActDeactivate, "too many"); err != nil {
				return err
			}
		}
		return nil
	})
}

// drop ends so many holds.
func (o *office) drop(n int) {
	o.update(func(tx *store.Tx) error {
		holds, err := tx.Holds(0)
		for _, h := range holds[:n] {
			if err := tx.Drop(h.ID, ""); err != nil {
				return err
			}
		}
		return err
	})
}

// pass lets time go by, with a look every minute, or fewer over many hours, and
// returns the first lines of what was told meanwhile.
func (o *office) pass(d time.Duration) (told []string) {
	o.Helper()
	step := max(time.Minute, d/200)
	for end := o.now.Add(d); o.now.Before(end); {
		o.now = o.now.Add(step)
		require.NoError(o, o.w.Look(o.Context()))
	}
	for _, body := range o.to.got() {
		line, _, _ := strings.Cut(body, "\n")
		told = append(told, strings.TrimPrefix(line, "zensync example.okta.com: "))
	}
	return told
}

func TestACauseIsToldOnceAndSolvedOnce(t *testing.T) {
	o := newOffice(t)
	assert.Empty(t, o.pass(time.Hour))
	o.hold(3)
	assert.Equal(t, []string{"the brake holds 3 changes"}, o.pass(3*time.Minute))
	assert.Empty(t, o.pass(25*time.Hour), "told once")
	o.drop(3)
	assert.Empty(t, o.pass(calm), "it may come back")
	assert.Equal(t, []string{"solved: the brake holds nothing any more"}, o.pass(3*time.Minute))
	assert.Empty(t, o.pass(25*time.Hour), "solved once")
	o.hold(1)
	assert.Equal(t, []string{"the brake holds 1 change"}, o.pass(3*time.Minute), "another time is another message")
}

func TestWhatPassesWithinAMinuteIsNotTold(t *testing.T) {
	o := newOffice(t)
	for range 5 {
		o.set(store.HookVerified, "") // as during a deploy
		assert.Empty(t, o.pass(time.Minute))
		o.set(store.HookVerified, store.FormatTime(o.now))
		assert.Empty(t, o.pass(time.Minute))
	}
}

// Looks are a minute apart, give or take how long each takes.
func TestACauseIsToldAtTheSecondLookThatFindsIt(t *testing.T) {
	o := newOffice(t)
	o.hold(1)
	assert.Empty(t, o.pass(time.Minute), "the first look")
	o.now = o.now.Add(-50 * time.Millisecond)
	assert.Equal(t, []string{"the brake holds 1 change"}, o.pass(time.Minute), "the second, less than a minute later")
}

func TestWhatComesBackIsNotToldAgain(t *testing.T) {
	o := newOffice(t)
	o.set(store.DrainStopped, "zenqms: search users: status 401")
	assert.Equal(t, []string{"a credential is refused"}, o.pass(3*time.Minute))
	for range 3 { // a worker that starts tries once more
		o.set(store.DrainStopped, "")
		o.restart()
		assert.Empty(t, o.pass(2*time.Minute))
		o.set(store.DrainStopped, "zenqms: list users: status 401")
		assert.Empty(t, o.pass(time.Hour), "another call that is refused is no other cause")
	}
	o.set(store.DrainStopped, "")
	assert.Equal(t, []string{"solved: the credentials are accepted again"}, o.pass(time.Hour))
}

func TestMoreOfACauseIsToldOnceAnHourAtMost(t *testing.T) {
	o := newOffice(t)
	o.hold(3)
	o.pass(3 * time.Minute)
	o.hold(1)
	o.pass(time.Minute)
	o.hold(1)
	assert.Empty(t, o.pass(50*time.Minute))
	assert.Equal(t, []string{"the brake holds 5 changes"}, o.pass(20*time.Minute))
	assert.Empty(t, o.pass(5*time.Hour))
	o.drop(3)
	assert.Empty(t, o.pass(5*time.Hour), "fewer is no news")
	o.hold(1)
	assert.Equal(t, []string{"the brake holds 3 changes"}, o.pass(2*time.Minute), "but counts: one more than these is news")
}

func TestAnotherKindOfACauseIsNews(t *testing.T) {
	o := newOffice(t)
	o.set(store.HookStatus, "INACTIVE")
	assert.Equal(t, []string{"the event hook is not active in Okta"}, o.pass(3*time.Minute))
	o.set(store.HookStatus, store.HookMissing)
	assert.Equal(t, []string{"the event hook is missing in Okta"}, o.pass(2*time.Hour))
}

func TestARestartNeitherRepeatsNorForgets(t *testing.T) {
	o := newOffice(t)
	o.hold(3)
	assert.Len(t, o.pass(3*time.Minute), 1)
	o.restart()
	assert.Empty(t, o.pass(3*time.Hour))
	o.drop(3)
	o.restart()
	assert.Equal(t, []string{"solved: the brake holds nothing any more"}, o.pass(10*time.Minute))
	o.restart()
	assert.Empty(t, o.pass(3*time.Hour))
}

func TestAnAddressThatFailsIsTriedAgainLessAndLessOften(t *testing.T) {
	o := newOffice(t)
	o.to.fail(http.StatusServiceUnavailable)
	o.hold(3)
	o.pass(10 * time.Hour)
	tried := strings.Count(o.log.String(), "an alert could not be sent")
	assert.Greater(t, tried, 8)
	assert.Less(t, tried, 20, "from a minute up to an hour")
	assert.Contains(t, o.log.String(), "503 Service Unavailable")
	assert.Contains(t, o.log.String(), `address=notify.urls[0]`)
	assert.NotContains(t, o.log.String(), secret)

	o.to.fail(0)
	assert.Equal(t, []string{"the brake holds 3 changes"}, o.pass(lastRest+time.Minute), "the message is not lost")
	o.to.fail(http.StatusServiceUnavailable)
	o.drop(3)
	o.pass(2 * time.Hour)
	o.to.fail(0)
	assert.Equal(t, []string{"solved: the brake holds nothing any more"}, o.pass(lastRest+time.Minute))
}

func TestWhatWasNeverToldIsNotToldAsSolved(t *testing.T) {
	o := newOffice(t)
	o.to.fail(http.StatusServiceUnavailable)
	o.hold(3)
	o.pass(3 * time.Hour)
	o.drop(3)
	o.to.fail(0)
	assert.Empty(t, o.pass(3*time.Hour))
}

func TestOneAddressThatFailsHoldsUpNoOther(t *testing.T) {
	o := newOffice(t)
	other := newReceiver(t)
	other.fail(http.StatusForbidden)
	o.w.Addresses = []Address{NewAddress("notify.urls[0]", other.address("")), NewAddress("notify.urls[1]", o.to.address(""))}
	o.hold(1)
	assert.Len(t, o.pass(time.Hour), 1)
	other.fail(0)
	assert.Empty(t, o.pass(2*time.Hour), "who was told is not told again")
	assert.Len(t, other.got(), 1)
}

func TestANewAddressIsToldWhatLasts(t *testing.T) {
	o := newOffice(t)
	o.hold(1)
	o.pass(time.Hour)
	o.restart()
	other := newReceiver(t)
	o.w.Addresses = []Address{NewAddress("notify.urls[0]", other.address("")), NewAddress("notify.urls[1]", o.to.address(""))}
	assert.Empty(t, o.pass(3*time.Minute), "whatever its place")
	assert.Len(t, other.got(), 1)
	o.w = &Watcher{DB: o.db, Addresses: []Address{NewAddress("notify.urls[0]", other.address(""))}, Log: o.w.Log}
	o.pass(3 * time.Minute)
	o.update(func(tx *store.Tx) error {
		alerts, err := tx.Alerts()
		assert.Len(t, alerts, 1, "what an address was told that is gone is forgotten")
		assert.NotContains(t, fmt.Sprint(alerts), secret)
		return err
	})
}

func TestAnUnlinkingEndsAllCausesWithoutAWord(t *testing.T) {
	o := newOffice(t)
	o.hold(1)
	o.pass(time.Hour)
	o.set(store.LifeState, string(reconcile.Unlinked))
	assert.Empty(t, o.pass(time.Hour))
	o.drop(1)
	o.set(store.LifeState, string(reconcile.Active))
	assert.Empty(t, o.pass(time.Hour), "nothing that was told before is solved now")
}

func TestWhatTheStoreCannotNoteIsToldOnceAllTheSame(t *testing.T) {
	o := newOffice(t)
	o.hold(1)
	o.pass(time.Minute)
	l := o.w.audience[0]
	l.told["held"] = store.Alert{Cause: "held", Size: 1, Told: o.now} // as after a write that failed
	assert.Empty(t, o.pass(3*time.Hour))
}

func TestW3_AFrozenGroupIsTold(t *testing.T) {
	o := newOffice(t)
	freeze := func(why string) {
		o.update(func(tx *store.Tx) error { return tx.Freeze("00g1", why) })
	}
	o.update(func(tx *store.Tx) error {
		return tx.SetScopeGroups([]store.MappedGroup{{Configured: "QA", ID: "00g1", Name: "QA"}})
	})
	freeze("okta: group: 403 Forbidden")
	assert.Equal(t, []string{"1 group or role cannot be read"}, o.pass(time.Hour))
	freeze("")
	assert.Equal(t, []string{"solved: all groups and roles can be read again"}, o.pass(time.Hour))
}

// walk is a run that ended; change is what it did to 00u1, who moved at a time.
func (o *office) walk(kind store.RunKind, moved time.Time, change store.Action) {
	o.Helper()
	o.update(func(tx *store.Tx) error {
		id, err := tx.WantRun(kind, "", tx.Now)
		require.NoError(o, err)
		_, _, err = tx.StartRun()
		require.NoError(o, err)
		if change != "" {
			_, err = tx.PutPerson(store.Person{OktaID: "00u1", Updated: moved, Status: "ACTIVE"})
			require.NoError(o, err)
			require.NoError(o, tx.AppendLog(store.LogRow{Origin: "reconcile", Run: id, OktaID: "00u1", Action: change, Outcome: store.OutcomeOK}))
		}
		return tx.EndRun(id, "")
	})
}

func TestWhatHooksShouldHaveBroughtIsTold(t *testing.T) {
	const told, over = "a reconcile found 1 change that hooks should have brought", "solved: the last reconcile found nothing that hooks should have brought"
	o := newOffice(t)
	o.walk(store.InitialRun, time.Time{}, "")
	o.now = o.now.Add(5 * time.Minute)
	o.walk(store.ReconcileRun, o.now.Add(-4*time.Minute), store.ActUpdate)
	assert.Empty(t, o.pass(time.Hour), "K5: a hook may be late right after it was made")

	moved := o.now
	o.now = o.now.Add(5 * time.Hour)
	o.walk(store.ReconcileRun, moved, store.ActUpdate)
	assert.Equal(t, []string{told}, o.pass(time.Hour))
	o.walk(store.ReconcileRun, moved, store.ActUpdate)
	assert.Equal(t, []string{over}, o.pass(time.Hour), "who moved before the walk ahead was held up by something else")

	o.set(store.HookVerified, store.FormatTime(o.now))
	moved = o.now.Add(unreliable - time.Minute)
	o.now = o.now.Add(5 * time.Hour)
	o.walk(store.ReconcileRun, moved, store.ActUpdate)
	assert.Empty(t, o.pass(time.Hour), "a hook may be late right after it was verified anew")

	o.set(store.HookVerified, "")
	o.pass(2 * time.Hour)
	o.walk(store.ReconcileRun, o.now.Add(-time.Hour), store.ActUpdate)
	assert.NotContains(t, o.pass(time.Hour), told, "without a verified hook, hooks bring nothing")
}

func TestTheDigestComesByItsSchedule(t *testing.T) {
	o := newOffice(t)
	schedule, err := reconcile.ParseSchedule("CRON_TZ=UTC 0 7 * * *")
	require.NoError(t, err)
	begin := func() {
		o.restart()
		o.w.Digest = schedule
	}
	begin()
	assert.Empty(t, o.pass(18*time.Hour), "from noon to six")
	assert.Equal(t, []string{"digest"}, o.pass(24*time.Hour))
	begin()
	assert.Equal(t, []string{"digest"}, o.pass(24*time.Hour), "a restart neither repeats nor skips one")

	o.now = o.now.Add(5 * 24 * time.Hour) // no worker was up
	begin()
	assert.Equal(t, []string{"digest"}, o.pass(time.Minute), "once, late")
	assert.Empty(t, o.pass(50*time.Minute))

	o.to.fail(http.StatusBadGateway)
	o.pass(24 * time.Hour)
	o.to.fail(0)
	assert.Equal(t, []string{"digest"}, o.pass(2*time.Hour), "one that could not be sent is")
}

func TestDigest(t *testing.T) {
	o := newOffice(t)
	o.walk(store.ReconcileRun, time.Time{}, "")
	o.hold(1)
	o.update(func(tx *store.Tx) error {
		for i := range 25 {
			if err := tx.PutSkip(store.Skip{OktaID: fmt.Sprintf("00u%02d", i), Code: store.SkipMissing, Reason: "Okta has no <last name>",
				Login: fmt.Sprintf("ann%d@example.com", i)}); err != nil {
				return err
			}
		}
		return tx.AppendLog(store.LogRow{Origin: "operator", Action: store.ActDeploy, Outcome: store.OutcomeOK})
	})
	var m Message
	var head store.Head
	require.NoError(t, o.db.View(t.Context(), func(tx *store.Tx) (err error) {
		if head, err = tx.LogHead(); err != nil {
			return err
		}
		m, err = digest(tx)
		return err
	}))
	assert.Contains(t, m.Text, "State: active since 2026-03-01T12:00:00Z. Linked accounts: 0 active, 0 inactive.\n")
	assert.Contains(t, m.Text, "Last comparison: run 1 (reconcile), done at 2026-03-01T12:00:00Z, 0 users seen.\n")
	assert.Contains(t, m.Text, "Skipped: 25\n- 00u00, ann0@example.com, missing: Okta has no ‹last name›\n")
	assert.Equal(t, mostListed, strings.Count(m.Text, "Okta has no"))
	assert.Contains(t, m.Text, "- and 5 more: zensync report skipped\n")
	assert.Contains(t, m.Text, "Held by the brake: 1\n- 1, 00u0, deactivate, too many\n")
	assert.Contains(t, m.Text, "Given up: 0\n")
	assert.True(t, strings.HasSuffix(m.Text, fmt.Sprintf("Log head: 1:%s", head.Hash)), "A1: the head of the log")
}
