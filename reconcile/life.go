package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zensync/zensync/store"
)

// Life is where an installation stands (rule C1).
type Life string

const (
	New       Life = ""          // nothing was deployed yet: hooks are stored, nothing is sent
	Active    Life = "active"    // deployed
	Paused    Life = "paused"    // hooks are stored, nothing is sent until a person resumes
	Unlinking Life = "unlinking" // being decommissioned; only unlink goes on from here
	Unlinked  Life = "unlinked"  // decommissioned; deploy links again
)

// While unlinking, rule C1 has unlink, status, report and verify work. So does
// what reads neither side's users and changes nothing about them: a backup or an
// export must not wait for a decommissioning, nor doctor and config for its end.

// lives says which state may follow which. The arrow from New is for a lost
// store, whose links are to be found in ZenQMS and cleared (rule C3).
var lives = map[Life][]Life{
	New:       {Active, Unlinking},
	Active:    {Active, Paused, Unlinking},
	Paused:    {Active, Unlinking},
	Unlinking: {Unlinking, Unlinked},
	Unlinked:  {Active, Unlinking},
}

// GoesOnBy is the command after which something is sent to ZenQMS; "" where it
// is as things stand.
func (l Life) GoesOnBy() string {
	switch l {
	case Active:
		return ""
	case Paused:
		return "zensync resume"
	case Unlinking:
		return "zensync unlink, then zensync deploy"
	}
	return "zensync deploy"
}

// Stage is where an installation stands, and who brought that about.
type Stage struct {
	Life   Life
	By     string
	Since  time.Time // zero before the first deploy
	Reason string
}

// StageOf reads it.
func StageOf(tx *store.Tx) (s Stage, err error) {
	var life, since string
	for key, value := range map[string]*string{
		store.LifeState: &life, store.LifeBy: &s.By, store.LifeSince: &since, store.LifeReason: &s.Reason,
	} {
		if *value, err = tx.Setting(key); err != nil {
			return s, err
		}
	}
	if s.Life = Life(life); since != "" {
		if s.Since, err = time.Parse(time.RFC3339, since); err != nil {
			return s, fmt.Errorf("read the setting %s: %w", store.LifeSince, err)
		}
	}
	return s, nil
}

// enter brings a state about, if it may follow the present one.
func enter(tx *store.Tx, life Life, by, reason string) error {
	now, err := StageOf(tx)
	if err != nil {
		return err
	}
	if !slices.Contains(lives[now.Life], life) {
		return now.refusal()
	}
	for key, value := range map[string]string{
		store.LifeState: string(life), store.LifeBy: by, store.LifeSince: store.FormatTime(tx.Now), store.LifeReason: reason,
	} {
		if err := tx.SetSetting(key, value); err != nil {
			return err
		}
	}
	return nil
}

// ErrNotDeployed is what commands that need a deployed installation return.
var ErrNotDeployed = errors.New("nothing is deployed yet: run zensync deploy first")

// ErrStage says that an installation is not in a state in which a command
// works, who brought it there, and what to do.
type ErrStage struct{ Stage }

func (e *ErrStage) Error() string {
	since := fmt.Sprintf("by %s since %s", e.By, store.FormatTime(e.Since))
	switch e.Life {
	case Paused:
		return fmt.Sprintf("paused %s: %s; `zensync resume` ends the pause", since, e.Reason)
	case Unlinking:
		return fmt.Sprintf("being unlinked %s: only unlink, status, report and verify work; `zensync unlink` finishes it", since)
	case Unlinked:
		return fmt.Sprintf("unlinked %s: `zensync deploy` links again", since)
	}
	return "not paused, and nothing is being unlinked"
}

// refusal is the error of a command that does not work in this state.
func (s Stage) refusal() error {
	if s.Life == New {
		return ErrNotDeployed
	}
	return &ErrStage{s}
}

// active refuses unless the installation is deployed and not paused.
func active(tx *store.Tx) error { return among(tx, Active) }

func among(tx *store.Tx, lives ...Life) error {
	now, err := StageOf(tx)
	if err == nil && !slices.Contains(lives, now.Life) {
		return now.refusal()
	}
	return err
}

// Ready checks that the installation is active, and with these servers:
// whatever sends something to ZenQMS begins with it.
func (b Binding) Ready(tx *store.Tx) error { return b.May(tx, Active) }

// May checks that the store belongs to these servers, and that the
// installation is in one of some states.
func (b Binding) May(tx *store.Tx, lives ...Life) error {
	if err := b.Check(tx); err != nil {
		return err
	}
	return among(tx, lives...)
}

// Pause is an operator's word to send nothing (rule C2), or to go on.
type Pause struct {
	Binding Binding
	Actor   string
	Reason  string // may be empty to go on
}

// Begin pauses. The worker takes nothing any more when it returns; what it has
// in its hands goes on, see Idle. An installation that is paused stays so in
// the name of who paused it first: fresh is false then.
func (p Pause) Begin(ctx context.Context, db *store.DB) (stage Stage, fresh bool, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		fresh = false
		if err := p.Binding.May(tx, Active, Paused); err != nil {
			return err
		}
		if stage, err = StageOf(tx); err != nil || stage.Life == Paused {
			return err
		}
		fresh = true
		if err := enter(tx, Paused, p.Actor, p.Reason); err != nil {
			return err
		}
		if stage, err = StageOf(tx); err != nil {
			return err
		}
		return tx.AppendLog(p.row(store.ActPause))
	})
	return stage, fresh, err
}

// End makes a paused installation active again and asks for a reconcile. The
// scheduled walks of the pause are not made up for: that reconcile does. An
// installation that is active stays as it is: fresh is false then.
func (p Pause) End(ctx context.Context, db *store.DB) (fresh bool, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		fresh = false
		if err := p.Binding.May(tx, Active, Paused); err != nil {
			return err
		}
		if now, err := StageOf(tx); err != nil || now.Life == Active {
			return err
		}
		fresh = true
		if err := enter(tx, Active, p.Actor, p.Reason); err != nil {
			return err
		}
		if err := tx.SetSetting(store.ScheduledUntil, store.FormatTime(tx.Now)); err != nil {
			return err
		}
		if _, err := tx.WantRun(store.ReconcileRun, p.Actor, tx.Now); err != nil {
			return err
		}
		return tx.AppendLog(p.row(store.ActResume))
	})
	if err == nil {
		db.Nudge()
	}
	return fresh, err
}

func (p Pause) row(action store.Action) store.LogRow {
	row := store.LogRow{Origin: "operator", Actor: p.Actor, Action: action, Outcome: store.OutcomeOK}
	if p.Reason != "" {
		row.Changes = map[string]store.Change{"reason": {New: p.Reason}}
	}
	return row
}

// idlePoll is how often Idle looks whether calls under way have ended.
const idlePoll = 50 * time.Millisecond

// Idle waits until no sync is under way, for use while the state lets no new
// one begin. Promises that a dead worker left in its hands are not waited for:
// left counts them, and the next worker takes them up.
//
// A walk is not waited for either: it writes nothing to ZenQMS, and stops by
// itself at its next page or batch.
func Idle(ctx context.Context, db *store.DB) (left int64, err error) {
	tick := time.NewTicker(idlePoll)
	defer tick.Stop()
	for {
		// The lock is looked at first: what runs after a worker was seen dead
		// is nobody's, for a new one begins nothing.
		_, alive := db.Alive(store.WorkerPart)
		if err := db.View(ctx, func(tx *store.Tx) (err error) {
			left, err = tx.InFlight()
			return err
		}); err != nil || left == 0 || !alive {
			return left, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return left, ctx.Err()
		}
	}
}
