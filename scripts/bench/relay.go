package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/zensync/zensync/scripts/bench/load"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/part"
	"github.com/zensync/zensync/scripts/bench/queue"
	"github.com/zensync/zensync/store"
)

// warm is how long a relay serves before it is measured.
const warm = 500 * time.Millisecond

// relayMeasurement compares the relay with its handler storing nothing, and
// with one transaction a request, under the load of so many connections.
func relayMeasurement(conns int, seconds float64) measure.Measurement {
	m := measure.Measurement{Name: fmt.Sprintf("relay-%d", conns)}
	for _, name := range []string{durable, nothing, single} {
		m.Contestants = append(m.Contestants, measure.Contestant{Name: name, Run: func(ctx context.Context, folder string) (measure.Figures, error) {
			return runRelay(ctx, name, folder, conns, seconds)
		}})
	}
	what := func(text string) string { return fmt.Sprintf("relay, %d connections: %s", conns, text) }
	m.Claims = []measure.Claim{
		{What: what("durable / storing nothing"), Figure: "requests/s", Of: durable, To: []string{nothing}, Target: measure.AtLeast(0.65)},
		{What: what("durable / one transaction a request"), Figure: "requests/s", Of: durable, To: []string{single}, Target: measure.AtLeast(4)},
		{What: what("p99, durable / storing nothing"), Figure: "p99 ms", Of: durable, To: []string{nothing}, Target: measure.AtMost(2)},
	}
	return m
}

// runRelay puts a relay in one process under the load of another. This one is
// the worker, as far as the relay can tell: it is woken.
func runRelay(ctx context.Context, contestant, folder string, conns int, seconds float64) (_ measure.Figures, err error) {
	path, secret := filepath.Join(folder, "zensync.db"), rand.Text()
	secretFile, err := writeSecret(folder, secret)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, stop, err := db.Nudges()
	if err != nil {
		return nil, err
	}
	defer stop()

	server, err := part.Start(ctx, "relay", contestant, path, secretFile)
	if err != nil {
		return nil, err
	}
	var address string
	if err := server.Hear(&address); err != nil {
		return nil, err
	}
	var sent sendResult
	err = part.Do(ctx, &sent, "load", address, secret, strconv.Itoa(conns), fmt.Sprint(seconds))
	if err := errors.Join(err, server.Stop(new(any))); err != nil {
		return nil, err
	}
	if contestant != nothing {
		if err := db.Sort(ctx); err != nil {
			return nil, err
		}
		stored, err := queue.Count(ctx, path, "event")
		if err != nil {
			return nil, err
		}
		if stored != sent.Accepted {
			return nil, fmt.Errorf("%d hooks were answered 204, and %d events are stored", sent.Accepted, stored)
		}
	}
	// Where other programs use the machine as well, this varies less than the rate.
	sent.Figures["CPU us"] = float64(server.CPU().Microseconds()) / float64(sent.Accepted)
	return sent.Figures, nil
}

type sendResult struct {
	Accepted int
	Figures  measure.Figures
}

// sendLoad is a part: it sends hooks and returns a sendResult.
func sendLoad(ctx context.Context, args []string, _ func(any) error) (any, error) {
	conns, err := strconv.Atoi(args[2])
	if err != nil {
		return nil, err
	}
	seconds, err := strconv.ParseFloat(args[3], 64)
	if err != nil {
		return nil, err
	}
	out, err := load.Send(ctx, load.Order{Address: args[0], Secret: args[1], Conns: conns, Warm: warm,
		For: time.Duration(seconds * float64(time.Second))})
	if err != nil {
		return nil, err
	}
	return sendResult{out.Accepted, measure.Figures{
		"requests/s": float64(len(out.Latencies)) / out.Measured.Seconds(),
		"p50 ms":     milliseconds(measure.Quantile(out.Latencies, 0.5)),
		"p99 ms":     milliseconds(measure.Quantile(out.Latencies, 0.99)),
	}}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
