package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/scripts/bench/crowd"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/part"
)

const (
	// movers are the people whom hooks are about during a walk.
	movers = 1000
	// hookGapMin and hookGapMax bound the random time between two hooks.
	hookGapMin, hookGapMax = 5 * time.Millisecond, 45 * time.Millisecond
	// hookSamples is how many hooks are measured at least: of fewer the p99
	// would be the slowest or the one next to it.
	hookSamples = 500
)

// patches passes calls of ZenQMS on, and notes when a write arrives.
type patches struct {
	next     http.Handler
	arrivals chan arrival
}

func (p *patches) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPatch {
		p.arrivals <- arrival{time.Now(), r.URL.Path}
	}
	p.next.ServeHTTP(w, r)
}

// sendHooks has a relay of its own sent hooks, one after the other, until over,
// which is told how many were measured, says so, and returns how long each took
// to bring about a call of ZenQMS.
func (o *walkOrg) sendHooks(ctx context.Context, over func(measured int) (bool, error)) (latencies []time.Duration, err error) {
	secret := rand.Text()
	secretFile, err := writeSecret(o.folder, secret)
	if err != nil {
		return nil, err
	}
	relay, err := part.Start(ctx, "relay", durable, o.store(), secretFile)
	if err != nil {
		return nil, err
	}
	var address string
	if err := relay.Hear(&address); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.Stop(new(any))) }()
	envelope := oktatest.New(oktatest.Options{})
	for i := 0; ; i++ {
		if done, err := over(len(latencies)); done || err != nil {
			return latencies, err
		}
		time.Sleep(hookGapMin + mathrand.N(hookGapMax-hookGapMin))
		who := i % min(o.people, movers)
		o.org.Change(who)
		body := envelope.Envelope(oktatest.Event{UUID: rand.Text(), Published: time.Now(), Type: "user.account.update_profile",
			Targets: []oktatest.Target{{ID: crowd.ID(who), Type: "User"}}})
		sent := time.Now()
		if err := post(ctx, address, secret, body); err != nil {
			return nil, err
		}
		took, err := o.arrived(ctx, who, sent)
		if err != nil {
			return nil, err
		}
		if i >= warmSamples {
			latencies = append(latencies, took)
		}
	}
}

func post(ctx context.Context, address, secret string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/okta/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", secret)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("a hook was answered %s", resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}

// arrived waits for ZenQMS to be told of somebody. ZenQMS's id is his number
// and 1.
func (o *walkOrg) arrived(ctx context.Context, who int, sent time.Time) (time.Duration, error) {
	select {
	case a := <-o.calls.arrivals:
		if !strings.HasSuffix(a.path, fmt.Sprintf("/users/%d", who+1)) {
			return 0, fmt.Errorf("a call of %s arrived instead of one about the account %d", a.path, who+1)
		}
		return a.at.Sub(sent), nil
	case <-time.After(lost):
		return 0, fmt.Errorf("no call about person %d within %s of the hook", who, lost)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// quantiles are p50 and p99 in milliseconds.
func quantiles(all []time.Duration) (p50, p99 float64) {
	slices.Sort(all)
	return milliseconds(measure.Quantile(all, 0.5)), milliseconds(measure.Quantile(all, 0.99))
}
