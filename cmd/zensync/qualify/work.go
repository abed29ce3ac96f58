package qualify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/relay"
	"github.com/zensync/zensync/store"
)

// operator is in whose name the qualification acts.
const operator = "qualification"

func (s *stand) openStore(path string) (err error) {
	if s.db, err = store.Open(s.ctx, path); err != nil {
		return err
	}
	s.db.Now = s.clock
	return nil
}

// openRelay serves the relay on loopback, where Okta's hooks will find it.
func (s *stand) openRelay() error {
	secretFile := filepath.Join(s.folder, "hook.secret")
	if err := os.WriteFile(secretFile, []byte(hookSecret+"\n"), 0o600); err != nil {
		return err
	}
	secret, err := relay.OpenSecret(secretFile, filepath.Join(s.folder, "previous.secret"))
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.hookURL = "http://" + l.Addr().String() + "/okta/events"
	ctx, stop := context.WithCancel(context.WithoutCancel(s.ctx))
	served := make(chan error, 1)
	s.relay = &relay.Relay{DB: s.db, Secret: secret, Log: quiet}
	go func() { served <- relay.Serve(ctx, l, s.relay, nil, quiet) }()
	s.closers = append(s.closers, func() error {
		stop()
		return <-served
	})
	return nil
}

// quiet is the process log: what a case makes happen on purpose is no news.
var quiet = slog.New(slog.DiscardHandler)

// makeWorker makes a worker as the commands do; it does not work yet.
func (s *stand) makeWorker() error {
	oktaClient, err := okta.New(s.oktaConfig())
	if err != nil {
		return err
	}
	cfg := s.toZenQMS
	cfg.Transport = s.ledger
	zenqmsClient, err := zenqms.New(cfg)
	if err != nil {
		return err
	}
	limit := s.setting.limit
	if limit == (reconcile.Limit{}) {
		limit = reconcile.Limit{Max: 1000, Percent: 100}
	}
	var schedule reconcile.Schedule
	if s.setting.schedule != "" {
		if schedule, err = reconcile.ParseSchedule(s.setting.schedule); err != nil {
			return err
		}
	}
	batch := s.setting.batch
	if batch == 0 {
		batch = 100
	}
	s.worker = &reconcile.Worker{
		DB: s.db, Okta: oktaClient, ZenQMS: zenqmsClient, Policy: s.setting.policy, Schedule: schedule,
		Brake:       reconcile.Brake{Deactivations: limit, Activations: limit, RoleRemovals: limit},
		Concurrency: 4, MaxAttempts: 12, BatchSize: batch, Log: quiet,
		Beat: func() { s.beats.Add(1) },
	}
	return nil
}

func (s *stand) oktaConfig() okta.Config {
	if s.setting.app {
		return okta.Config{OrgURL: s.oktaURL, ClientID: s.setting.okta.ClientID, PrivateKey: s.key, PrivateKeyID: "qualification"}
	}
	return okta.Config{OrgURL: s.oktaURL, APIToken: oktaToken}
}

// work starts the worker, under its lock.
func (s *stand) work() {
	if s.endWork != nil {
		return
	}
	lock, err := s.db.TryLock(store.WorkerPart, "worker")
	s.must(err)
	ctx, stop := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.worker.Run(ctx) }()
	s.endWork = func() error {
		stop()
		select {
		case err := <-ended:
			return errors.Join(err, lock.Release())
		case <-time.After(patience):
			return errors.Join(fmt.Errorf("the worker does not stop within %s", patience), lock.Release())
		}
	}
}

// rest ends the worker.
func (s *stand) rest() {
	if s.endWork == nil {
		return
	}
	end := s.endWork
	s.endWork = nil
	s.must(end())
}

// await waits until a condition holds.
func (s *stand) await(what string, cond func() bool) {
	patience := patience
	if s.options.Sandbox != nil {
		patience = sandboxPatience
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-late.C:
			panic(stopped{fmt.Sprintf("waited %s until %s, and it did not happen", patience, what)})
		case <-s.ctx.Done():
			panic(stopped{"interrupted"})
		}
	}
}

// settle waits until all that is due is done: runs and promises.
func (s *stand) settle() {
	s.work()
	s.db.Nudge()
	s.await("what is due is done", s.quiescent)
	const most = 5 // times
	for range most {
		if s.setting.faulty || !s.failing() {
			return
		}
		s.pass(2 * time.Second)
		s.await("what failed is done", s.quiescent)
	}
}

// quiescent looks twice: the time of a look is a moment older than what it sees,
// so that the first may take for later what is due by now.
func (s *stand) quiescent() bool {
	for range 2 {
		if s.busy() {
			return false
		}
	}
	return true
}

// failing tells whether somebody waits for another attempt: on a host that is
// overloaded a call over loopback may fail as any other.
func (s *stand) failing() (failing bool) {
	s.view(func(tx *store.Tx) error {
		for id := range s.names {
			open, err := tx.OpenRows(id)
			if err != nil {
				return err
			}
			for _, row := range open {
				failing = failing || row.State == store.StateOpen && row.Error != ""
			}
		}
		return nil
	})
	return failing
}

// takeTurns lets the worker look three times for something to do, and waits
// until what it may have found is done: only then has nothing happened.
func (s *stand) takeTurns() {
	s.work()
	for range 3 {
		before := s.beats.Load()
		s.db.Nudge()
		s.await("the worker takes a turn", func() bool { return s.beats.Load() > before })
	}
	s.await("nothing is in flight", func() bool {
		var flying int64
		s.view(func(tx *store.Tx) (err error) {
			flying, err = tx.InFlight()
			return err
		})
		return flying == 0
	})
}

func (s *stand) busy() (busy bool) {
	s.view(func(tx *store.Tx) error {
		q, err := tx.Queue()
		if err != nil {
			return err
		}
		due, any, err := tx.NextRun()
		if err != nil {
			return err
		}
		busy = q.Ready > 0 || any && !due.After(tx.Now)
		runs, err := rows(tx, "runs", store.ReportArgs{})
		for _, r := range runs {
			busy = busy || r["state"] == string(store.RunRunning)
		}
		return err
	})
	return busy
}

func (s *stand) view(fn func(*store.Tx) error)   { s.must(s.db.View(s.ctx, fn)) }
func (s *stand) update(fn func(*store.Tx) error) { s.must(s.db.Update(s.ctx, fn)) }

func (s *stand) binding() reconcile.Binding {
	return reconcile.Binding{OktaURL: s.oktaURL, ZenQMSURL: s.toZenQMS.BaseURL}
}

// deployment is what `zensync deploy` would set up here.
func (s *stand) deployment() reconcile.Deployment {
	return reconcile.Deployment{DB: s.db, Okta: s.worker.Okta, Binding: s.binding(), Policy: s.setting.policy,
		HookURL: s.hookURL, Secret: s.secret, Actor: operator}
}

// tryDeploy is `zensync deploy`: everything up to the wish for an initial sync.
func (s *stand) tryDeploy() (run int64, err error) {
	d := s.deployment()
	if err := s.db.View(s.ctx, d.Binding.Deployable); err != nil {
		return 0, err
	}
	if d.Groups, err = reconcile.ResolveGroups(s.ctx, s.worker.Okta, s.setting.groups); err != nil {
		return 0, err
	}
	never := func(role string) bool { _, refused := neverRoles.Refuses(role); return refused }
	if d.Roles, err = reconcile.ResolveRoles(s.ctx, s.worker, s.setting.roles, never); err != nil {
		return 0, err
	}
	hook, err := d.FindHook(s.ctx)
	if err != nil {
		return 0, err
	}
	if _, err := d.EnsureHook(s.ctx, hook); err != nil {
		return 0, err
	}
	return d.Begin(s.ctx)
}

// deploy deploys, and waits until all is done. It gives how the run ended.
func (s *stand) deploy() string {
	run, err := s.tryDeploy()
	s.must(err)
	state := s.ended(run)
	if state != string(store.RunDone) {
		var why store.Run
		s.view(func(tx *store.Tx) (err error) {
			why, err = tx.Run(run)
			return err
		})
		s.must(fmt.Errorf("the initial sync failed: %s", why.Error))
	}
	return state
}

// reconcile asks for a reconcile, and waits until all is done.
func (s *stand) reconcile() string {
	var run int64
	s.update(func(tx *store.Tx) (err error) {
		if err := s.binding().Ready(tx); err != nil {
			return err
		}
		run, err = tx.WantRun(store.ReconcileRun, operator, tx.Now)
		return err
	})
	return s.ended(run)
}

func (s *stand) ended(id int64) string {
	s.settle()
	var run store.Run
	s.view(func(tx *store.Tx) (err error) {
		run, err = tx.Run(id)
		return err
	})
	return string(run.State)
}

// hooks has Okta deliver what is pending, and waits until all is done.
func (s *stand) hooks() {
	s.must(s.org.DeliverAll(s.ctx))
	s.settle()
}

// sync is `zensync sync` of some users.
func (s *stand) sync(names ...string) {
	naming := reconcile.Naming{Brake: s.worker.Brake, Actor: operator}
	for _, name := range names {
		naming.Users = append(naming.Users, s.id(name))
	}
	s.update(func(tx *store.Tx) error {
		if err := s.binding().Ready(tx); err != nil {
			return err
		}
		_, _, err := naming.Ask(tx)
		return err
	})
	s.settle()
}

// takeDown ends and removes all that still stands. It may be called on a stand
// that is half built.
func (s *stand) takeDown() (err error) {
	if s.endWork != nil {
		err = s.endWork()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return err
}
