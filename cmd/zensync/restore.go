package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func restoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "put a backup in the database's place",
		ArgsUsage: "FILE",
		Description: "FILE is what `zensync backup` wrote, or a copy that was made before an upgrade. Relay and worker have to be stopped. FILE\n" +
			"is proved first, and has to belong to the servers of the configuration. The database that is there is kept beside the new\n" +
			"one, under another name. Who restored what, and where the log ended before, is logged.\n\n" +
			"The reconcile that follows finds what the copy has missed. A pause stays, and what people said no to.",
		Flags:  []cli.Flag{reasonFlag(), byFlag(), formatFlag()},
		Action: restore,
	}
}

func restore(c *cli.Context) error {
	from, err := oneFile(c)
	if err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	if err := in.mayRestore(from); err != nil {
		return err
	}
	if from, err = filepath.Abs(from); err != nil { // the log is read elsewhere
		return err
	}
	why := reconcile.Restore{Binding: in.binding(), Actor: actor(c), Reason: c.String("reason"), From: from}
	bar := output.NewProgress(c.App.ErrWriter, "rows of the log verified")
	defer bar.Close()
	made, err := store.Restore(c.Context, in.Store.Path, from, bar.Set, func(tx *store.Tx, with *store.Restoration) error {
		return why.Settle(c.Context, tx, with)
	})
	bar.Close()
	switch {
	case errors.Is(err, store.ErrNoStore):
		err = fmt.Errorf("%w: nothing was changed; name a file that `zensync backup` wrote", err)
	case errors.Is(err, store.ErrDamaged):
		err = fmt.Errorf("%w: nothing was changed; name another backup", err)
	}
	if err != nil {
		return uninterrupted(c.Context, stopFirst(err), "not restored: interrupted, and nothing was changed")
	}
	return in.withStore(c.Context, func(db *store.DB) error { return printRestored(c, db, made, from) })
}

// mayRestore refuses what can be seen to be wrong without a look into any file.
func (in *installation) mayRestore(from string) error {
	if err := in.checkOwner(); err != nil {
		return err
	}
	file, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("%w (name a file that `zensync backup` wrote)", err)
	}
	there, err := os.Stat(in.Store.Path)
	if err == nil && os.SameFile(file, there) {
		return fmt.Errorf("%s is the database itself: name a copy of it", from)
	}
	folder, err := os.Stat(filepath.Dir(in.Store.Path))
	if err != nil {
		return nil // it is made
	}
	if owner := ownerOf(folder); os.Geteuid() == 0 && owner != "" {
		return usage("%s belongs to %s, who could not open what root puts there: run this as `sudo -u %s zensync ...`", filepath.Dir(in.Store.Path), owner, owner)
	}
	return nil
}

// stopFirst says what to stop before a restore.
func stopFirst(err error) error {
	var locked *store.ErrLocked
	switch {
	case !errors.As(err, &locked):
		return err
	case isService(locked.Holder), locked.Part == store.RelayPart:
		return fmt.Errorf("the %s is up: stop relay and worker first (systemctl stop zensync-relay.socket zensync-relay zensync-worker): %w", locked.Part, err)
	}
	return atWork(err)
}

// printRestored prints what came of it, and what is left to be done.
func printRestored(c *cli.Context, db *store.DB, r *store.Restoration, from string) error {
	head, stage, err := standsNow(c.Context, db)
	if err != nil {
		return err
	}
	replaced := any(nil)
	if r.Head.Seq > 0 {
		replaced = headText(r.Head)
	}
	life := string(stage.Life)
	if stage.Life == reconcile.New {
		life = "new"
	}
	if err := output.WriteObject(c.App.Writer, c.String("format"), append(append([]output.Pair{{Key: "file", Value: from}}, snapshotPairs(r.Copy)...),
		output.Pair{Key: "replaced", Value: replaced}, output.Pair{Key: "kept", Value: orNil(r.Kept)},
		output.Pair{Key: "state", Value: life}, output.Pair{Key: "log", Value: headText(head)})); err != nil {
		return err
	}
	talk := c.App.ErrWriter
	if r.Unread != nil {
		fmt.Fprintf(talk, "the database that was there could not be read (%s): a pause, and what people had said no to since the copy, are not taken over\n",
			output.Escape(r.Unread.Error()))
	}
	switch stage.Life {
	case reconcile.Active:
		fmt.Fprintln(talk, "start relay and worker again: a reconcile finds what the copy has missed. `zensync plan` shows before what it would do, and `zensync doctor` whether all else is right")
	case reconcile.Paused:
		fmt.Fprintf(talk, "paused by %s since %s, which stays: start relay and worker again, and `zensync resume` when you are ready; a reconcile finds what the copy has missed\n",
			output.Escape(stage.By), store.FormatTime(stage.Since))
	case reconcile.Unlinking:
		fmt.Fprintln(talk, "the copy is of a time when zensync was being taken out: `zensync unlink` finishes that")
	default:
		fmt.Fprintln(talk, "nothing is deployed: `zensync deploy` links everybody")
	}
	return nil
}

func standsNow(ctx context.Context, db *store.DB) (head store.Head, stage reconcile.Stage, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		if head, err = tx.LogHead(); err != nil {
			return err
		}
		stage, err = reconcile.StageOf(tx)
		return err
	})
	return head, stage, err
}
