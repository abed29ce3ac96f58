package reconcile

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

const (
	patience = 10 * time.Second
	tick     = 5 * time.Millisecond
)

// realTime gives the world the machine's clock, for tests of the loop itself.
func (w *world) realTime() { w.db.Now = time.Now }

// running starts the worker's loop and stops it when the test ends.
func (w *world) running() (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.w.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(w, <-ended)
		})
	}
	w.Cleanup(stop)
	return stop
}

func (w *world) eventually(why string, condition func() bool) {
	w.Helper()
	require.Eventually(w, condition, patience, tick, why)
}

// Without a poll nothing but the nudge wakes it. One of several could find the
// worker awake by chance.
func TestWorkerIsWokenByANudge(t *testing.T) {
	w := newWorld(t)
	w.realTime()
	w.w.poll = time.Hour
	w.running()
	for _, last := range []string{"Byron", "Cole", "Dunn", "Eco", "Fox"} {
		u := w.hire("Ada", last, "ACTIVE")
		w.hooks()
		w.db.Nudge()
		w.eventually("the nudge wakes the worker", func() bool { return w.link(u.ID).OktaID != "" })
		assert.Equal(t, last, w.account(u.ID).LastName)
	}
}

// A nudge is a courtesy: without any, the slow poll finds what came.
func TestWorkerFindsByItsPollWhatNobodyNudgedItAbout(t *testing.T) {
	w := newWorld(t)
	w.realTime()
	w.w.poll = tick
	w.running()
	for _, last := range []string{"Byron", "Cole", "Dunn", "Eco", "Fox"} {
		u := w.hire("Ada", last, "ACTIVE")
		w.hooks()
		w.eventually("the poll finds it", func() bool { return w.link(u.ID).OktaID != "" })
	}
}

func TestWorkerStopsWithoutLosingWhatIsUnderWay(t *testing.T) {
	w := newWorld(t)
	w.realTime()
	for range 40 {
		w.hire("P"+idText(int64(w.acct.Len()+len(w.org.Users()))), "Person", "ACTIVE")
	}
	w.hooks()
	w.acct.Latency(20 * time.Millisecond)
	stop := w.running()
	w.db.Nudge()
	w.eventually("some are done", func() bool { return w.acct.Len() > 3 })
	start := time.Now()
	stop()
	assert.Less(t, time.Since(start), lastCalls, "calls under way end, and no new ones begin")
	w.view(func(tx *store.Tx) error {
		links, err := tx.LinkCount()
		assert.EqualValues(t, w.acct.Len(), links.Active, "every account that was made is known")
		q, _ := tx.Queue()
		assert.Positive(t, q.Ready, "and the others are still to do")
		return err
	})
	w.running()
	w.eventually("the next worker does the rest", func() bool { return w.acct.Len() == 40 })
}

func TestWorkerRunsWantedAndScheduledWalks(t *testing.T) {
	w := newWorld(t)
	w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.realTime()
	schedule, err := ParseSchedule("@every 1s")
	require.NoError(t, err)
	w.w.Schedule = schedule
	w.update(func(tx *store.Tx) error { return tx.SetSetting(store.ScheduledUntil, store.FormatTime(tx.Now)) })
	w.running()
	w.eventually("a lost hook is caught by the schedule", func() bool { return w.acct.Len() == 1 })
	runs := w.report("runs", store.ReportArgs{})
	assert.Equal(t, "reconcile", runs[len(runs)-1]["kind"])
}

func TestK1_RunsNeverOverlap(t *testing.T) {
	w := newWorld(t)
	w.hire("Ada", "Byron", "ACTIVE")
	w.org.DropAll()
	w.org.Fail(oktatest.Match{Route: "/api/v1/users"}, -1, oktatest.Fault{Latency: 100 * time.Millisecond}) // long enough to be overtaken
	w.realTime()
	w.update(func(tx *store.Tx) error {
		for _, kind := range []store.RunKind{store.InitialRun, store.ReconcileRun} {
			if _, err := tx.WantRun(kind, "", tx.Now); err != nil {
				return err
			}
		}
		return nil
	})
	w.running()
	run := func(id int64) (r store.Run) {
		w.view(func(tx *store.Tx) (err error) {
			r, err = tx.Run(id)
			return err
		})
		return r
	}
	w.eventually("both runs end", func() bool { return run(1).Over() && run(2).Over() })
	assert.False(t, run(2).Started.Before(run(1).Finished), "K1: the second starts when the first has ended")
}

func TestC5_ACommandWaitsForTheWorkerOrDoesTheWorkItself(t *testing.T) {
	ask := func(w *world, id string) func(*store.Tx) (bool, error) {
		var row int64
		w.update(func(tx *store.Tx) (err error) {
			row, err = tx.Enqueue(store.Promise{OktaID: id, Origin: store.FromManual, Priority: store.ManualPriority})
			return err
		})
		w.db.Nudge()
		return RowsTried([]int64{row})
	}
	t.Run("no worker is up", func(t *testing.T) {
		w := newWorld(t)
		w.realTime()
		u := w.hire("Ada", "Byron", "ACTIVE")
		require.NoError(t, w.w.Attend(t.Context(), "sync", ask(w, u.ID)))
		assert.Equal(t, u.ID, w.account(u.ID).ExternalID)
		_, alive := w.db.Alive(store.WorkerPart)
		assert.False(t, alive, "the lock is given back")
	})
	t.Run("a worker is up", func(t *testing.T) {
		w := newWorld(t)
		w.realTime()
		lock, err := w.db.TryLock(store.WorkerPart, "worker")
		require.NoError(t, err)
		defer func() { require.NoError(t, lock.Release()) }()
		w.running()
		u := w.hire("Ada", "Byron", "ACTIVE")
		other := &Worker{DB: w.db} // could not work if it tried
		require.NoError(t, other.Attend(t.Context(), "sync", ask(w, u.ID)))
		assert.Equal(t, u.ID, w.account(u.ID).ExternalID)
	})
	t.Run("the worker dies meanwhile", func(t *testing.T) {
		w := newWorld(t)
		w.realTime()
		lock, err := w.db.TryLock(store.WorkerPart, "worker")
		require.NoError(t, err)
		u := w.hire("Ada", "Byron", "ACTIVE")
		done := ask(w, u.ID)
		w.update(func(tx *store.Tx) error { // he took it and died
			_, err := tx.Claim(w.w.epoch, 1)
			return err
		})
		var looks int
		require.NoError(t, w.w.Attend(t.Context(), "sync", func(tx *store.Tx) (bool, error) {
			if looks++; looks == 3 {
				require.NoError(t, lock.Release())
			}
			return done(tx)
		}))
		assert.Equal(t, u.ID, w.account(u.ID).ExternalID, "C5: what a dead worker left running is taken up")
	})
	t.Run("the first outcome is enough", func(t *testing.T) {
		w := newWorld(t)
		w.realTime()
		u := w.hire("Ada", "Byron", "ACTIVE")
		w.acct.Fail(zenqmstest.OnAny, zenqmstest.Always, zenqmstest.Fault{Status: 500})
		require.NoError(t, w.w.Attend(t.Context(), "sync", ask(w, u.ID)), "C5: not the last retry")
	})
	t.Run("a run", func(t *testing.T) {
		w := newWorld(t)
		w.realTime()
		for i := range 30 {
			w.hire("P"+idText(int64(i)), "Person", "ACTIVE")
		}
		w.org.DropAll()
		var id int64
		w.update(func(tx *store.Tx) (err error) {
			id, err = tx.WantRun(store.InitialRun, "olga", tx.Now)
			return err
		})
		var last store.Progress
		require.NoError(t, w.w.Attend(t.Context(), "deploy", RunOver(id, func(_ store.Run, p store.Progress) { last = p })))
		assert.Equal(t, 30, w.acct.Len())
		assert.EqualValues(t, 30, last.Tried)
	})
}

func TestNamesAndAddressesStayOutOfTheProcessLog(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.w.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	u := w.hire("Ada", "Byron", "ACTIVE")
	w.acct.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{Status: 500, Message: "cannot store Ada Byron <ada.byron@example.com>"})
	w.sync()
	w.org.SetStatus(u.ID, "ACTIVATING")
	w.hooks()
	w.pass(time.Minute)
	w.drain()
	w.org.Fail(oktatest.Match{Route: "/api/v1/users"}, -1, oktatest.Fault{Status: 400})
	w.walk(store.ReconcileRun)
	require.Contains(t, log.String(), u.ID, "people are Okta ids there")
	assert.Contains(t, log.String(), "walk failed")
	for _, private := range []string{"Ada", "Byron", "example.com", zenqmstest.DefaultToken} {
		assert.NotContains(t, log.String(), private)
	}
}

func TestE4_APanicIsThatUsersFailureAlone(t *testing.T) {
	w := newWorld(t)
	sick, well := w.hire("Sick", "User", "ACTIVE"), w.hire("Well", "User", "ACTIVE")
	w.w.ZenQMS = panicky{w.w.ZenQMS, "sick.user@example.com"}
	w.sync()
	assert.True(t, w.account(well.ID).Active, "E4: one sick user never blocks another")
	assert.Equal(t, []string{"open", "open"}, w.states(sick.ID), "and his promises are kept for later")
	assert.Empty(t, w.w.addresses.locked, "E3: his address is free, else his next attempt would wait for ever, and the worker with it")
}

// panicky is a ZenQMS that panics about one address.
type panicky struct {
	ZenQMS
	about string
}

func (p panicky) ByEmail(ctx context.Context, email string) ([]zenqms.User, error) {
	if email == p.about {
		panic(email)
	}
	return p.ZenQMS.ByEmail(ctx, email)
}
