package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/zensync/zensync/store"
)

// Schedule says when the next reconcile is due after a time. It is
// cron.Schedule, named here so that only this package needs to know.
type Schedule = cron.Schedule

// ParseSchedule reads a standard cron spec (minute hour day month weekday,
// CRON_TZ= in front for another zone than the host's) or "@every 6h".
func ParseSchedule(spec string) (Schedule, error) {
	s, err := cron.ParseStandard(spec)
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", spec, err)
	}
	return s, nil
}

// startRun asks for a scheduled walk that is due and takes the next wanted
// one. A time that passed while no worker was up is served once, late. It looks
// after times that a clock has left behind as well.
func (w *Worker) startRun(ctx context.Context) (run store.Run, started bool, err error) {
	var wanted bool
	if err := w.DB.View(ctx, func(tx *store.Tx) error {
		due, any, err := tx.NextRun()
		if err != nil {
			return err
		}
		wanted = any && !due.After(tx.Now)
		next, err := w.nextScheduled(tx)
		wanted = wanted || !next.IsZero() && !next.After(tx.Now)
		if err != nil || wanted {
			return err
		}
		wanted, err = clockWasAhead(tx)
		return err
	}); err != nil || !wanted {
		return run, false, ignoreStop(ctx, err)
	}
	err = w.DB.UpdateSorted(ctx, func(tx *store.Tx) error {
		if err := w.recall(tx); err != nil {
			return err
		}
		state, err := tx.Setting(store.LifeState)
		if err != nil || state != string(Active) {
			return err
		}
		if err := w.schedule(tx); err != nil {
			return err
		}
		run, started, err = tx.StartRun()
		return err
	})
	return run, started, ignoreStop(ctx, err)
}

// schedule turns a scheduled time that has come into a wanted run.
func (w *Worker) schedule(tx *store.Tx) error {
	next, err := w.nextScheduled(tx)
	if err != nil || next.IsZero() || next.After(tx.Now) {
		return err
	}
	if _, err := tx.WantRun(store.ReconcileRun, "", tx.Now); err != nil {
		return err
	}
	return tx.SetSetting(store.ScheduledUntil, store.FormatTime(tx.Now))
}

// nextScheduled is the next scheduled time, counted from the last one served,
// or from the first look when there was none; zero without a schedule.
func (w *Worker) nextScheduled(tx *store.Tx) (time.Time, error) {
	if w.Schedule == nil {
		return time.Time{}, nil
	}
	served, err := tx.ScheduledUntil()
	if err != nil || served.IsZero() {
		return time.Time{}, err
	}
	// The spec speaks of the host's own zone.
	return w.Schedule.Next(served.Local()), nil
}

// NextRun is when the next walk starts: one that was asked for, or the next of
// the schedule; zero if never.
func NextRun(tx *store.Tx, s Schedule) (time.Time, error) {
	scheduled, err := NextScheduled(tx, s)
	if err != nil {
		return time.Time{}, err
	}
	asked, any, err := tx.NextRun()
	if any && (scheduled.IsZero() || asked.Before(scheduled)) {
		return asked, err
	}
	return scheduled, err
}

// NextScheduled is when the next scheduled reconcile starts, zero if never.
func NextScheduled(tx *store.Tx, s Schedule) (time.Time, error) {
	return (&Worker{Schedule: s}).nextScheduled(tx)
}
