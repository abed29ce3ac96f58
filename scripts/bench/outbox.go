package main

import (
	"context"
	"fmt"

	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/part"
	"github.com/zensync/zensync/scripts/bench/queue"
)

// drainPerSecond is how many jobs are worked off for each second of a round:
// the best of the peers does some 3,000 a second.
const drainPerSecond = 3000

// enqueueMeasurement is how many jobs 64 producers get to disk in a second.
func enqueueMeasurement(seconds float64) measure.Measurement {
	return measure.Measurement{
		Name:        "enqueue",
		Contestants: contestants("enqueue", fmt.Sprint(seconds), queue.Zensync, queue.Goqite, queue.Backlite, queue.River),
		Claims: []measure.Claim{{What: "durable enqueue, 64 producers / best peer", Figure: "jobs/s",
			Of: queue.Zensync, To: queue.Peers, Target: measure.AtLeast(6)}},
	}
}

// drainMeasurement is how many jobs that have nothing to do are done in a
// second.
func drainMeasurement(seconds float64) measure.Measurement {
	jobs := max(100, int(seconds*drainPerSecond))
	return measure.Measurement{
		Name:        "drain",
		Contestants: contestants("drain", fmt.Sprint(jobs), queue.Zensync, queue.Goqite, queue.Backlite, queue.River, queue.Worker),
		Claims: []measure.Claim{
			{What: "drain with a record of every attempt / best peer", Figure: "jobs/s", Of: queue.Zensync, To: queue.Peers, Target: measure.AtLeast(5)},
			{What: "drain by the worker, Okta asked each time / best peer", Figure: "jobs/s", Of: queue.Worker, To: queue.Peers},
		},
	}
}

// contestants are queues, each in a process of its own.
func contestants(what, amount string, names ...string) (all []measure.Contestant) {
	for _, name := range names {
		all = append(all, measure.Contestant{Name: name, Run: func(ctx context.Context, folder string) (figures measure.Figures, err error) {
			err = part.Do(ctx, &figures, "queue", what, name, folder, amount)
			return figures, err
		}})
	}
	return all
}
