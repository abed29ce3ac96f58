package store

import (
	"fmt"
	"time"
)

// RunKind is what a run does.
type RunKind string

const (
	InitialRun   RunKind = "initial"
	ReconcileRun RunKind = "reconcile"
	ManualRun    RunKind = "manual" // over the users that somebody has named
	UnlinkRun    RunKind = "unlink" // no walk: the decommissioning, for the reports
)

// RunPhase is where a run stands.
type RunPhase string

const (
	RunWanted  RunPhase = "wanted"
	RunRunning RunPhase = "running"
	RunDone    RunPhase = "done"
	RunFailed  RunPhase = "failed"
)

// Run is one walk, wanted, under way or ended.
type Run struct {
	ID        int64
	Kind      RunKind
	State     RunPhase
	Actor     string // the operator who asked, "" for the schedule
	Wanted    time.Time
	Started   time.Time
	Finished  time.Time
	Users     int64
	Unchanged int64
	Skipped   int64
	Error     string
}

// Over tells whether the run has ended, well or not.
func (r Run) Over() bool { return r.State == RunDone || r.State == RunFailed }

const runColumns = `id, kind, state, actor, wanted, started, finished, users, unchanged, skipped, error`

func scanRun(s scanner) (Run, error) {
	var r Run
	err := s.Scan(&r.ID, &r.Kind, &r.State, textOf{&r.Actor}, timeOf{&r.Wanted}, timeOf{&r.Started},
		timeOf{&r.Finished}, &r.Users, &r.Unchanged, &r.Skipped, textOf{&r.Error})
	return r, err
}

// WantRun asks for a walk, not before a time. One of the same kind that is
// wanted already and no later serves as well, and its id is returned; one
// under way does not, for it may have read past what this one is to see.
func (tx *Tx) WantRun(kind RunKind, actor string, at time.Time) (int64, error) {
	var id int64
	found, err := tx.find(`SELECT id FROM run WHERE state = 'wanted' AND kind = ? AND wanted <= ? ORDER BY id LIMIT 1`,
		[]any{kind, FormatTime(at)}, &id)
	if err != nil || found {
		return id, err
	}
	err = tx.row(`INSERT INTO run (kind, state, actor, wanted) VALUES (?, 'wanted', ?, ?) RETURNING id`,
		kind, textArg(actor), FormatTime(at)).Scan(&id)
	return id, err
}

// WantManualRun asks for a run over the users that somebody has named.
func (tx *Tx) WantManualRun(oktaIDs []string, actor string) (int64, error) {
	var id int64
	if err := tx.row(`INSERT INTO run (kind, state, actor, wanted) VALUES (?, 'wanted', ?, ?) RETURNING id`,
		ManualRun, textArg(actor), FormatTime(tx.Now)).Scan(&id); err != nil {
		return 0, fmt.Errorf("ask for a run over %d users: %w", len(oktaIDs), err)
	}
	for _, oktaID := range oktaIDs {
		if err := tx.run(`INSERT INTO named (run, okta_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, id, oktaID); err != nil {
			return 0, fmt.Errorf("ask for a run over %s: %w", oktaID, err)
		}
	}
	return id, nil
}

// Named returns the users a manual run is about, by id.
func (tx *Tx) Named(run int64) ([]string, error) {
	return collect(tx, func(s scanner) (id string, err error) { return id, s.Scan(&id) },
		`SELECT okta_id FROM named WHERE run = ? ORDER BY okta_id`, run)
}

// Run returns a run.
func (tx *Tx) Run(id int64) (Run, error) {
	r, err := scanRun(tx.row(`SELECT `+runColumns+` FROM run WHERE id = ?`, id))
	if err != nil {
		return r, fmt.Errorf("read run %d: %w", id, err)
	}
	return r, nil
}

// StartRun takes the next run that is wanted by now, false when none is.
func (tx *Tx) StartRun() (Run, bool, error) {
	now := FormatTime(tx.Now)
	return first(tx, scanRun, `
		UPDATE run SET state = 'running', started = ?1, users = 0, unchanged = 0, skipped = 0
		WHERE id = (SELECT id FROM run WHERE state = 'wanted' AND wanted <= ?1 ORDER BY wanted, id LIMIT 1)
		RETURNING `+runColumns, now)
}

// NextRun is when the next wanted run may start, false when none is wanted.
func (tx *Tx) NextRun() (time.Time, bool, error) {
	var at time.Time
	_, err := tx.find(`SELECT min(wanted) FROM run WHERE state = 'wanted'`, nil, timeOf{&at})
	return at, !at.IsZero(), err
}

// RequeueRuns makes the runs that a dead worker left under way wanted again:
// they start anew. The caller holds the worker's lock.
func (tx *Tx) RequeueRuns() error {
	return tx.run(`UPDATE run SET state = 'wanted' WHERE state = 'running' AND kind <> 'unlink'`)
}

// RequeueRun makes a run that was broken off wanted again, if it is under way:
// it starts anew.
func (tx *Tx) RequeueRun(id int64) error {
	return tx.run(`UPDATE run SET state = 'wanted' WHERE id = ? AND state = 'running'`, id)
}

// CountRun adds to what a run has seen.
func (tx *Tx) CountRun(id, users, unchanged, skipped int64) error {
	return tx.run(`UPDATE run SET users = users + ?, unchanged = unchanged + ?, skipped = skipped + ? WHERE id = ?`, users, unchanged, skipped, id)
}

// EndRun ends a run: done, or failed when why says so.
func (tx *Tx) EndRun(id int64, why string) error {
	state := RunDone
	if why != "" {
		state = RunFailed
	}
	return tx.run(`UPDATE run SET state = ?, finished = ?, error = ? WHERE id = ?`, state, FormatTime(tx.Now), textArg(why), id)
}

// Progress is how far the work of a run has come.
type Progress struct {
	Total int64     // promises it made
	Tried int64     // those that have met their first outcome
	Left  int64     // those that failed and wait for another attempt
	Next  time.Time // when the first of those left is tried again; zero without
	Dead  int64     // those given up
}

// Progress returns how far a run's work has come.
func (tx *Tx) Progress(run int64) (Progress, error) {
	var p Progress
	err := tx.row(`
		SELECT count(*),
		       count(*) FILTER (WHERE state NOT IN ('open', 'running') OR error IS NOT NULL OR looks > 0),
		       count(*) FILTER (WHERE state IN ('open', 'running') AND error IS NOT NULL),
		       min(due) FILTER (WHERE state IN ('open', 'running') AND error IS NOT NULL),
		       count(*) FILTER (WHERE state = 'dead')
		FROM outbox WHERE run = ?`, run).Scan(&p.Total, &p.Tried, &p.Left, timeOf{&p.Next}, &p.Dead)
	return p, err
}

// LastRun returns the run of a kind that ended last, false when none has.
func (tx *Tx) LastRun() (Run, bool, error) {
	return first(tx, scanRun, `SELECT `+runColumns+` FROM run WHERE finished IS NOT NULL ORDER BY finished DESC, id DESC LIMIT 1`)
}

// LastReconcile is the walk over all users, an initial sync or a reconcile, that
// ended last in one of some states, false when none has.
func (tx *Tx) LastReconcile(states ...RunPhase) (Run, bool, error) {
	args := make([]any, 0, len(states))
	for _, s := range states {
		args = append(args, s)
	}
	return first(tx, scanRun, `SELECT `+runColumns+` FROM run WHERE kind IN ('initial', 'reconcile') AND finished IS NOT NULL
		AND state IN (`+placeholders(len(states))+`) ORDER BY finished DESC, id DESC LIMIT 1`, args...)
}

// LoggedMore tells whether the log has more rows of a run than a number.
func (tx *Tx) LoggedMore(run int64, than int) (more bool, err error) {
	if err := tx.row(`SELECT count(*) > ?2 FROM (SELECT 1 FROM log WHERE run = ?1 LIMIT ?2 + 1)`, run, than).Scan(&more); err != nil {
		return false, fmt.Errorf("count what run %d has logged: %w", run, err)
	}
	return more, nil
}

// EndedWalks returns up to limit walks that ended in one of some states, the
// latest first.
func (tx *Tx) EndedWalks(limit int, states ...RunPhase) ([]Run, error) {
	args := make([]any, 0, len(states)+1)
	for _, s := range states {
		args = append(args, s)
	}
	return collect(tx, scanRun, `SELECT `+runColumns+` FROM run WHERE kind <> 'unlink' AND finished IS NOT NULL
		AND state IN (`+placeholders(len(states))+`) ORDER BY finished DESC, id DESC LIMIT ?`, append(args, limit)...)
}
