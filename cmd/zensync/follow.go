package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// follow waits until a run is over, and shows how far it is.
func follow(ctx context.Context, w *reconcile.Worker, holder string, run int64, talk io.Writer) error {
	p := &runProgress{talk: talk}
	defer p.Close()
	return w.Attend(ctx, holder, unlessStopped(reconcile.RunOver(run, p.show)))
}

// stopPatience is how long a refused credential has to show before a command
// gives up waiting. A worker that starts takes back what an earlier one said.
const stopPatience = 2 * time.Second

// unlessStopped is done, but ends with an error when nothing is sent because a
// credential is refused, or because somebody paused: that takes a person, and
// nobody knows how long.
func unlessStopped(done func(*store.Tx) (bool, error)) func(*store.Tx) (bool, error) {
	var since time.Time
	return func(tx *store.Tx) (bool, error) {
		over, err := done(tx)
		if over && err == nil {
			return true, stoppedShort(tx)
		}
		if err != nil {
			return false, err
		}
		if err := stillActive(tx); err != nil {
			return false, err
		}
		why, err := tx.Setting(store.DrainStopped)
		switch {
		case err != nil:
			return false, err
		case why == "":
			since = time.Time{}
		case since.IsZero():
			since = tx.Now
		case tx.Now.Sub(since) >= stopPatience:
			return false, errStopped(why)
		}
		return false, nil
	}
}

// stoppedShort is the error of what has met its first outcome, and was for the
// credential as far as it waits for another.
func stoppedShort(tx *store.Tx) error {
	why, err := tx.Setting(store.DrainStopped)
	if err != nil || why == "" {
		return err
	}
	queue, err := tx.Queue()
	if err != nil || queue.Ready+queue.Waiting == 0 {
		return err
	}
	return errStopped(why)
}

func errStopped(why string) error {
	return fmt.Errorf("nothing can be sent: %s; mend the credential: what was asked for is kept, and done then", why)
}

// runProgress shows the two phases of a run on a terminal: reading Okta, and
// bringing ZenQMS in step.
type runProgress struct {
	talk  io.Writer
	phase string
	bar   *output.Progress
}

func (p *runProgress) show(run store.Run, at store.Progress) {
	if at.Total == 0 {
		p.enter("users read").Set(run.Users, 0)
		return
	}
	p.enter("users synced").Set(at.Tried, at.Total)
}

func (p *runProgress) enter(phase string) *output.Progress {
	if p.phase != phase {
		p.Close()
		p.phase, p.bar = phase, output.NewProgress(p.talk, phase)
	}
	return p.bar
}

// Close takes the bar off the screen.
func (p *runProgress) Close() {
	if p.bar != nil {
		p.bar.Close()
	}
}
