package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

func reloadCommand() *cli.Command {
	return &cli.Command{
		Name:  "reload",
		Usage: "have the services that run take up a changed configuration",
		Description: "Checks the configuration first, and asks nobody when it cannot be followed. What is under way is finished by the old one.\n" +
			"SIGHUP to a service does the same for it alone, and says what came of it in its log.",
		Flags: []cli.Flag{formatFlag(), byFlag(),
			&cli.DurationFlag{Name: "wait", Value: 2 * time.Minute, Usage: "`TIME` the services may take"}},
		Action: reload,
	}
}

// reloadable is a part of a service that can be asked to reload.
type reloadable struct {
	name    store.Part
	setting string
}

var reloadables = []reloadable{{store.RelayPart, store.ReloadRelay}, {store.WorkerPart, store.ReloadWorker}}

func reload(c *cli.Context) error {
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
	if !exists {
		return in.nobodyRuns()
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		if err := in.checkDeployed(c.Context, db); err != nil {
			return err
		}
		parts := running(db)
		if len(parts) == 0 {
			return in.nobodyRuns()
		}
		number, err := askReload(c.Context, db, actor(c))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(c.Context, c.Duration("wait"))
		defer cancel()
		var results []reloadResult
		for _, p := range parts {
			r, err := awaitReload(ctx, db, p, number)
			if c.Context.Err() != nil {
				return c.Context.Err()
			}
			if err != nil {
				return err
			}
			results = append(results, r)
		}
		return in.printReload(c, results)
	})
}

// nobodyRuns ends a reload that nobody is there for.
func (in *installation) nobodyRuns() error {
	return fmt.Errorf("neither a relay nor a worker is up with the store %s; a service reads the configuration when it starts", in.Store.Path)
}

// running are the parts that are up to stay. A command that does the worker's
// work has read the configuration as it started.
func running(db *store.DB) (parts []reloadable) {
	for _, p := range reloadables {
		holder, alive := db.Alive(p.name)
		if alive && (p.name != store.WorkerPart || isService(holder)) {
			parts = append(parts, p)
		}
	}
	return parts
}

// askReload asks for a reload and returns its number.
func askReload(ctx context.Context, db *store.DB, by string) (number int64, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		last, err := readReload(tx)
		if err != nil {
			return err
		}
		number = last.Number + 1
		text, err := json.Marshal(reloadRequest{Number: number, By: by})
		if err != nil {
			return fmt.Errorf("ask for a reload: %w", err)
		}
		return tx.SetSetting(store.ReloadAsked, string(text))
	})
	return number, err
}

// reloadResult is what came of the reload of a part.
type reloadResult struct {
	part    store.Part
	outcome string // applied, refused or none
	reloadAnswer
}

// answerPoll is how often a command looks for an answer.
const answerPoll = 50 * time.Millisecond

// awaitReload waits until a part has answered a request, is gone, or ctx ends.
func awaitReload(ctx context.Context, db *store.DB, p reloadable, number int64) (reloadResult, error) {
	r := reloadResult{part: p.name, outcome: "none"}
	tick := time.NewTicker(answerPoll)
	defer tick.Stop()
	for {
		alive := false
		for _, now := range running(db) {
			alive = alive || now == p
		}
		answer, err := readAnswer(ctx, db, p.setting)
		switch {
		case err != nil && ctx.Err() == nil:
			return r, err
		case err == nil && answer.Number >= number:
			r.reloadAnswer, r.outcome = answer, "applied"
			if answer.Error != "" {
				r.outcome = "refused"
			}
			return r, nil
		case !alive:
			r.Error = "it has ended meanwhile; it reads the configuration when it starts"
			return r, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.Error = "it has not answered yet; its log will say what comes of it"
			return r, nil
		}
	}
}

func readAnswer(ctx context.Context, db *store.DB, setting string) (a reloadAnswer, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		text, err := tx.Setting(setting)
		if err != nil || text == "" {
			return err
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return fmt.Errorf("read the setting %s: %w", setting, err)
		}
		return nil
	})
	return a, err
}

// printReload prints what came of it, and what it leaves to be done.
func (in *installation) printReload(c *cli.Context, results []reloadResult) error {
	t := output.Table{Columns: []string{"part", "outcome", "restart", "error"}}
	refused, silent := 0, 0
	for _, r := range results {
		t.Rows = append(t.Rows, []any{string(r.part), r.outcome, orNil(strings.Join(r.Restart, ", ")), orNil(r.Error)})
		switch r.outcome {
		case "refused":
			refused++
		case "none":
			silent++
		}
	}
	if err := output.Write(c.App.Writer, c.String("format"), t); err != nil {
		return err
	}
	for _, r := range results {
		in.commentReload(c.App.ErrWriter, r)
	}
	switch {
	case refused > 0:
		return usage("%s by the old configuration", count(int64(refused), "service goes on", "services go on"))
	case silent > 0:
		return fmt.Errorf("%s not taken up the configuration", count(int64(silent), "service has", "services have"))
	}
	return nil
}

// commentReload says what a reload of a part could not reach.
func (in *installation) commentReload(talk io.Writer, r reloadResult) {
	if len(r.Restart) > 0 {
		fmt.Fprintf(talk, "the %s goes on with the old %s: restart it for the new\n", r.part, strings.Join(r.Restart, ", "))
	}
	if r.Config != "" && r.Config != in.Hash() {
		fmt.Fprintf(talk, "the %s has read another configuration than %s is now: where its unit shows it that file alone, one that was replaced is seen after `systemctl restart`\n",
			r.part, output.Escape(in.Path))
	}
	if len(r.Copies) > 0 {
		files, were, them := "file", "it was", "it"
		if len(r.Copies) > 1 {
			files, were, them = "files", "they were", "them"
		}
		fmt.Fprintf(talk, "the %s has the %s of %s from systemd, as %s when the service started, and does not see the original: after a change of %s, `systemctl restart` the service\n",
			r.part, files, strings.Join(r.Copies, ", "), were, them)
	}
}
