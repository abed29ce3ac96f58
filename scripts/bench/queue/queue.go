// Package queue has the outbox and the queues it is compared with do the same:
// take jobs from many producers, and work them off. All of them keep their
// jobs in SQLite through the same driver, with every commit on disk.
package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/zensync/zensync/scripts/bench/measure"
)

// Queue is a contestant. A job is the id of a user, 20 bytes.
type Queue interface {
	// Enqueue adds one job, which is on disk when it returns. Many call it at
	// the same time.
	Enqueue(ctx context.Context, id string) error
	// Fill adds n jobs, however it goes fastest.
	Fill(ctx context.Context, n int) error
	// Drain works off all n jobs there are, and returns when the last one's end
	// is on disk.
	Drain(ctx context.Context, n int) error
	// Left is how many jobs are not done.
	Left(ctx context.Context) (int, error)
	// CheckDurable asks the connection in use whether its commits are on disk.
	CheckDurable(ctx context.Context) error
	Close() error
}

// The names of the contestants.
const (
	Zensync  = "zensync"
	Worker   = "zensync's worker"
	Goqite   = "goqite"
	Backlite = "backlite"
	River    = "river"
)

// Peers are those the outbox is compared with.
var Peers = []string{Goqite, Backlite, River}

var openers = map[string]func(ctx context.Context, folder string) (Queue, error){
	Zensync: openZensync, Worker: openWorker, Goqite: openGoqite, Backlite: openBacklite, River: openRiver,
}

// producers add jobs at the same time, each one after the other.
const producers = 64

// Part is the part of a process: args are enqueue or drain, the contestant, a
// folder, and for how many seconds or how many jobs.
func Part(ctx context.Context, args []string, _ func(any) error) (_ any, err error) {
	open, found := openers[args[1]]
	if !found {
		return nil, fmt.Errorf("there is no queue %q", args[1])
	}
	amount, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return nil, err
	}
	q, err := open(ctx, args[2])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.CheckDurable(context.WithoutCancel(ctx)), q.Close()) }()
	if err := q.CheckDurable(ctx); err != nil {
		return nil, err
	}
	if args[0] == "enqueue" {
		return enqueue(ctx, q, time.Duration(amount*float64(time.Second)))
	}
	return drain(ctx, q, int(amount))
}

// enqueue has the producers add jobs for a time, and counts what is stored.
func enqueue(ctx context.Context, q Queue, long time.Duration) (measure.Figures, error) {
	var added atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, producers)
	begin, used := time.Now(), cpu()
	for i := range producers {
		all.Go(func() {
			for time.Since(begin) < long && errs[i] == nil {
				errs[i] = q.Enqueue(ctx, userID(added.Add(1)))
			}
		})
	}
	all.Wait()
	took, used := time.Since(begin), cpu()-used
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	stored, err := q.Left(ctx)
	if err != nil {
		return nil, err
	}
	if int64(stored) != added.Load() {
		return nil, fmt.Errorf("%d jobs were taken, and %d are stored", added.Load(), stored)
	}
	return figures(stored, took, used), nil
}

// drain fills the queue with n jobs and has it work them off.
func drain(ctx context.Context, q Queue, n int) (measure.Figures, error) {
	if err := q.Fill(ctx, n); err != nil {
		return nil, fmt.Errorf("fill the queue: %w", err)
	}
	if left, err := q.Left(ctx); err != nil || left != n {
		return nil, errors.Join(fmt.Errorf("%d jobs were added, and %d are stored", n, left), err)
	}
	begin, used := time.Now(), cpu()
	if err := q.Drain(ctx, n); err != nil {
		return nil, err
	}
	took, used := time.Since(begin), cpu()-used
	if left, err := q.Left(ctx); err != nil || left != 0 {
		return nil, errors.Join(fmt.Errorf("%d of %d jobs were not done", left, n), err)
	}
	return figures(n, took, used), nil
}

func figures(jobs int, took, used time.Duration) measure.Figures {
	return measure.Figures{"jobs/s": float64(jobs) / took.Seconds(), "CPU us": float64(used.Microseconds()) / float64(jobs)}
}

// cpu is the processor time of this process so far. Where other programs use
// the machine as well, it varies less than a rate.
func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // there is no other reason than a wrong argument
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// userID is an id like Okta's.
func userID(n int64) string { return fmt.Sprintf("00u%017d", n) }
