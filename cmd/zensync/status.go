package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "how the installation stands",
		Description: "Answers from the store alone: it calls neither Okta nor ZenQMS, and needs no credential.\n" +
			"hook.status and hook.verified are what Okta said at the last reconcile or deploy.\n" +
			"queue.expected_end is when what is ready will be done at the pace of the last minute.",
		Flags:  []cli.Flag{formatFlag()},
		Action: printStatus,
	}
}

func printStatus(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	exists, err := in.hasStore()
	if err != nil {
		return err
	}
	var s standing
	if exists {
		if err := in.withStore(c.Context, func(db *store.DB) (err error) {
			s, err = in.standing(c.Context, db)
			return err
		}); err != nil {
			return err
		}
	}
	return output.WriteObject(c.App.Writer, c.String("format"), s.pairs())
}

// standing is how an installation stands. The zero value is one without a
// store.
type standing struct {
	state        string
	queue        store.Queue
	queueEnd     time.Time // when what is ready is expected to be done; zero where nobody can tell
	links        store.LinkCount
	skipped      int64
	hookID       string
	hookStatus   string
	hookVerified string
	lastEvent    time.Time
	lastRun      *store.Run
	nextRun      time.Time
	relay        bool
	worker       bool
	head         store.Head
	stopped      string
	down         string   // the sides that do not answer
	frozen       []string // groups that could not be read last time, and roles that could not be found
}

func (in *installation) standing(ctx context.Context, db *store.DB) (standing, error) {
	schedule, err := reconcile.ParseSchedule(in.Sync.Schedule)
	if err != nil {
		return standing{}, usageError{err}
	}
	s := standing{worker: serves(db)}
	_, s.relay = db.Alive(store.RelayPart)
	err = db.View(ctx, func(tx *store.Tx) error { return s.read(tx, schedule) })
	return s, err
}

// serves tells whether a worker is up to stay: a command that does its job for
// a while is none.
func serves(db *store.DB) bool {
	holder, alive := db.Alive(store.WorkerPart)
	return alive && isService(holder)
}

func (s *standing) read(tx *store.Tx, schedule reconcile.Schedule) (err error) {
	for key, value := range map[string]*string{
		store.LifeState: &s.state, store.HookID: &s.hookID, store.HookStatus: &s.hookStatus, store.HookVerified: &s.hookVerified,
		store.DrainStopped: &s.stopped, store.SidesDown: &s.down,
	} {
		if *value, err = tx.Setting(key); err != nil {
			return err
		}
	}
	if s.queue, err = tx.Queue(); err != nil {
		return err
	}
	if s.queueEnd, _, err = tx.ExpectedEnd(); err != nil {
		return err
	}
	if s.links, err = tx.LinkCount(); err != nil {
		return err
	}
	skips, err := tx.SkipCount()
	if err != nil {
		return err
	}
	for _, n := range skips {
		s.skipped += n
	}
	if s.lastEvent, err = tx.LastEvent(); err != nil {
		return err
	}
	last, any, err := tx.LastRun()
	if err != nil {
		return err
	}
	if any {
		s.lastRun = &last
	}
	if s.state == string(reconcile.Active) { // in any other state no run starts
		if s.nextRun, err = reconcile.NextRun(tx, schedule); err != nil {
			return err
		}
	}
	groups, err := tx.MappedGroups()
	if err != nil {
		return err
	}
	rules, err := tx.RoleRules()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Frozen != "" {
			s.frozen = append(s.frozen, g.Name)
		}
	}
	for _, r := range rules {
		if r.Frozen != "" {
			s.frozen = append(s.frozen, r.RoleName)
		}
	}
	s.head, err = tx.LogHead()
	return err
}

// pairs are the keys of `status`, in their order.
func (s standing) pairs() []output.Pair {
	state := s.state
	if state == string(reconcile.New) {
		state = "new"
	}
	var lastRun any
	if r := s.lastRun; r != nil {
		lastRun = []output.Pair{
			{Key: "id", Value: r.ID}, {Key: "kind", Value: string(r.Kind)}, {Key: "state", Value: string(r.State)},
			{Key: "finished", Value: timeCell(r.Finished)}, {Key: "error", Value: orNil(r.Error)},
		}
	}
	return []output.Pair{
		{Key: "state", Value: state},
		{Key: "queue", Value: []output.Pair{
			{Key: "ready", Value: s.queue.Ready}, {Key: "waiting", Value: s.queue.Waiting},
			{Key: "held", Value: s.queue.Held}, {Key: "dead", Value: s.queue.Dead},
			{Key: "oldest_seconds", Value: int64(s.queue.Oldest.Seconds())},
			{Key: "expected_end", Value: timeCell(s.queueEnd)},
		}},
		{Key: "links", Value: []output.Pair{{Key: "active", Value: s.links.Active}, {Key: "inactive", Value: s.links.Inactive}}},
		{Key: "skipped", Value: s.skipped},
		{Key: "hook", Value: []output.Pair{
			{Key: "id", Value: orNil(s.hookID)}, {Key: "status", Value: orNil(s.hookStatus)},
			{Key: "verified", Value: orNil(s.hookVerified)}, {Key: "last_event", Value: timeCell(s.lastEvent)},
		}},
		{Key: "last_run", Value: lastRun},
		{Key: "next_run", Value: timeCell(s.nextRun)},
		{Key: "relay_alive", Value: s.relay},
		{Key: "worker_alive", Value: s.worker},
		{Key: "head", Value: []output.Pair{{Key: "seq", Value: s.head.Seq}, {Key: "hash", Value: orNil(s.head.Hash)}}},
		{Key: "stopped", Value: orNil(s.stopped)},
		{Key: "down", Value: orNil(s.down)},
		{Key: "frozen", Value: orNil(strings.Join(s.frozen, ", "))},
	}
}
