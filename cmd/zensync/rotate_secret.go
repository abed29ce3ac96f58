package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/cmd/zensync/rotation"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

func rotateSecretCommand() *cli.Command {
	return &cli.Command{
		Name:  "rotate-secret",
		Usage: "give Okta's event hook a new secret, while events come in",
		Description: "Makes a new secret in relay.secret_file and keeps the old one in relay.previous_secret_file, waits until the relay that is\n" +
			"up takes both, has Okta use and verify the new one, and drops the old one after a while. Broken off, it goes on when it\n" +
			"is run again, with the same two secrets. The secret itself is never shown.",
		Flags: []cli.Flag{
			// Okta tries an event again once, soon, and says that a changed hook may
			// take several minutes (Okta, Event hooks).
			&cli.DurationFlag{Name: "grace", Value: 5 * time.Minute, Usage: "`TIME` for which the old secret stays valid once Okta has the new one"},
			&cli.DurationFlag{Name: "wait", Value: 15 * time.Second, Usage: "`TIME` the relay may take to see the new secret; for one that has to be restarted for that, longer"},
			byFlag(), formatFlag(),
		},
		Action: rotateSecret,
	}
}

func rotateSecret(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	for _, name := range []string{"grace", "wait"} {
		if c.Duration(name) < 0 {
			return usage("rotate-secret: --%s %s: give a time of 0 or more, such as 90s", name, c.Duration(name))
		}
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	if err := in.CheckRotatable(); err != nil {
		return err
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		if err := db.View(c.Context, in.binding().Rotatable); err != nil {
			return err
		}
		// One command at a time: a deploy would have Okta send a secret that
		// this one drops.
		lock, err := lockHook(c.Context, db, "rotate-secret")
		if err != nil {
			return err
		}
		return errors.Join(in.rotate(c, db), lock.Release())
	})
}

func (in *installation) rotate(c *cli.Context, db *store.DB) error {
	held, err := in.heldSecrets()
	if err != nil {
		return err
	}
	oktaClient, err := in.oktaClient()
	if err != nil {
		return err
	}
	deployment := reconcile.Deployment{
		DB: db, Okta: oktaClient, Binding: in.binding(), Policy: in.policy(), HookURL: in.Relay.PublicURL, Actor: actor(c),
	}
	hook, err := deployment.FindHook(c.Context)
	if err != nil {
		return uninterrupted(c.Context, err, "not rotated: interrupted, and nothing was changed")
	}
	if hook.ID == "" {
		return errors.New("no event hook of this installation is found in Okta, and nothing was changed: `zensync deploy` makes one")
	}
	result, err := in.rotation(db, c, func(ctx context.Context, secret string) error {
		deployment.Secret = secret
		_, err := deployment.Rotate(ctx, hook)
		return err
	}).Run(c.Context, held)
	if err != nil {
		return err
	}
	return printRotation(c, db, result)
}

// heldSecrets reads both secrets, held to the rules of every other one.
func (in *installation) heldSecrets() (held rotation.Held, err error) {
	secret, err := in.HookSecret()
	if err != nil {
		return held, err
	}
	previous, err := in.PreviousHookSecret()
	return rotation.Held{Secret: string(secret), Previous: string(previous)}, err
}

func (in *installation) rotation(db *store.DB, c *cli.Context, okta func(context.Context, string) error) rotation.Rotation {
	return rotation.Rotation{
		Files: rotation.Files{Secret: in.Relay.SecretFile, Previous: in.Relay.PreviousSecretFile},
		Relay: rotation.Relay{
			Listen: in.Relay.Listen, PublicURL: in.Relay.PublicURL, CertFile: in.Relay.TLSCertFile,
			Alive: func() bool { _, alive := db.Alive(store.RelayPart); return alive },
		},
		Wait: c.Duration("wait"), Grace: c.Duration("grace"), Okta: okta,
		Tell: func(format string, args ...any) { tell(c.App.ErrWriter, format, args...) },
	}
}

func tell(talk io.Writer, format string, args ...any) {
	fmt.Fprintln(talk, output.Escape(fmt.Sprintf(format, args...)))
}

func printRotation(c *cli.Context, db *store.DB, result rotation.Result) error {
	var hook, verified string
	ctx := context.WithoutCancel(c.Context) // it is done, whatever comes now
	if err := db.View(ctx, func(tx *store.Tx) (err error) {
		if hook, err = tx.Setting(store.HookID); err != nil {
			return err
		}
		verified, err = tx.Setting(store.HookVerified)
		return err
	}); err != nil {
		return err
	}
	return output.WriteObject(c.App.Writer, c.String("format"), []output.Pair{
		{Key: "hook", Value: hook}, {Key: "verified", Value: verified}, {Key: "resumed", Value: result.Resumed},
		{Key: "previous_dropped", Value: store.FormatTime(result.Dropped)},
	})
}
