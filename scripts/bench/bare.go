package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/scripts/bench/part"
)

// bare is what stands between a hook and the call of ZenQMS on this machine
// whatever a program does: a delivery, two flushes, a nudge from one process to
// another, a reading of Okta beside the second flush, and one of ZenQMS.
const bare = "the exchanges and flushes alone"

const (
	hookBytes = 1400         // of a delivery, as Okta's are
	walBytes  = 3 * 4096     // that a small transaction appends to SQLite's log
	answer    = `{"id":"1"}` // of whoever is asked
)

// runBare measures it, as runLatency does the relay and the worker.
func runBare(ctx context.Context, folder string, samples int) (_ measure.Figures, err error) {
	arrivals := make(chan time.Time, 1)
	sides := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			arrivals <- time.Now()
		}
		_, _ = io.WriteString(w, answer) // whoever does not get it says so
	}))
	defer sides.Close()
	wake := filepath.Join(folder, "wake")
	worker, err := part.Start(ctx, "bare-worker", filepath.Join(folder, "worker.wal"), wake, sides.URL)
	if err != nil {
		return nil, err
	}
	if err := worker.Hear(new(string)); err != nil {
		return nil, err
	}
	relay, err := part.Start(ctx, "bare-relay", filepath.Join(folder, "relay.wal"), wake)
	if err != nil {
		return nil, err
	}
	var address string
	if err := relay.Hear(&address); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.Stop(new(any)), worker.Stop(new(any))) }()
	var all []time.Duration
	for i := range warmSamples + samples {
		time.Sleep(gap())
		sent := time.Now()
		if err := exchange(http.MethodPost, "http://"+address, make([]byte, hookBytes)); err != nil {
			return nil, err
		}
		select {
		case at := <-arrivals:
			if i >= warmSamples {
				all = append(all, at.Sub(sent))
			}
		case <-time.After(lost):
			return nil, errors.New("no call arrived")
		}
	}
	slices.Sort(all)
	return measure.Figures{"p50 ms": milliseconds(measure.Quantile(all, 0.5)), "p99 ms": milliseconds(measure.Quantile(all, 0.99))}, nil
}

// bareRelay is a part: it flushes what it is sent, and nudges.
func bareRelay(ctx context.Context, args []string, say func(any) error) (any, error) {
	file, err := os.Create(args[0])
	if err != nil {
		return nil, err
	}
	defer file.Close()
	nudge, err := net.Dial("unixgram", args[1])
	if err != nil {
		return nil, err
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if err = errors.Join(err, flush(file)); err == nil {
			_, err = nudge.Write([]byte{1})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	if err := say(server.Listener.Addr().String()); err != nil {
		return nil, err
	}
	<-ctx.Done()
	return nil, nudge.Close()
}

// bareWorker is a part: nudged, it flushes and asks Okta at once, then ZenQMS,
// and tells that.
func bareWorker(ctx context.Context, args []string, say func(any) error) (any, error) {
	file, err := os.Create(args[0])
	if err != nil {
		return nil, err
	}
	defer file.Close()
	nudges, err := net.ListenPacket("unixgram", args[1])
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = nudges.Close() })
	if err := say("ready"); err != nil {
		return nil, err
	}
	for {
		if _, _, err := nudges.ReadFrom(make([]byte, 1)); err != nil {
			return nil, nil // told to stop
		}
		flushed := make(chan error, 1)
		go func() { flushed <- flush(file) }()
		err := exchange(http.MethodGet, args[2], nil)
		if err := errors.Join(err, <-flushed); err != nil {
			return nil, err
		}
		for _, method := range []string{http.MethodGet, http.MethodPatch} {
			if err := exchange(method, args[2], nil); err != nil {
				return nil, err
			}
		}
	}
}

// flush appends what a small transaction appends, and waits for the disk.
func flush(file *os.File) error {
	if _, err := file.Write(make([]byte, walBytes)); err != nil {
		return err
	}
	return syscall.Fsync(int(file.Fd()))
}

func exchange(method, url string, body []byte) error {
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %s", method, answer.Status)
	}
	return nil
}
