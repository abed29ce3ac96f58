// Package load sends event hooks to a relay as fast as it answers them, over a
// number of connections that stay open. It shares the machine with what it
// measures, so it does little: no HTTP client, no JSON.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Order is what to do.
type Order struct {
	Address string
	Secret  string
	Conns   int
	Warm    time.Duration // not measured
	For     time.Duration
}

// Outcome is what came of it.
type Outcome struct {
	Accepted  int             // hooks answered 204, those of the warming up included
	Latencies []time.Duration // of those that were measured, sorted
	Measured  time.Duration
}

// Send sends hooks and expects 204 for each; any other answer is an error.
func Send(ctx context.Context, o Order) (Outcome, error) {
	begin := time.Now()
	from, to := begin.Add(o.Warm), begin.Add(o.Warm+o.For)
	outcomes := make([]Outcome, o.Conns)
	errs := make([]error, o.Conns)
	var all sync.WaitGroup
	for i := range o.Conns {
		all.Go(func() { outcomes[i], errs[i] = sendOn(ctx, o, from, to) })
	}
	all.Wait()
	sum := Outcome{Measured: o.For}
	for _, one := range outcomes {
		sum.Accepted += one.Accepted
		sum.Latencies = append(sum.Latencies, one.Latencies...)
	}
	slices.Sort(sum.Latencies)
	if len(sum.Latencies) == 0 {
		errs = append(errs, errors.New("no hook was answered in the time"))
	}
	return sum, errors.Join(errs...)
}

// sendOn sends on one connection, one hook at a time. What begins before the
// end is waited for, and counts as measured when its answer came in time.
func sendOn(ctx context.Context, o Order, from, to time.Time) (out Outcome, err error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", o.Address)
	if err != nil {
		return out, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(to.Add(10 * time.Second)); err != nil { // a relay that hangs is an error
		return out, err
	}
	answers := bufio.NewReaderSize(conn, 1024)
	for r := newRequest(o.Address, o.Secret); ctx.Err() == nil; {
		sent := time.Now()
		if sent.After(to) {
			return out, nil
		}
		if _, err := conn.Write(r.next()); err != nil {
			return out, err
		}
		if err := accepted(answers); err != nil {
			return out, err
		}
		out.Accepted++
		if done := time.Now(); sent.After(from) && done.Before(to) {
			out.Latencies = append(out.Latencies, done.Sub(sent))
		}
	}
	return out, ctx.Err()
}

// accepted reads an answer and wants it to be a 204, which has no body.
func accepted(answers *bufio.Reader) error {
	status, err := answers.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 204 ")) {
		return fmt.Errorf("a hook was answered %q", bytes.TrimSpace(status))
	}
	for {
		line, err := answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
	}
}
