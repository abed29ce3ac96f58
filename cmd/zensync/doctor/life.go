package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// state looks where the installation stands.
func (v *visit) state(ctx context.Context) []Finding {
	err := v.store.View(ctx, func(tx *store.Tx) (err error) {
		v.stage, err = reconcile.StageOf(tx)
		return err
	})
	if err != nil {
		return []Finding{failed(err.Error(), restored)}
	}
	// Who brought it there, and his words, are in `zensync status` and the log.
	since := "since " + store.FormatTime(v.stage.Since)
	switch v.stage.Life {
	case reconcile.New:
		return []Finding{ok("nothing is deployed yet")}
	case reconcile.Paused:
		return []Finding{warning("paused "+since+": nothing is sent to ZenQMS", "`zensync resume` ends the pause")}
	case reconcile.Unlinking:
		return []Finding{failed("being unlinked "+since+", and not through", "`zensync unlink` finishes it")}
	case reconcile.Unlinked:
		return []Finding{ok("unlinked %s", since)}
	}
	return []Finding{ok("active %s", since)}
}

// working tells whether a worker has anything to do.
func (v *visit) working() bool {
	return v.stage.Life == reconcile.Active || v.stage.Life == reconcile.Paused
}

// idle is why there is nothing to look at of what a worker does.
const idle = "nothing is deployed"

func (v *visit) worker(context.Context) []Finding {
	holder, alive := v.store.Alive(store.WorkerPart)
	switch {
	case alive && v.in.IsService(holder):
		return []Finding{ok("it is up, as `zensync %s`", holder)}
	case !v.working():
		return []Finding{skipped("none is up, and " + idle)}
	case alive:
		return []Finding{warning(fmt.Sprintf("`zensync %s` does its job; none is up to go on after it", holder), startWorker)}
	}
	return []Finding{failed("none is up: nothing is kept in step", startWorker)}
}

const startWorker = "`systemctl start zensync-worker`, or `zensync worker`, or `zensync run`"

// stopped looks whether the worker has stopped sending by itself.
func (v *visit) stopped(ctx context.Context) []Finding {
	if !v.working() {
		return []Finding{skipped(idle)}
	}
	var why string
	if err := v.store.View(ctx, func(tx *store.Tx) (err error) {
		why, err = tx.Setting(store.DrainStopped)
		return err
	}); err != nil {
		return []Finding{failed(err.Error(), restored)}
	}
	if why != "" {
		return []Finding{failed("nothing is sent to ZenQMS: "+why, "mend what okta.token or zenqms.token say; after a change of a file `systemctl restart zensync-worker`. It is tried again once a minute")}
	}
	return []Finding{ok("no credential was refused")}
}

// walk looks how the last one ended, and whether they come.
func (v *visit) walk(ctx context.Context) []Finding {
	if !v.working() {
		return []Finding{skipped(idle)}
	}
	var ended, done []store.Run
	if err := v.store.View(ctx, func(tx *store.Tx) (err error) {
		if ended, err = tx.EndedWalks(1, store.RunDone, store.RunFailed); err != nil {
			return err
		}
		done, err = tx.EndedWalks(1, store.RunDone)
		return err
	}); err != nil {
		return []Finding{failed(err.Error(), restored)}
	}
	switch {
	case len(ended) == 0:
		return []Finding{warning("none has ended yet", "the initial sync may be under way: `zensync status`")}
	case ended[0].State == store.RunFailed:
		return []Finding{failed(fmt.Sprintf("run %d failed %s: %s", ended[0].ID, v.ago(ended[0].Finished), ended[0].Error), "mend what it names; `zensync reconcile` tries again")}
	}
	return []Finding{v.ageOf(done[0])}
}

// ageOf judges when the last walk that came through began: two that were due
// since, and did not come, are no accident.
func (v *visit) ageOf(last store.Run) Finding {
	seen := fmt.Sprintf("run %d came through %s", last.ID, v.ago(last.Finished))
	due := v.in.Schedule.Next(last.Started)
	if !due.IsZero() {
		due = v.in.Schedule.Next(due)
	}
	if v.stage.Life == reconcile.Paused || due.IsZero() || v.now().Before(due.Add(time.Hour)) { // an hour for a long one under way
		return ok("%s", seen)
	}
	return failed(seen+", and two that were due since did not", "is a worker up? `zensync reconcile` makes one now")
}

// queue looks at what waits.
func (v *visit) queue(ctx context.Context) []Finding {
	if !v.working() {
		return []Finding{skipped(idle)}
	}
	var q store.Queue
	if err := v.store.View(ctx, func(tx *store.Tx) (err error) {
		q, err = tx.Queue()
		return err
	}); err != nil {
		return []Finding{failed(err.Error(), restored)}
	}
	seen := fmt.Sprintf("%d ready, %d waiting, %d held, %d given up", q.Ready, q.Waiting, q.Held, q.Dead)
	switch {
	case q.Dead > 0:
		return []Finding{warning(seen, "`zensync report dead` says why, `zensync retry` tries again")}
	case q.Held > 0:
		return []Finding{warning(seen, "`zensync report held` says what, `zensync approve` or `zensync discard` decides")}
	case q.Oldest > time.Hour && v.stage.Life == reconcile.Active:
		return []Finding{warning(fmt.Sprintf("%s; the oldest for %s", seen, q.Oldest.Round(time.Minute)), "is a worker up?")}
	}
	return []Finding{ok("%s", seen)}
}
