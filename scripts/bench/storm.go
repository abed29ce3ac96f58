package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/queue"
	"github.com/zensync/zensync/scripts/bench/stage"
	"github.com/zensync/zensync/store"
)

const (
	// Okta sends at most 400,000 events a day; here they come in ten minutes.
	stormPerSecond = 400_000. / 600
	// eventsEach is how many of them are about one user, on average.
	eventsEach = 10
	// leaversIn is how many users there are for each who leaves: few enough for
	// the brake, which holds more than one in twenty.
	leaversIn = 100
	// stormLeast is how many events a storm has at least: those of a leaver.
	stormLeast = eventsEach * leaversIn
	// allowed is zenqms.max_requests_per_second in a storm, and refusedAt from
	// how many calls in a second on ZenQMS refuses more: a program that keeps
	// to the one may begin the second with calls of the last.
	allowed, refusedAt = 200, 250
	// callsEach is how many calls a user takes: the account is read, and written.
	callsEach = 2
	// hookAnswerMost is how long the relay takes at most to say that it cannot
	// store a hook, in milliseconds; a hook that it stores takes no longer.
	hookAnswerMost = 2500
	// flat is how much more memory the second half of a storm may take than the
	// first: what is left to chance, and to the caches of the store's readers,
	// 2 MiB each, of which there are as many as are needed at the same time.
	flat = 1.25
	// couriers deliver at the same time, as Okta does.
	couriers = 64
)

// stormMeasurement sends more hooks than ZenQMS takes changes, while one
// reconcile follows the other, and sees what becomes of them.
func stormMeasurement(program string, events int) measure.Measurement {
	const name = "relay and worker"
	claim := func(what, figure string, target measure.Target) measure.Claim {
		return measure.Claim{What: fmt.Sprintf("storm of %d hooks, %.0f a second: %s", events, stormPerSecond, what), Figure: figure, Of: name, Target: target}
	}
	return measure.Measurement{
		Name: "storm",
		Contestants: []measure.Contestant{{Name: name, Run: func(ctx context.Context, folder string) (measure.Figures, error) {
			return runStorm(ctx, program, folder, events)
		}}},
		Claims: []measure.Claim{
			claim("not accepted, or accepted and not stored", "missing events", measure.AtMost(0)),
			claim("as many a second as are to come", "of the rate x", measure.AtLeast(0.95)),
			claim("a hook's answer, for which Okta waits 3 s: p99", "hook p99 ms", measure.AtMost(hookAnswerMost)),
			claim("users not in step afterwards", "lost users", measure.AtMost(0)),
			claim("calls of ZenQMS per user who waits at its end", "calls each", measure.AtMost(1.1*callsEach)),
			claim("rate of the drain / the rate allowed", "of allowed x", measure.AtLeast(0.9)),
			claim("leavers' p99 / the others' p50", "leavers first x", measure.AtMost(0.2)),
			claim("relay's peak memory", "relay peak MiB", measure.AtMost(peakMost)),
			claim("worker's peak memory", "worker peak MiB", measure.AtMost(peakMost)),
			claim("worker's peak memory when the last hook has come / when half of them have", "memory growth x", measure.AtMost(flat)),
			claim("the end that status expects when the last hook has come / the true one", "expected x", measure.Target{}),
		},
	}
}

// storm is one that is on.
type storm struct {
	*stage.Stage
	db    *store.DB
	users []oktatest.User
	toll  *toll

	lost    int             // hooks that were not accepted
	answers []time.Duration // how long each took to be answered
}

func runStorm(ctx context.Context, program, folder string, events int) (_ measure.Figures, err error) {
	s := &storm{toll: newToll(events / eventsEach)}
	if s.Stage, err = stage.New(stage.Options{Program: program, Folder: folder, PerSecond: allowed, Limit: refusedAt,
		Hooks: &http.Transport{MaxIdleConnsPerHost: couriers}, ZenQMS: s.toll.on}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for i := range events / eventsEach {
		u := s.Org.Seed(oktatest.Profile{Login: fmt.Sprintf("p%d@example.com", i), Email: fmt.Sprintf("p%d@example.com", i),
			FirstName: "P", LastName: strconv.Itoa(i), Title: title(0)}, oktatest.Active)
		s.Account.AddUser(zenqmstest.User{Email: u.Profile.Email, FirstName: "P", LastName: u.Profile.LastName, Title: title(0), Active: true, ExternalID: u.ID})
		s.users = append(s.users, u)
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	if s.db, err = store.Open(ctx, s.Store()); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.db.Close()) }()
	figures := measure.Figures{}
	if err := s.blow(ctx, events, figures); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.Log("worker"))
	}
	return figures, s.takeStock(ctx, events, figures)
}

// blow sends the hooks, waits until nothing is left to do, and measures what
// passes.
func (s *storm) blow(ctx context.Context, events int, figures measure.Figures) error {
	walking, stopWalks := context.WithCancel(ctx)
	walked := make(chan error, 1)
	var walks float64
	go func() { walked <- s.walkOn(ctx, walking.Done(), &walks) }()
	began := time.Now()
	err := s.send(ctx, events, func() error {
		peak, err := s.peak("worker")
		figures["worker half MiB"] = peak
		return err
	})
	sent := time.Now()
	peak, unknown := s.peak("worker")
	figures["memory growth x"] = peak / figures["worker half MiB"]
	stopWalks()
	figures["sending s"] = sent.Sub(began).Seconds()
	figures["of the rate x"] = float64(events) / stormPerSecond / sent.Sub(began).Seconds()
	waiting, calls := s.toll.standing()
	if err := errors.Join(err, unknown, s.noteStatus(ctx, sent, figures), <-walked); err != nil {
		return err
	}
	figures["walks"] = walks
	if err := await(ctx, s.idle(ctx)); err != nil {
		return err
	}
	took := s.toll.last().Sub(sent)
	_, total := s.toll.standing()
	figures["users waiting"], figures["drain s"] = float64(waiting), took.Seconds()
	figures["calls each"] = float64(total-calls) / float64(max(waiting, 1))
	figures["of allowed x"] = float64(total-calls) / took.Seconds() / allowed
	figures["expected x"] = figures["expected s"] / took.Seconds()
	figures["calls per event"] = float64(total) / float64(events)
	return nil
}

// idle tells whether nothing is left, of hooks or of work. The store is asked
// only when nobody waits any more.
func (s *storm) idle(ctx context.Context) func() (bool, error) {
	return func() (idle bool, err error) {
		if waiting, _ := s.toll.standing(); waiting > 0 {
			return false, nil
		}
		err = s.db.View(ctx, func(tx *store.Tx) error {
			q, err := tx.Queue()
			idle = q.Ready == 0 && q.Waiting == 0
			return err
		})
		return idle, err
	}
}

// walkOn has one reconcile follow the other until stop, and the last one end.
func (s *storm) walkOn(ctx context.Context, stop <-chan struct{}, walks *float64) error {
	for ; ; *walks++ {
		select {
		case <-stop:
			return nil
		default:
		}
		var id int64
		if err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
			tx.Nudge()
			id, err = tx.WantRun(store.ReconcileRun, "", tx.Now)
			return err
		}); err != nil {
			return err
		}
		var run store.Run
		if err := await(ctx, func() (bool, error) {
			err := s.db.View(ctx, func(tx *store.Tx) (err error) {
				run, err = tx.Run(id)
				return err
			})
			return run.Over(), err
		}); err != nil {
			return err
		}
		if run.State != store.RunDone {
			return fmt.Errorf("reconcile %d is %s: %s", id, run.State, run.Error)
		}
	}
}

// noteStatus keeps what `status` says of the backlog.
func (s *storm) noteStatus(ctx context.Context, now time.Time, figures measure.Figures) error {
	out, err := s.Command(ctx, "status", "--format", "json")
	if err != nil {
		return err
	}
	var status struct {
		Queue struct {
			Ready  float64    `json:"ready"`
			Oldest float64    `json:"oldest_seconds"`
			End    *time.Time `json:"expected_end"`
		} `json:"queue"`
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return fmt.Errorf("read what status says: %w\n%s", err, out)
	}
	if status.Queue.End == nil {
		return fmt.Errorf("status expects no end of a backlog:\n%s", out)
	}
	figures["backlog rows"], figures["oldest s"] = status.Queue.Ready, status.Queue.Oldest
	figures["expected s"] = status.Queue.End.Sub(now).Seconds()
	return nil
}

func (s *storm) peak(service string) (float64, error) {
	return peakMemory(strconv.Itoa(s.PID(service)))
}

// takeStock compares both sides, and what was sent with what is stored.
func (s *storm) takeStock(ctx context.Context, events int, figures measure.Figures) error {
	stored, err := queue.Count(ctx, s.Store(), "event")
	if err != nil {
		return err
	}
	figures["missing events"] = float64(max(s.lost, events-stored))
	figures["lost users"] = float64(s.toll.outOfStep(s.Account))
	figures["hook p50 ms"], figures["hook p99 ms"] = quantiles(s.answers)
	leavers, others := s.toll.latencies()
	figures["leavers p50 ms"], figures["leavers p99 ms"] = quantiles(leavers)
	figures["others p50 ms"], figures["others p99 ms"] = quantiles(others)
	figures["leavers first x"] = figures["leavers p99 ms"] / figures["others p50 ms"]
	figures["refused calls"] = float64(s.toll.refusals())
	for _, service := range []string{"relay", "worker"} {
		if figures[service+" peak MiB"], err = s.peak(service); err != nil {
			return err
		}
	}
	return nil
}
