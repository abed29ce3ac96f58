package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func pauseCommand() *cli.Command {
	return &cli.Command{
		Name:  "pause",
		Usage: "send nothing to ZenQMS until `zensync resume`",
		Description: "Returns when nothing is under way any more. Okta's hooks are stored meanwhile, scheduled reconciles are left out,\n" +
			"and deploy, sync, reconcile and relink refuse to work. Who paused, and why, is logged.",
		Flags:  []cli.Flag{reasonFlag(), byFlag()},
		Action: pause,
	}
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:  "resume",
		Usage: "end a pause: do what came in meanwhile, and reconcile",
		Description: "The worker that is up begins at once; without one it is done as soon as one is.\n" +
			"Who resumed, and why if --reason says so, is logged.",
		Flags:  []cli.Flag{reasonFlag(), byFlag()},
		Action: resume,
	}
}

func pause(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	why, err := reason(c)
	if err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		p := reconcile.Pause{Binding: in.binding(), Actor: actor(c), Reason: why}
		stage, fresh, err := p.Begin(c.Context, db)
		if err != nil {
			return err
		}
		if !fresh {
			fmt.Fprintf(c.App.ErrWriter, "paused already, by %s since %s: %s; that stays\n", stage.By, store.FormatTime(stage.Since), stage.Reason)
		}
		left, err := reconcile.Idle(c.Context, db)
		switch {
		case c.Context.Err() != nil:
			return fmt.Errorf("paused, but interrupted while %s still under way", count(left, "sync was", "syncs were"))
		case err != nil:
			return err
		case left > 0:
			fmt.Fprintf(c.App.ErrWriter, "no worker is up, so nothing is under way; %s by one that died, and done after the pause\n",
				count(left, "sync was left", "syncs were left"))
		}
		fmt.Fprintln(c.App.ErrWriter, "paused: nothing is sent to ZenQMS until `zensync resume`")
		return nil
	})
}

func resume(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		p := reconcile.Pause{Binding: in.binding(), Actor: actor(c), Reason: strings.TrimSpace(c.String("reason"))}
		fresh, err := p.End(c.Context, db)
		if err != nil {
			return err
		}
		if !fresh {
			fmt.Fprintln(c.App.ErrWriter, "not paused: there is nothing to resume")
			return nil
		}
		fmt.Fprintln(c.App.ErrWriter, "resumed: what came in meanwhile is done now, and a reconcile follows")
		if !serves(db) {
			fmt.Fprintln(c.App.ErrWriter, "no worker is up: it is done once one is")
		}
		return nil
	})
}

// waitsForResume tells whether the installation is paused, and if so says that
// what a command asked for is done later.
func waitsForResume(c *cli.Context, db *store.DB) (bool, error) {
	var stage reconcile.Stage
	err := db.View(c.Context, func(tx *store.Tx) (err error) {
		stage, err = reconcile.StageOf(tx)
		return err
	})
	paused := err == nil && stage.Life == reconcile.Paused
	if paused {
		fmt.Fprintf(c.App.ErrWriter, "noted; it is done after `zensync resume`: paused by %s since %s\n", stage.By, store.FormatTime(stage.Since))
	}
	return paused, err
}

// stillActive ends the waiting of a command when the installation stops being
// active: nobody knows for how long.
func stillActive(tx *store.Tx) error {
	stage, err := reconcile.StageOf(tx)
	if err != nil || stage.Life == reconcile.Active {
		return err
	}
	refused := &reconcile.ErrStage{Stage: stage}
	if stage.Life == reconcile.Paused {
		return fmt.Errorf("%w; what was asked for is kept, and done then", refused)
	}
	return refused
}

// uninterrupted is an error of work that a signal cut short and that is kept
// half done: in its own words, for the usual ones promise that a worker goes on.
func uninterrupted(ctx context.Context, err error, words string) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New(words)
	}
	return err
}
