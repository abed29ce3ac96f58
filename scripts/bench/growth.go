package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/zensync/zensync/scripts/bench/crowd"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/past"
	"github.com/zensync/zensync/scripts/bench/queue"
	"github.com/zensync/zensync/store"
)

const (
	year, day = 365 * 24 * time.Hour, 24 * time.Hour
	// pastPeople is how many people a past is about, and pastEach, where there
	// are more, how many events of a year each of them has.
	pastPeople, pastEach = 10_000, 100
	// drained is how many promises are worked off.
	drained = 2000
	// grown is how much longer something may take in a store that has a past,
	// and slower how much of the rate of a drain has to be left: it is meant to
	// be none, and the rest is the machine's.
	grown, slower = 1.5, 0.8
)

// growthMeasurement compares a store that has seen a year's events with one
// that has seen the last day of them: what is asked of that day, how the
// installation stands, and the drain.
func growthMeasurement(folder string, events int) measure.Measurement {
	const old, young = "a year", "its last day"
	people := max(pastPeople, events/pastEach)
	return measure.Measurement{
		Name: "growth",
		Contestants: []measure.Contestant{
			grownStore(old, filepath.Join(folder, "year"), events, people, year),
			grownStore(young, filepath.Join(folder, "day"), max(1, events/365), people, day),
		},
		Claims: []measure.Claim{
			{What: fmt.Sprintf("all reports --since 1d, %d events in a year / those of the last day alone", events), Figure: "reports ms", Of: old, To: []string{young}, Target: measure.AtMost(grown)},
			{What: "status, the same", Figure: "status ms", Of: old, To: []string{young}, Target: measure.AtMost(grown)},
			{What: "drain by the worker, ZenQMS answering at once, the same", Figure: "worker users/s", Of: old, To: []string{young}, Target: measure.AtLeast(slower)},
			{What: "the store's part of a drain alone, the same", Figure: "drain jobs/s", Of: old, To: []string{young}, Target: measure.AtLeast(slower)},
			{What: "size of the store with a year, a kept promise with its event and log row", Figure: "of a promise bytes", Of: old},
		},
	}
}

// grownStore is a store with a past, made when it is first needed and kept for
// all rounds.
func grownStore(name, folder string, events, people int, over time.Duration) measure.Contestant {
	o := &walkOrg{people: people, folder: folder}
	made := false
	return measure.Contestant{Name: name, Run: func(ctx context.Context, _ string) (measure.Figures, error) {
		if !made {
			began := time.Now()
			if err := o.live(ctx, events, over); err != nil {
				return nil, err
			}
			fmt.Fprintf(os.Stderr, "growth: %s was made in %s\n", name, time.Since(began).Round(time.Second))
			made = true
		}
		figures, err := useGrown(ctx, o.store(), events)
		if err != nil {
			return nil, err
		}
		figures["worker users/s"], err = o.drain(ctx)
		return figures, err
	}}
}

// drain has a worker drain a change of each of the movers, and returns how many
// of them a second ZenQMS was told of.
func (o *walkOrg) drain(ctx context.Context) (perSecond float64, err error) {
	n := min(o.people, movers)
	_, err = o.employ(ctx, func(db *store.DB) error {
		for who := range n {
			o.org.Change(who)
		}
		if err := db.Update(ctx, func(tx *store.Tx) error {
			tx.Nudge()
			for who := range n {
				if _, err := tx.Enqueue(store.Promise{OktaID: crowd.ID(who), Origin: store.FromHook, Priority: store.HookPriority}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		began := time.Now()
		for range n {
			select {
			case <-o.calls.arrivals:
			case <-time.After(lost):
				return fmt.Errorf("no call of ZenQMS within %s, though somebody is yet to be told of", lost)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		perSecond = float64(n) / time.Since(began).Seconds()
		return nil
	})
	return perSecond, err
}

// live makes the store, with so many events of the time until now.
func (o *walkOrg) live(ctx context.Context, events int, over time.Duration) error {
	o.enlist()
	if err := os.MkdirAll(o.folder, 0o700); err != nil {
		return err
	}
	db, err := store.Open(ctx, o.store())
	if err != nil {
		return err
	}
	if err := errors.Join(crowd.Fill(ctx, db, o.org), db.Close(), past.Fill(ctx, o.store(), events, o.people, over)); err != nil {
		return err
	}
	if db, err = store.Open(ctx, o.store()); err != nil {
		return err
	}
	return errors.Join(db.Optimize(ctx), db.Close()) // as a worker does every day
}

func useGrown(ctx context.Context, path string, events int) (figures measure.Figures, err error) {
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	figures = measure.Figures{}
	if figures["drain jobs/s"], err = queue.DrainStore(ctx, db, drained); err != nil {
		return nil, err
	}
	for _, r := range store.Reports() {
		ms, err := timed(ctx, db, func(tx *store.Tx) error {
			_, _, err := tx.Report(r, store.ReportArgs{Since: tx.Now.Add(-day)})
			return err
		})
		if err != nil {
			return nil, err
		}
		figures["report "+r.Name+" ms"] = ms
		figures["reports ms"] += ms
	}
	if figures["status ms"], err = timed(ctx, db, standing); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	figures["file MiB"] = float64(info.Size()) / (1 << 20)
	figures["of a promise bytes"] = float64(info.Size()) / float64(events)
	return figures, nil
}

// looks is how often something is looked at; the first time is not counted, and
// the next ones still find the cache full of what was looked at before.
const looks = 20

// timed is the shortest that a look takes: what is longer is the machine's.
func timed(ctx context.Context, db *store.DB, look func(*store.Tx) error) (ms float64, err error) {
	shortest := time.Hour
	for i := range looks + 1 {
		began := time.Now()
		if err := db.View(ctx, look); err != nil {
			return 0, err
		}
		if i > 0 {
			shortest = min(shortest, time.Since(began))
		}
	}
	return milliseconds(shortest), nil
}

// standing is what status asks the store.
func standing(tx *store.Tx) error {
	_, queue := tx.Queue()
	_, _, end := tx.ExpectedEnd()
	_, links := tx.LinkCount()
	_, skips := tx.SkipCount()
	_, event := tx.LastEvent()
	_, _, run := tx.LastRun()
	_, groups := tx.MappedGroups()
	_, roles := tx.RoleRules()
	_, head := tx.LogHead()
	return errors.Join(queue, end, links, skips, event, run, groups, roles, head)
}
