package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/zensync/zensync/cmd/zensync/notify"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// fileSystems are those that SQLite's locks and its write-ahead log do not work
// on, or not always, by the number statfs(2) gives.
var fileSystems = map[int64]struct {
	name string
	sure bool // that it is a network's; FUSE may be a local disk
}{
	0x6969:     {"NFS", true},
	0xff534d42: {"CIFS", true},
	0xfe534d42: {"SMB", true},
	0x517b:     {"SMB", true},
	0x01021997: {"9p", true},
	0x00c36400: {"Ceph", true},
	0x5346414f: {"AFS", true},
	0x65735546: {"FUSE", false},
}

// disk looks at the file system that the store is on, or will be.
func (v *visit) disk(context.Context) []Finding {
	folder := folderOf(v.in.Store.Path)
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return []Finding{failed(fmt.Sprintf("the folder of store.path, %s: %v", folder, err),
			"make the folder, for the user zensync runs as, with mode 0700")}
	}
	d, err := notify.DiskOf(folder)
	if err != nil {
		return []Finding{failed(err.Error(), "check the disk")}
	}
	return []Finding{judgeDisk(folder, int64(s.Type), d)}
}

func judgeDisk(folder string, kind int64, d notify.Disk) Finding {
	seen := fmt.Sprintf("%s, %d MiB of %d MiB are free", folder, d.Free>>20, d.Total>>20)
	const local = "put store.path on a local disk"
	switch system, known := fileSystems[kind&0xffffffff]; {
	case known && system.sure:
		return failed(fmt.Sprintf("%s, on a file system of the network (%s): locks and commits do not hold there", seen, system.name), local)
	case known:
		return warning(fmt.Sprintf("%s, on %s, which may be one of the network", seen, system.name), local+", unless this is one")
	case d.NearlyFull():
		return failed(seen+": without room no event can be stored", "make room")
	}
	return ok("%s", seen)
}

// storeFile looks whether there is a store, and whether this user may use it or,
// where there is none, make one.
func (v *visit) storeFile(context.Context) []Finding {
	path := v.in.Store.Path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{v.noStore()}
	case err != nil:
		return []Finding{failed(err.Error(), "run this as the user zensync runs as, and check store.path")}
	}
	if err := v.in.Foreign(); err != nil {
		seen, remedy, _ := strings.Cut(err.Error(), ": ")
		return []Finding{failed(seen, remedy)}
	}
	seen := fmt.Sprintf("%s, mode %04o, owner %s", path, info.Mode().Perm(), ownerOf(info))
	if err := syscall.Access(path, accessRead|accessWrite); err != nil {
		return []Finding{failed(seen+": this user may not read and write it", "run this as its owner")}
	}
	if v.store, err = store.OpenReader(path); err != nil {
		return []Finding{failed(err.Error(), "check the file")}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return []Finding{warning(seen+": others can read names and addresses in it", "chmod 600 "+path)}
	}
	return []Finding{ok("%s", seen)}
}

// What access(2) is asked for.
const (
	accessExecute = 1
	accessWrite   = 2
	accessRead    = 4
)

func (v *visit) noStore() Finding {
	folder := folderOf(v.in.Store.Path)
	info, err := os.Stat(folder)
	if err != nil {
		return failed(fmt.Sprintf("the folder of store.path, %s: %v", folder, plain(err)), "make the folder, for the user zensync runs as, with mode 0700")
	}
	if err := syscall.Access(folder, accessWrite|accessExecute); err != nil {
		return failed(fmt.Sprintf("there is no store yet, and this user may not make one in %s, which belongs to %s", folder, ownerOf(info)),
			"run this as "+ownerOf(info)+", or give the folder to the user zensync runs as")
	}
	return skipped("there is none at " + v.in.Store.Path + " yet: a service or the first `zensync deploy` makes it")
}

func plain(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// restored is what to do about a store that is not whole.
const restored = "stop the services, and `zensync restore` the last backup, which keeps this file; without one move it away, and `zensync deploy` finds every account again (the log is lost)"

func (v *visit) integrity(ctx context.Context) []Finding {
	damage, err := v.store.Damage(ctx)
	switch {
	case err != nil && late(ctx, err):
		return []Finding{warning(fmt.Sprintf("not through within %s; what was read is whole", slowWithin), "`zensync verify` reads the log alone, and takes its time")}
	case err != nil:
		return []Finding{failed("it cannot be read: "+err.Error(), restored)}
	case len(damage) > 0:
		return []Finding{failed("it is damaged: "+strings.Join(damage, "; "), restored)}
	}
	return []Finding{ok("SQLite finds the file whole")}
}

func (v *visit) schema(ctx context.Context) []Finding {
	have, newest, err := v.store.Schema(ctx)
	switch {
	case err != nil:
		return []Finding{failed(err.Error(), restored)}
	case have > newest:
		return []Finding{failed(fmt.Sprintf("version %d, and this program knows up to %d", have, newest),
			"install the newer zensync again, or `zensync restore` the copy beside it that was made before the upgrade")}
	case have < newest:
		// It can be asked nothing until then.
		return []Finding{failed(fmt.Sprintf("version %d of %d: no new zensync has opened it yet", have, newest),
			"restart the services, or run `zensync status`: either brings it up to date, and copies it before")}
	}
	return []Finding{ok("version %d", have)}
}

// muchWAL is more than SQLite leaves in its log unless something hinders it, in
// bytes: it folds 16 MiB into the database at a time, and cuts the log to twice
// that when it begins it anew.
const muchWAL = 64 << 20

func (v *visit) wal(context.Context) []Finding {
	size, err := v.store.WAL()
	switch {
	case err != nil:
		return []Finding{failed(err.Error(), "check the folder")}
	case size > muchWAL:
		return []Finding{warning(fmt.Sprintf("the write-ahead log has %d MiB: something keeps it from being begun anew", size>>20),
			"look for programs that keep a transaction open on the database, such as sqlite3; without one the worker makes the log empty within a day")}
	}
	return []Finding{ok("the write-ahead log has %d KiB", size>>10)}
}

// servers looks whether the store belongs to these servers.
func (v *visit) servers(ctx context.Context) []Finding {
	err := v.store.View(ctx, v.in.Binding.Check)
	var foreign *reconcile.ErrForeign
	switch {
	case errors.As(err, &foreign):
		return []Finding{failed(foreign.Error(), "correct the addresses, or name another store.path")}
	case err != nil:
		return []Finding{failed(err.Error(), restored)}
	}
	return []Finding{ok("it is that of %s and %s, or nobody's yet", v.in.Binding.OktaURL, v.in.Binding.ZenQMSURL)}
}
