package store

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Origin says where a promise came from.
type Origin string

const (
	FromInitial   Origin = "initial"   // deploy
	FromHook      Origin = "hook"      // an Okta event
	FromReconcile Origin = "reconcile" // a scheduled or manual walk
	FromManual    Origin = "manual"    // sync USER
)

// Priority orders the work: lower goes first.
type Priority int

const (
	DeactivationPriority Priority = iota
	HookPriority
	ManualPriority
	WalkPriority
)

// State is what became of a promise.
type State string

const (
	StateOpen     State = "open"    // to be taken when it is due
	StateRunning  State = "running" // a worker has it
	StateHeld     State = "held"    // waits for a person
	StateDone     State = "done"
	StateSkipped  State = "skipped"  // nothing more to do until the reason goes; see the skip report
	StateDropped  State = "dropped"  // no longer wanted
	StateDead     State = "dead"     // given up after its last attempt
	StateIgnored  State = "ignored"  // it asked for nothing
	StateUnlinked State = "unlinked" // closed by the decommissioning
)

// Promise is what Enqueue is asked to keep.
type Promise struct {
	OktaID   string
	Origin   Origin
	Priority Priority
	Run      int64  // the walk that wants it, or 0
	Event    int64  // the event behind it, or 0
	Actor    string // the operator behind it, or ""
	Cleared  Action // what the walk's verdict lets through, or ""
}

// Row is a promise taken by the worker.
type Row struct {
	ID          int64
	OktaID      string
	Origin      Origin
	Priority    Priority
	Run         int64
	RunStarted  time.Time
	EventUUID   string
	EventType   string
	EventGroups []string
	Published   time.Time // the event, in Okta; zero when Okta sent none that can be read
	Received    time.Time // the event, by the relay
	Actor       string    // the operator, or the Okta admin of the event
	Attempts    int       // this one included
	Looks       int
	Due         time.Time
	Claimed     time.Time
	Action      Action    // what was let through the brake, "" for nothing
	Cleared     Clearance // who let it through
}

// Clearance says who let an action through the brake.
type Clearance string

const (
	ClearedByWalk Clearance = "walk"     // the walk that wants it counted it among few enough
	Approved      Clearance = "approved" // a person
)

// Enqueue stores a promise, due at once, and ends the waiting of the user's
// older ones: what has changed may be what they waited for.
func (tx *Tx) Enqueue(p Promise) (int64, error) { return tx.enqueue(p, tx.Now) }

// enqueue is Enqueue of a promise that was to be made at a time, which is not
// later than now unless the clock was set back. What waits no more keeps its
// place.
func (tx *Tx) enqueue(p Promise, at time.Time) (int64, error) {
	if at.After(tx.Now) {
		at = tx.Now
	}
	made := FormatTime(at)
	if err := tx.run(`
		UPDATE outbox INDEXED BY outbox_pending
		SET due = ? WHERE okta_id = ? AND state = 'open' AND looks = 0 AND due > ?`, made, p.OktaID, FormatTime(tx.Now)); err != nil {
		return 0, err
	}
	cleared := Clearance("")
	if p.Cleared != "" {
		cleared = ClearedByWalk
	}
	id, _, err := tx.insert(`
		INSERT INTO outbox (okta_id, origin, priority, run, event, actor, action, cleared, state, due, created)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)`,
		p.OktaID, p.Origin, p.Priority, idArg(p.Run), idArg(p.Event), textArg(p.Actor), textArg(string(p.Cleared)), cleared, made, made)
	return id, err
}

// Claim is one user and every open promise about him: one sync serves them
// all.
type Claim struct {
	OktaID string
	Epoch  int64
	Rows   []Row // oldest first, at least one
}

// Claim takes up to limit users who have a promise that is due and whom
// nobody is working on, the most urgent first. A user's promises are taken
// together, those that still wait included.
func (tx *Tx) Claim(epoch int64, limit int) ([]Claim, error) {
	return tx.claim(epoch, limit, WalkPriority)
}

// ClaimLeavers is Claim of nobody but users who have to lose access.
func (tx *Tx) ClaimLeavers(epoch int64, limit int) ([]Claim, error) {
	return tx.claim(epoch, limit, DeactivationPriority)
}

// claim is Claim of users who have a promise at least as urgent as least.
func (tx *Tx) claim(epoch int64, limit int, least Priority) ([]Claim, error) {
	users, err := tx.dueUsers(limit, least)
	if err != nil {
		return nil, fmt.Errorf("look for due work: %w", err)
	}
	if len(users) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(users)
	if err != nil {
		return nil, fmt.Errorf("name who is taken: %w", err)
	}
	if err := tx.run(takeQuery, epoch, FormatTime(tx.Now), string(list)); err != nil {
		return nil, fmt.Errorf("take the work of %d users: %w", len(users), err)
	}
	rows, err := collect(tx, scanRow, takenQuery, string(list))
	if err != nil {
		return nil, fmt.Errorf("read the work of %d users: %w", len(users), err)
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.ID, b.ID) })
	claims, at := make([]Claim, len(users)), make(map[string]int, len(users))
	for i, user := range users {
		claims[i], at[user] = Claim{OktaID: user, Epoch: epoch}, i
	}
	for _, r := range rows {
		c := &claims[at[r.OktaID]]
		c.Rows = append(c.Rows, r)
	}
	return claims, nil
}

// Those that are taken at once are taken by one statement: a statement for each
// costs as much again as what it does.
const (
	takeQuery = `
	UPDATE outbox INDEXED BY outbox_pending SET state = 'running', epoch = ?, claimed = ?, attempts = attempts + 1
	WHERE state = 'open' AND okta_id IN (SELECT value FROM json_each(?))`
	takenQuery = `
	SELECT o.id, o.okta_id, o.origin, o.priority, o.run, r.started, e.uuid, e.type, e.groups, e.published, e.received,
	       coalesce(o.actor, e.actor), o.attempts, o.looks, o.due, o.claimed, o.action, o.cleared
	FROM outbox o INDEXED BY outbox_pending LEFT JOIN event e ON e.id = o.event LEFT JOIN run r ON r.id = o.run
	WHERE o.state = 'running' AND o.okta_id IN (SELECT value FROM json_each(?))`
)

// dueUsers are up to limit users to claim, in the order of urgency, of those
// at least as urgent as least. Each priority is a question of its own, so that
// what waits for a later time, which in an outage is everything, is never read.
func (tx *Tx) dueUsers(limit int, least Priority) (users []string, err error) {
	taken := map[string]bool{}
	for p := DeactivationPriority; p <= least && len(users) < limit; p++ {
		if users, err = tx.dueOf(p, limit, users, taken); err != nil {
			return nil, err
		}
	}
	return users, nil
}

const dueQuery = `
	SELECT o.okta_id FROM outbox o INDEXED BY outbox_open -- it has the order wanted: nothing to sort
	WHERE o.state = 'open' AND o.priority = ? AND o.due <= ?
	  AND NOT EXISTS (SELECT 1 FROM outbox r INDEXED BY outbox_running WHERE r.okta_id = o.okta_id AND r.state = 'running')
	ORDER BY o.due, o.id`

// dueOf adds the users of one priority, up to limit in all, each once.
func (tx *Tx) dueOf(p Priority, limit int, users []string, taken map[string]bool) ([]string, error) {
	rows, err := tx.query(dueQuery, p, FormatTime(tx.Now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for len(users) < limit && rows.Next() {
		var user string
		if err := rows.Scan(&user); err != nil {
			return nil, err
		}
		if !taken[user] {
			taken[user] = true
			users = append(users, user)
		}
	}
	return users, rows.Err()
}

func scanRow(s scanner) (Row, error) {
	var r Row
	var groups string
	err := s.Scan(&r.ID, &r.OktaID, &r.Origin, &r.Priority, idOf{&r.Run}, timeOf{&r.RunStarted}, textOf{&r.EventUUID}, textOf{&r.EventType},
		textOf{&groups}, timeOf{&r.Published}, timeOf{&r.Received}, textOf{&r.Actor}, &r.Attempts, &r.Looks, timeOf{&r.Due}, timeOf{&r.Claimed},
		textOf{(*string)(&r.Action)}, &r.Cleared)
	if err == nil && groups != "" {
		err = json.Unmarshal([]byte(groups), &r.EventGroups)
	}
	return r, err
}

// DueNow makes every promise that waits for a time due at once.
func (tx *Tx) DueNow() error {
	now := FormatTime(tx.Now)
	return tx.run(`UPDATE outbox INDEXED BY outbox_open SET due = ?1 WHERE state = 'open' AND due > ?1`, now)
}

// ErrFenced says that a promise is no longer this worker's: another one has
// taken it, and this one's outcome must not count.
var ErrFenced = errors.New("the work was taken over by another worker")

// Own is an error unless a promise is this worker's: whoever calls the other
// side next may be sure that nobody else has taken it over.
func (tx *Tx) Own(epoch, id int64) error {
	var mine bool
	if err := tx.row(`SELECT EXISTS (SELECT 1 FROM outbox WHERE id = ? AND state = 'running' AND epoch = ?)`, id, epoch).Scan(&mine); err != nil {
		return fmt.Errorf("outbox row %d: %w", id, err)
	}
	if !mine {
		return fmt.Errorf("outbox row %d: %w", id, ErrFenced)
	}
	return nil
}

// Close ends a promise the worker of epoch had taken. why is shown in the
// reports; "" for none.
func (tx *Tx) Close(epoch, id int64, state State, why string) error {
	return tx.leave(epoch, id, `state = ?, finished = ?, error = ?`, state, FormatTime(tx.Now), textArg(why))
}

// Retry puts a promise back, due at a time. When the attempt was not the
// row's own fault (an outage) it is not counted.
func (tx *Tx) Retry(epoch, id int64, due time.Time, counted bool, why string) error {
	refund := 1
	if counted {
		refund = 0
	}
	return tx.leave(epoch, id, `state = 'open', due = ?, attempts = attempts - ?, error = ?`, FormatTime(due), refund, textArg(why))
}

// LookAgain puts a promise back whose event Okta has not carried out yet,
// with a new count of attempts.
func (tx *Tx) LookAgain(epoch, id int64, due time.Time, looks int) error {
	return tx.leave(epoch, id, `state = 'open', due = ?, looks = ?, attempts = 0, error = NULL`, FormatTime(due), looks)
}

func (tx *Tx) leave(epoch, id int64, set string, args ...any) error {
	result, err := tx.exec(`UPDATE outbox SET `+set+` WHERE id = ? AND state = 'running' AND epoch = ?`, append(args, id, epoch)...)
	if err != nil {
		return fmt.Errorf("outbox row %d: %w", id, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("outbox row %d: %w", id, err)
	}
	if n == 0 {
		return fmt.Errorf("outbox row %d: %w", id, ErrFenced)
	}
	return nil
}

// Revive closes the user's dead promises: a later sync has kept them.
func (tx *Tx) Revive(oktaID string) error {
	return tx.run(`UPDATE outbox SET state = 'done', finished = ?, error = NULL WHERE okta_id = ? AND state = 'dead'`, FormatTime(tx.Now), oktaID)
}

// nextDueQuery asks each priority for itself, for that is the order of the index.
const nextDueQuery = `
	SELECT min((SELECT min(o.due) FROM outbox o WHERE o.state = 'open' AND o.priority = p.column1))
	FROM (VALUES (0), (1), (2), (3)) p`

// NextDue is when the next open promise of the outbox is due, false when there
// is none. Promises of users who are being worked on count as well.
func (tx *Tx) NextDue() (time.Time, bool, error) {
	var due time.Time
	_, err := tx.find(nextDueQuery, nil, timeOf{&due})
	return due, !due.IsZero(), err
}

// RowState is what became of one promise, for whoever waits for it.
type RowState struct {
	OktaID   string
	State    State
	Attempts int
	Looks    int
	Due      time.Time
	Finished time.Time // zero while it is not closed; the time of the log's rows of the attempt that closed it
	Error    string
}

// Tried tells whether the promise has met its first outcome: it is closed, or
// was put back for another attempt or a late look.
func (s RowState) Tried() bool {
	return s.State != StateOpen && s.State != StateRunning || s.Error != "" || s.Looks > 0
}

// RowState returns what became of a promise.
func (tx *Tx) RowState(id int64) (RowState, error) {
	var s RowState
	err := tx.row(`SELECT okta_id, state, attempts, looks, due, finished, error FROM outbox WHERE id = ?`, id).
		Scan(&s.OktaID, &s.State, &s.Attempts, &s.Looks, timeOf{&s.Due}, timeOf{&s.Finished}, textOf{&s.Error})
	if err != nil {
		return s, fmt.Errorf("outbox row %d: %w", id, err)
	}
	return s, nil
}

// Queue counts the open and stuck promises.
type Queue struct {
	Ready, Waiting, Held, Dead int64
	Oldest                     time.Duration // age of the oldest ready one
}

// backlogQuery asks indexes alone: a storm leaves hundreds of thousands of open
// promises, and their rows lie all over the table.
const backlogQuery = `
	SELECT sum(ready), sum(waiting), min(since) FROM (
	    SELECT count(*) FILTER (WHERE due <= ?1) ready, count(*) FILTER (WHERE due > ?1) waiting, min(created) FILTER (WHERE due <= ?1) since
	    FROM outbox INDEXED BY outbox_open WHERE state = 'open'
	    UNION ALL
	    SELECT count(*), 0, min(created) FROM outbox INDEXED BY outbox_running WHERE state = 'running')`

// Queue returns the counts as of now. Work that a worker has in its hands
// counts as ready, and so does what is still in the inbox.
func (tx *Tx) Queue() (Queue, error) {
	var q Queue
	var oldest time.Time
	err := tx.row(backlogQuery, FormatTime(tx.Now)).Scan(&q.Ready, &q.Waiting, timeOf{&oldest})
	if err != nil {
		return q, err
	}
	var arrived int64
	var first time.Time
	if err := tx.row(`SELECT count(okta_id), min(received) FILTER (WHERE okta_id IS NOT NULL) FROM arrival`).Scan(&arrived, timeOf{&first}); err != nil {
		return q, err
	}
	if q.Ready += arrived; !first.IsZero() && (oldest.IsZero() || first.Before(oldest)) {
		oldest = first
	}
	err = tx.row(`
		SELECT count(*) FILTER (WHERE state = 'held'), count(*) FILTER (WHERE state = 'dead')
		FROM outbox INDEXED BY outbox_stuck WHERE state = 'held' OR state = 'dead'`).Scan(&q.Held, &q.Dead)
	if !oldest.IsZero() {
		q.Oldest = tx.Now.Sub(oldest)
	}
	return q, err
}
