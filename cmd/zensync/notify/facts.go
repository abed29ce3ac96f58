package notify

import (
	"fmt"
	"syscall"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

const (
	// unreliable is for how long after its verification Okta may deliver
	// nothing to an event hook: "several minutes" by its documentation.
	unreliable = 10 * time.Minute
	// underWay is how recent a change may be whose event may still be on its
	// way: Okta repeats a delivery once, and promises no time.
	underWay = 15 * time.Minute
	// clockSlack is by how much Okta's clock may be ahead of this host's.
	clockSlack = 5 * time.Minute
)

// Facts are what the store, and the disk it is on, say about an installation.
type Facts struct {
	Now     time.Time
	Stage   reconcile.Stage
	Stopped string // why nothing is sent; "" when it is
	Barred  string // which credential the last walk failed for; "" when it did not fail for one
	Held    map[store.Action]int64
	Dead    int64
	Hook    Hook
	Walks   []store.Run // the last two that ended, the latest first
	Groups  []store.MappedGroup
	Roles   []store.RoleRule

	// Overlooked users were changed by the run Found, a reconcile, though they
	// had moved in Okta since the walk before it and long enough ago for an
	// event, none of which came. Without a verified hook there are none.
	Overlooked int64
	Found      int64

	Disk Disk
}

// Hook is the event hook as Okta last described it.
type Hook struct{ ID, Status, Verified string }

// Disk is the file system of the store, in bytes; the zero value is not known.
type Disk struct {
	Path        string
	Free, Total uint64
}

// NearlyFull tells whether it is time to make room.
func (d Disk) NearlyFull() bool { return d.Total > 0 && d.Free < littleRoom && d.Free < d.Total/10 }

// Read fills in what the store says, which is all but Disk.
func (f *Facts) Read(tx *store.Tx) (err error) {
	f.Now = tx.Now
	if f.Stage, err = reconcile.StageOf(tx); err != nil {
		return err
	}
	for key, value := range map[string]*string{
		store.DrainStopped: &f.Stopped, store.WalkRefused: &f.Barred,
		store.HookID: &f.Hook.ID, store.HookStatus: &f.Hook.Status, store.HookVerified: &f.Hook.Verified,
	} {
		if *value, err = tx.Setting(key); err != nil {
			return err
		}
	}
	if f.Held, err = tx.HeldActions(); err != nil {
		return err
	}
	queue, err := tx.Queue()
	if err != nil {
		return err
	}
	f.Dead = queue.Dead
	if f.Walks, err = tx.EndedWalks(2, store.RunDone, store.RunFailed); err != nil {
		return err
	}
	if f.Groups, err = tx.MappedGroups(); err != nil {
		return err
	}
	if f.Roles, err = tx.RoleRules(); err != nil {
		return err
	}
	return f.readOverlooked(tx)
}

// readOverlooked finds out what the last reconcile that came through has found
// and hooks should have brought. What moved before the walk ahead of it is not
// the hooks' affair: that walk has seen it, and something else held it up.
func (f *Facts) readOverlooked(tx *store.Tx) error {
	done, err := tx.EndedWalks(2, store.RunDone)
	if err != nil || len(done) < 2 || done[0].Kind != store.ReconcileRun || f.Hook.Verified == "" {
		return err
	}
	verified, err := time.Parse(time.RFC3339, f.Hook.Verified)
	if err != nil {
		return fmt.Errorf("read the setting %s: %w", store.HookVerified, err)
	}
	after := done[1].Started
	if reliable := verified.Add(unreliable); reliable.After(after) {
		after = reliable
	}
	f.Found = done[0].ID
	f.Overlooked, err = tx.Overlooked(f.Found, after, done[0].Started.Add(-underWay), clockSlack)
	return err
}

// DiskOf measures the file system that a file is on.
func DiskOf(path string) (Disk, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return Disk{}, fmt.Errorf("measure the disk of %s: %w", path, err)
	}
	size := uint64(s.Bsize)
	return Disk{Path: path, Free: uint64(s.Bavail) * size, Total: uint64(s.Blocks) * size}, nil
}
