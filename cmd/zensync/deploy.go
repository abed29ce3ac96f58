package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func deployCommand() *cli.Command {
	return &cli.Command{
		Name:  "deploy",
		Usage: "make Okta's event hook and sync every user once",
		Description: "Checks both credentials, makes or updates the event hook in Okta and has Okta verify it, so the relay has to be up.\n" +
			"Then every user is synced, by a worker that is up or by this command itself. It may be repeated at any time.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
			dryRunFlag(), byFlag(), formatFlag(),
		},
		Action: deploy,
	}
}

func deploy(c *cli.Context) error {
	if c.Bool("dry-run") {
		return plan(c, store.InitialRun)
	}
	if err := noOperands(c); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	if !c.Bool("yes") && !output.IsTerminal(c.App.Reader) {
		return usage("deploy asks before it begins, and this is no terminal: say --yes")
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		if err := db.View(c.Context, in.binding().Deployable); err != nil {
			return err
		}
		worker, err := in.worker(db)
		if err != nil {
			return err
		}
		deployment, err := in.deployment(worker, actor(c))
		if err != nil {
			return err
		}
		run, err := beginDeployment(c, worker, deployment, in)
		if err != nil {
			return err
		}
		if err := follow(c.Context, worker, deployHolder, run, c.App.ErrWriter); err != nil {
			return err
		}
		return concludeDeployment(c, db, run)
	})
}

// beginDeployment checks, asks, makes the hook and asks for the initial sync,
// whose run it returns. Nothing is begun unless all of it succeeds.
func beginDeployment(c *cli.Context, worker *reconcile.Worker, deployment reconcile.Deployment, in *installation) (int64, error) {
	ctx, talk := c.Context, c.App.ErrWriter
	hook, err := checkServers(ctx, worker, deployment)
	if err != nil {
		return 0, err
	}
	if err := in.resolve(ctx, worker, &deployment); err != nil {
		return 0, err
	}
	announce(talk, deployment, hook)
	if err := announceUnmapped(ctx, worker.DB, talk, in.rolePairs()); err != nil {
		return 0, err
	}
	if !c.Bool("yes") {
		if err := agree(ctx, c.App.Reader, talk, "deployed"); err != nil {
			return 0, err
		}
	}
	return in.makeHook(ctx, worker.DB, deployment, talk)
}

// makeHook makes the event hook and asks for the initial sync. One at a time:
// whatever was found before, another deploy may have made a hook since, and a
// rotation another secret.
func (in *installation) makeHook(ctx context.Context, db *store.DB, deployment reconcile.Deployment, talk io.Writer) (run int64, err error) {
	lock, err := lockHook(ctx, db, deployHolder)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	secret, err := in.HookSecret()
	if err != nil {
		return 0, err
	}
	deployment.Secret = string(secret)
	if err := db.View(ctx, deployment.Binding.Deployable); err != nil { // a pause or an unlink may have begun
		return 0, err
	}
	hook, err := deployment.FindHook(ctx)
	if err != nil {
		return 0, err
	}
	made, err := deployment.EnsureHook(ctx, hook)
	var unverified *reconcile.ErrUnverified
	if errors.As(err, &unverified) {
		return 0, fmt.Errorf("%w; %s", err, remedyFor(db))
	}
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(talk, "Okta has verified the event hook %s\n", made.ID)
	if err := in.noteInEffect(ctx, db, deployment.Actor); err != nil {
		return 0, err
	}
	return deployment.Begin(ctx)
}

// lockHook takes store.HookPart under the name holder. A deploy has it for as
// long as Okta takes to verify the hook, and is waited for. An unlink is not, nor
// is a rotation of the secret; as the holder's name is written a moment after the
// lock is taken, they are believed in when they were seen twice.
func lockHook(ctx context.Context, db *store.DB, holder string) (*store.Lock, error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for before := deployHolder; ; {
		lock, err := db.TryLock(store.HookPart, holder)
		if err == nil {
			return lock, nil
		}
		var locked *store.ErrLocked
		if !errors.As(err, &locked) || locked.Holder != deployHolder && locked.Holder == before {
			return nil, atWork(err)
		}
		before = locked.Holder
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// deployHolder is what a deploy calls itself.
const deployHolder = "deploy"

// atWork says that another command has store.HookPart.
func atWork(err error) error {
	var locked *store.ErrLocked
	if errors.As(err, &locked) {
		return fmt.Errorf("zensync %s is at work, wait until it is through: %w", locked.Holder, err)
	}
	return err
}

// agree asks whether to go ahead; any answer but yes is an error. Whoever
// presses Ctrl-C instead is not kept waiting for the end of his line. what is
// what was not done then.
func agree(ctx context.Context, in io.Reader, talk io.Writer, what string) error {
	type answer struct {
		yes bool
		err error
	}
	given := make(chan answer, 1)
	go func() {
		yes, err := output.Confirm(in, talk, "Go ahead?")
		given <- answer{yes, err}
	}()
	select {
	case a := <-given:
		if a.err == nil && !a.yes {
			return fmt.Errorf("not %s: the answer was no, and nothing was changed", what)
		}
		return a.err
	case <-ctx.Done():
		fmt.Fprintln(talk)
		return fmt.Errorf("not %s: interrupted, and nothing was changed", what)
	}
}

// checkServers makes a harmless call with each credential, and looks for this
// installation's event hook.
func checkServers(ctx context.Context, worker *reconcile.Worker, deployment reconcile.Deployment) (reconcile.FoundHook, error) {
	if err := tryCredentials(ctx, worker); err != nil {
		return reconcile.FoundHook{}, err
	}
	return deployment.FindHook(ctx)
}

// announce says what deploy is about to do.
func announce(talk io.Writer, d reconcile.Deployment, hook reconcile.FoundHook) {
	fmt.Fprintf(talk, "From Okta   %s\nTo ZenQMS   %s\n", d.Binding.OktaURL, d.Binding.ZenQMSURL)
	switch {
	case hook.ID != "":
		fmt.Fprintf(talk, "Event hook  %q is there already (%s): it is updated to call %s\n", d.HookName(), hook.ID, d.HookURL)
	default:
		fmt.Fprintf(talk, "Event hook  %q is made, to call %s\n", d.HookName(), d.HookURL)
	}
	if hook.Blind {
		fmt.Fprintln(talk, "            Okta does not let this app list its event hooks, so an older one may be left: look under Workflow > Event Hooks")
	}
	for _, g := range d.Groups {
		fmt.Fprintf(talk, "Group       %s (%s): only members of such a group are created, linked and updated\n", output.Escape(g.Name), g.ID)
	}
	for _, r := range d.Roles {
		fmt.Fprintf(talk, "Role        %s (%s) to the members of %s (%s)\n", output.Escape(r.RoleName), r.RoleID, output.Escape(r.Group.Name), r.Group.ID)
	}
	fmt.Fprintln(talk, "Users       every user of the org is read; his account in ZenQMS is then linked, created, updated, activated")
	fmt.Fprintln(talk, "            or deactivated, as Okta has him. Nobody is deleted, and who cannot be matched for sure is skipped")
}

// announceUnmapped says which pairs of a role the configuration no longer has.
func announceUnmapped(ctx context.Context, db *store.DB, talk io.Writer, pairs []reconcile.RolePair) error {
	return db.View(ctx, func(tx *store.Tx) error {
		known, err := tx.RolePairNames()
		for _, name := range known {
			if !slices.ContainsFunc(pairs, func(p reconcile.RolePair) bool { return p.String() == name }) {
				fmt.Fprintf(talk, "No role     %s is no longer mapped: whoever has the role keeps it\n", output.Escape(name))
			}
		}
		return err
	})
}

// remedyFor says what to do when Okta's call did not reach the relay.
func remedyFor(db *store.DB) string {
	if _, alive := db.Alive(store.RelayPart); !alive {
		return "no relay is up here: start one with `zensync relay`, `zensync run` or `systemctl start zensync-relay`, then deploy again; nothing was begun"
	}
	return "the relay is up, so relay.public_url has to lead from the internet to relay.listen, with a certificate Okta trusts; then deploy again; nothing was begun"
}

// concludeDeployment prints what came of it, and what is next.
func concludeDeployment(c *cli.Context, db *store.DB, run int64) error {
	s, err := summarize(c.Context, db, run)
	if err != nil {
		return err
	}
	if err := s.print(c.App.Writer, c.App.ErrWriter, c.String("format")); err != nil {
		return err
	}
	if !serves(db) {
		fmt.Fprintln(c.App.ErrWriter, "no worker is up, and until one is nothing is kept in step: start `zensync worker`, `zensync run` or `systemctl start zensync-worker`")
	}
	return s.verdict()
}
