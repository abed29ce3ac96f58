package page

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

const (
	// lookEvery is how old what is shown may be: however often the page is
	// asked for, the store is read once in that time.
	lookEvery = time.Second
	// countWithin is how long a reading waits for the number of links.
	countWithin = 200 * time.Millisecond
	// arrivalsAtOnce bounds how many new events one reading counts.
	arrivalsAtOnce = 50_000
)

// standing is how an installation stands, as read at one time.
type standing struct {
	err  error // why it could not be read; then all else is empty
	took time.Duration

	life         reconcile.Life
	stopped      string
	barred       string
	hookID       string
	hookStatus   string
	hookVerified string
	queue        store.Queue
	held         map[store.Action]int64
	skips        map[store.SkipCode]int64
	links        *store.LinkCount // nil: not counted yet
	lastEvent    time.Time
	lastRun      *store.Run // that ended
	lastDone     *store.Run // that came through
	next         time.Time  // zero: never
	groups       int        // frozen
	roles        int        // frozen
	head         store.Head
	relay        bool // alive
	worker       bool // alive
	space        space
}

// tally is how many links there are. To count a million takes seconds where the
// disk has to be read for it, and all else is not to wait for that.
type tally struct {
	err   error
	links store.LinkCount
}

func (p *Page) newTally() *glass[tally] {
	return &glass[tally]{
		read: func(ctx context.Context) *tally {
			t := new(tally)
			t.err = p.safely(ctx, func(tx *store.Tx) (err error) {
				t.links, err = tx.LinkCount()
				return err
			})
			return t
		},
		within: readWithin, patience: countWithin,
		fresh: func(took time.Duration) time.Duration { return max(lookEvery, 10*took) },
		slow: func(last *tally) *tally {
			if last != nil {
				return last
			}
			return &tally{err: errReading}
		},
	}
}

// space is what the store takes, in bytes.
type space struct{ file, wal, free, total int64 }

// newGlass shows how the installation stands.
func (p *Page) newGlass() *glass[standing] {
	return &glass[standing]{
		read: func(ctx context.Context) *standing {
			began := time.Now()
			s := p.read(ctx)
			s.took = time.Since(began)
			return s
		},
		within: lookWithin, patience: lookWithin,
		fresh: func(time.Duration) time.Duration { return lookEvery },
		slow:  func(*standing) *standing { return &standing{err: errSlow} },
	}
}

// read is one reading. A bug in it must not be the worker's.
func (p *Page) read(ctx context.Context) (s *standing) {
	defer func() {
		if r := recover(); r != nil { // not by safely: this looks at locks and files as well
			s = &standing{err: fmt.Errorf("a bug in zensync: %T", r)}
			p.log.Error("a bug: what the page shows cannot be read", "kind", fmt.Sprintf("%T", r))
		}
	}()
	var arrivals []store.Arrivals
	var last int64
	s = new(standing)
	counted := p.tally.look()
	err := counted.err
	if s.links = &counted.links; errors.Is(err, errReading) {
		s.links, err = nil, nil
	}
	if err != nil {
		return &standing{err: err}
	}
	err = p.db.View(ctx, func(tx *store.Tx) (err error) {
		if arrivals, last, err = p.metrics.arrivals(tx); err != nil {
			return err
		}
		return s.read(tx, p.schedule())
	})
	if err == nil {
		s.space, err = spaceOf(p.db.Path())
	}
	if err != nil {
		return &standing{err: err}
	}
	p.metrics.arrived(arrivals, last)
	_, s.relay = p.db.Alive(store.RelayPart)
	s.worker = p.serves()
	return s
}

func (p *Page) schedule() reconcile.Schedule {
	if s := p.subject.Load(); s != nil {
		return s.Worker.Schedule
	}
	return nil
}

// read fills in what the store says.
func (s *standing) read(tx *store.Tx, schedule reconcile.Schedule) (err error) {
	var life string
	for key, value := range map[string]*string{
		store.LifeState: &life, store.DrainStopped: &s.stopped, store.WalkRefused: &s.barred,
		store.HookID: &s.hookID, store.HookStatus: &s.hookStatus, store.HookVerified: &s.hookVerified,
	} {
		if *value, err = tx.Setting(key); err != nil {
			return err
		}
	}
	s.life = reconcile.Life(life)
	if err := s.readWork(tx, schedule); err != nil {
		return err
	}
	groups, err := tx.MappedGroups()
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.Frozen != "" {
			s.groups++
		}
	}
	roles, err := tx.RoleRules()
	if err != nil {
		return err
	}
	for _, r := range roles {
		if r.Frozen != "" {
			s.roles++
		}
	}
	s.head, err = tx.LogHead()
	return err
}

// readWork reads what there is to do, and how the walks went.
func (s *standing) readWork(tx *store.Tx, schedule reconcile.Schedule) (err error) {
	if s.queue, err = tx.Queue(); err != nil {
		return err
	}
	if s.held, err = tx.HeldActions(); err != nil {
		return err
	}
	if s.skips, err = tx.SkipCount(); err != nil {
		return err
	}
	if s.lastEvent, err = tx.LastEvent(); err != nil {
		return err
	}
	if run, any, err := tx.LastReconcile(store.RunDone, store.RunFailed); err != nil {
		return err
	} else if any {
		s.lastRun = &run
	}
	if run, any, err := tx.LastReconcile(store.RunDone); err != nil {
		return err
	} else if any {
		s.lastDone = &run
	}
	if s.life == reconcile.Active { // in any other state no run starts
		s.next, err = reconcile.NextRun(tx, schedule)
	}
	return err
}

// spaceOf measures a store's files, and the file system they are on.
func spaceOf(path string) (s space, err error) {
	if s.file, err = sizeOf(path); err != nil {
		return s, err
	}
	if s.wal, err = sizeOf(path + "-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(path, &disk); err != nil {
		return s, fmt.Errorf("measure the disk of %s: %w", path, err)
	}
	s.free, s.total = int64(disk.Bavail)*int64(disk.Bsize), int64(disk.Blocks)*int64(disk.Bsize)
	return s, nil
}

func sizeOf(name string) (int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, fmt.Errorf("measure the store: %w", err)
	}
	return info.Size(), nil
}
