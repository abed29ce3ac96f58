package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Restoration is what a restore puts in the place of what.
type Restoration struct {
	Copy     Snapshot // the file that was restored, as it was
	Replaced *Reader  // what was in its place, for as long as Restore takes; nil when there was none, or it cannot be read
	Unread   error    // why it cannot be read; nil when it can, or there was none
	Head     Head     // the end of the log of what was replaced
	Kept     string   // where that is kept; "" when there was none
}

const (
	// restoreFolders is what folders are called in which a store is prepared.
	restoreFolders = ".zensync-restore-*"
	// restorePatience is how long commands that have the store open may take
	// to end: those that read it do within a moment.
	restorePatience = 10 * time.Second
)

// Restore puts what the file from holds in the place of the store at path, and
// keeps what was there beside it. from is proved as Inspect does, copied, and
// the copy brought up to date; then settle, in a transaction on the copy, makes
// of it what it has to be as a store in use. An error leaves the store at path
// as it is. Killed at any moment, it leaves either the one or the other.
//
// No other process may have the store open: a worker or relay that is up is an
// *ErrLocked. Whoever wants to open it meanwhile waits.
func Restore(ctx context.Context, path, from string, progress ReadProgress, settle func(*Tx, *Restoration) error) (_ *Restoration, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of the store: %w", err)
	}
	alone, err := haveAlone(ctx, path)
	if err != nil {
		return nil, err
	}
	defer alone.Close() //nolint:errcheck // closing the process frees it as well
	r := new(Restoration)
	if r.Copy, err = Inspect(ctx, from, progress); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	work, err := scratchBeside(path, restoreFolders)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, work.remove()) }()
	made := work.file("zensync.db")
	if err := copyInto(ctx, from, made); err != nil {
		return nil, fmt.Errorf("copy %s: %w", from, err)
	}
	db, err := openStore(ctx, made, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := r.meet(ctx, path, db.now()); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.leave()) }()
	if err := db.Update(ctx, func(tx *Tx) error { return settle(tx, r) }); err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // which folds its log into it
		return nil, err
	}
	if exists(made + "-wal") {
		return nil, errors.New("what was prepared is still in use: run the command again")
	}
	return r, r.swap(path, made)
}

// haveAlone waits until no other process has the store at path open, and keeps
// it from being opened. Who has a part will not end by itself: that is an
// *ErrLocked at once.
func haveAlone(ctx context.Context, path string) (*flock.Flock, error) {
	lock := usage(path)
	late := time.After(restorePatience)
	for {
		got, err := lock.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", lock.Path(), err)
		}
		if got {
			return lock, nil
		}
		for _, part := range []Part{WorkerPart, RelayPart, HookPart} {
			if holder, alive := (&DB{path: path}).Alive(part); alive {
				return nil, errors.Join(&ErrLocked{Part: part, Holder: holder}, lock.Close())
			}
		}
		select {
		case <-time.After(usePoll):
		case <-late:
			return nil, errors.Join(fmt.Errorf("another zensync command has the store %s open: run this again when it has ended", path), lock.Close())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), lock.Close())
		}
	}
}

// meet looks at what is to be replaced, as far as it can be read, and has its
// write-ahead log folded into it.
func (r *Restoration) meet(ctx context.Context, path string, now time.Time) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("look for the store: %w", err)
	}
	r.Kept = path + ".before-restore-" + now.Format("20060102T150405Z")
	for n := 2; exists(r.Kept); n++ {
		r.Kept = fmt.Sprintf("%s.before-restore-%s-%d", path, now.Format("20060102T150405Z"), n)
	}
	if r.Unread = readable(ctx, path); r.Unread != nil {
		return ctx.Err()
	}
	there, err := newReader(path, "rw")
	if err != nil {
		return err
	}
	r.Replaced = there
	if _, err := there.db.readers.pool.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return fmt.Errorf("fold the write-ahead log of %s into it: %w", path, errors.Join(err, r.leave()))
	}
	if err := there.View(ctx, func(tx *Tx) (err error) {
		r.Head, err = tx.LogHead()
		return err
	}); err != nil {
		return errors.Join(err, r.leave())
	}
	return nil
}

// readable is an error if a store's log cannot be read. It changes nothing:
// SQLite removes the write-ahead log of what it cannot make sense of, if it may
// write.
func readable(ctx context.Context, path string) error {
	r, err := newReader(path, sealed(path))
	if err != nil {
		return err
	}
	return errors.Join(r.View(ctx, func(tx *Tx) error {
		_, err := tx.LogHead()
		return err
	}), r.Close())
}

// leave ends the look at what was replaced.
func (r *Restoration) leave() error {
	if r.Replaced == nil {
		return nil
	}
	there := r.Replaced
	r.Replaced = nil
	return there.Close()
}

// swap puts what was prepared in its place. What was there is under both its
// names until then, but for the write-ahead log of one that cannot be read:
// beside another database SQLite would take it for that one's.
func (r *Restoration) swap(path, made string) error {
	if err := r.leave(); err != nil {
		return err
	}
	if r.Kept != "" {
		if err := os.Link(path, r.Kept); err != nil {
			return fmt.Errorf("keep the store that was there: %w", err)
		}
		if err := setAside(path+"-wal", r.Kept+"-wal"); err != nil {
			return err
		}
		if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return settleAs(made, path, true)
}

// setAside gives a file another name, and removes an empty one: there may be
// none.
func setAside(name, to string) error {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Size() == 0:
		return os.Remove(name)
	}
	return os.Rename(name, to)
}

// DropWalks ends what walks have promised and nobody has approved: it rests on
// what they read at their time. It tells whether a deploy's was among it.
func (tx *Tx) DropWalks(why string) (initial bool, err error) {
	origins, err := collect(tx, func(s scanner) (o Origin, err error) { return o, s.Scan(&o) }, `
		SELECT DISTINCT origin FROM outbox INDEXED BY outbox_pending
		WHERE (state = 'open' OR state = 'running') AND origin IN ('initial', 'reconcile') AND cleared <> 'approved'`)
	if err == nil {
		err = tx.run(`UPDATE outbox INDEXED BY outbox_pending SET state = 'dropped', finished = ?, error = ?
			WHERE (state = 'open' OR state = 'running') AND origin IN ('initial', 'reconcile') AND cleared <> 'approved'`, FormatTime(tx.Now), why)
	}
	if err != nil {
		return false, fmt.Errorf("drop what walks have promised: %w", err)
	}
	for _, o := range origins {
		initial = initial || o == FromInitial
	}
	return initial, nil
}

// TakeOverBrake takes what people have said no to, and what the brake has let
// through, out of another store of the same schema, where it is younger than
// here. Of another schema it takes nothing.
func (tx *Tx) TakeOverBrake(ctx context.Context, from *Reader) error {
	have, newest, err := from.Schema(ctx)
	if err != nil || have != newest {
		return err
	}
	const said = `okta_id, action, okta_updated, okta_status, entitled, said`
	const spent = `action, okta_id, spent`
	for _, t := range []struct{ read, write string }{
		{`SELECT ` + said + ` FROM discard`, `INSERT INTO discard (` + said + `) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (okta_id, action) DO UPDATE SET okta_updated = excluded.okta_updated, okta_status = excluded.okta_status,
			    entitled = excluded.entitled, said = excluded.said WHERE excluded.said > said`},
		{`SELECT ` + spent + ` FROM budget`, `INSERT INTO budget (` + spent + `) VALUES (?, ?, ?)
			ON CONFLICT (action, okta_id) DO UPDATE SET spent = excluded.spent WHERE excluded.spent > spent`},
	} {
		if err := from.View(ctx, func(old *Tx) error { return copyRows(old, t.read, tx, t.write) }); err != nil {
			return fmt.Errorf("take over what the brake knows: %w", err)
		}
	}
	return nil
}

// copyRows runs a statement with each row that a query of another store returns.
func copyRows(from *Tx, query string, to *Tx, statement string) error {
	rows, err := from.query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	cells, dest := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		dest[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := to.run(statement, cells...); err != nil {
			return err
		}
	}
	return rows.Err()
}
