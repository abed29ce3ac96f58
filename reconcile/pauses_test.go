package reconcile

import (
	"context"
	"errors"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/zensync/zensync/store"
)

// paused tells whether a pause is on.
func (m *model) paused() bool { return !m.pausedAt.IsZero() }

// pause is rule C2: from here on nothing is taken, until somebody resumes.
func (h *history) pause() {
	_, fresh, err := Pause{Actor: "olga", Reason: "an audit"}.Begin(context.Background(), h.db)
	h.must(err)
	if fresh == h.paused() {
		h.Errorf("C2: the first pause stands: fresh is %v", fresh)
	}
	if fresh {
		h.pausedAt = time.Now()
		h.say("paused")
	}
}

func (h *history) resume() {
	fresh, err := Pause{Actor: "olga"}.End(context.Background(), h.db)
	h.must(err)
	if fresh != h.paused() {
		h.Errorf("C2: the first resume ends a pause: fresh is %v", fresh)
	}
	h.pausedAt = time.Time{}
	h.say("resumed")
	h.view(func(tx *store.Tx) error {
		if at, any, err := tx.NextRun(); err != nil || fresh && (!any || at.After(tx.Now)) {
			h.Errorf("C2: resume asks for no reconcile: %v", err)
		}
		return nil
	})
}

// pausesWithWork lets somebody pause while a user is in the worker's hands:
// his sync goes on, and nothing else begins.
func (h *history) pausesWithWork(rt *rapid.T) {
	claims := h.claim(1)
	if len(claims) == 0 || h.paused() {
		rt.Skip("nothing to do")
	}
	h.pause()
	h.sync(claims[0])
	h.work(1000)
}

// pausesInWalk lets somebody pause at one of a walk's calls.
func (h *history) pausesInWalk(rt *rapid.T) {
	if h.paused() {
		rt.Skip("no walk begins")
	}
	h.want(rapid.SampledFrom([]store.RunKind{store.ReconcileRun, store.InitialRun}).Draw(rt, "kind"))
	h.arm(rapid.IntRange(1, 12).Draw(rt, "at its call"), h.pause)
	h.runs(context.Background())
}

// racePause is a pause in the middle of whatever is done next.
func (h *history) racePause(rt *rapid.T) {
	h.arm(rapid.IntRange(1, 8).Draw(rt, "at call"), h.pause)
}

// refused tells whether an operator's command that sends something refuses to
// work, as it must in a pause and not otherwise.
func (h *history) refused(tx *store.Tx) bool {
	err := Binding{}.Ready(tx)
	var stage *ErrStage
	if h.paused() != (errors.As(err, &stage) && stage.Life == Paused && stage.By == "olga" && stage.Since.Equal(h.pausedAt.UTC().Truncate(time.Millisecond))) {
		h.Errorf("C2: paused is %v, and a command that sends something says: %v", h.paused(), err)
	}
	return err != nil
}

// retry tries again what was given up.
func (h *history) retry(rt *rapid.T) {
	tried, err := Retry{Actor: "olga"}.Begin(context.Background(), h.db, nil)
	h.must(err)
	if len(tried) == 0 {
		rt.Skip("nothing was given up")
	}
	for _, row := range tried {
		h.find(row.OktaID).retried = time.Now()
	}
}

// judgeTaken is rule C2 for the worker.
func (h *history) judgeTaken(claims []store.Claim) {
	if h.paused() && len(claims) > 0 {
		h.Errorf("C2: the worker takes %s in a pause", h.nameOf(claims[0].OktaID))
	}
}

// judgeWalk is rule C2 for a walk: none begins in a pause, and one that is
// under way is broken off.
func (h *history) judgeWalk(run store.Run, before bool) {
	if before {
		h.Errorf("C2: run %d begins in a pause", run.ID)
	}
	if h.paused() && (run.State == store.RunDone || strings.Contains(run.Error, "paused")) {
		h.Errorf("C2: run %d comes to its end in a pause: %s %s", run.ID, run.State, run.Error)
	}
}

// judgeSent is rule C2 for what is sent: in a pause only what belongs to an
// attempt that was under way when it began.
func (h *history) judgeSent() {
	if h.paused() && h.hand.Rows[0].Claimed.After(h.pausedAt) {
		h.Errorf("C2: something is sent for %s in a pause", h.nameOf(h.hand.OktaID))
	}
}
