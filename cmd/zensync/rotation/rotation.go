// Package rotation changes the secret of Okta's event hook while events come in.
//
// For as long as Okta may have either of two secrets the relay takes both. Three
// parties are brought to the new one in turn: the files, the relay that reads
// them, and Okta. Wherever that ends, by an error, a signal or a crash, no
// secret that Okta may have was dropped, and the next rotation goes on from the
// files alone.
//
// It does not read the configuration nor call Okta: it is given the names of the
// files, what they hold, and a function that has Okta use a secret. No secret
// is in an error or in what it tells.
package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Rotation is one change of the secret. All fields are required.
type Rotation struct {
	Files Files
	Relay Relay
	Wait  time.Duration // how long the relay may take to see a changed file
	Grace time.Duration // how long the old secret stays valid after Okta has the new one
	// Okta has the event hook send a secret from now on, and has Okta verify it.
	// It may be repeated.
	Okta func(ctx context.Context, secret string) error
	Tell func(format string, args ...any) // a line about what goes on
}

// Held is what the two files hold.
type Held struct {
	Secret   string
	Previous string // "" where there is no such file
}

// unfinished tells whether a rotation was broken off after it had changed the
// secret. With the same secret in both files it was not yet, or was taken back.
func (h Held) unfinished() bool { return h.Previous != "" && h.Previous != h.Secret }

// Result is what a rotation came to.
type Result struct {
	Resumed bool      // an earlier one was finished, and no new secret made
	Dropped time.Time // when the old secret was
}

// Run changes the secret, or finishes a change that was broken off: a third
// secret would leave no room for one that Okta may have. held is what the files
// hold now. Run must not run twice at once. After an error the files hold what
// they held, or both secrets; the error says which, and what to do.
func (r Rotation) Run(ctx context.Context, held Held) (Result, error) {
	result := Result{Resumed: held.unfinished()}
	if err := r.Files.check(); err != nil {
		return result, fmt.Errorf("%w; nothing was changed", err)
	}
	secret, old, err := held.Secret, held.Previous, error(nil)
	if result.Resumed {
		r.Tell("An earlier rotation was not finished: %s holds its new secret, and it is finished with that", r.Files.Secret)
		err = r.resume(ctx, secret)
	} else {
		old = held.Secret
		secret, err = r.begin(ctx, old)
	}
	if err != nil {
		return result, err
	}
	if took, err := r.Relay.takes(ctx, old); err == nil && !took {
		r.Tell("The relay takes the new secret and the old one no more: what Okta still sends with the old one is refused, and found by the next reconcile")
	}
	if err := r.Okta(ctx, secret); err != nil {
		return result, r.both(ctx, err)
	}
	if err := r.waitOut(ctx); err != nil {
		return result, err
	}
	if err := r.Files.drop(); err != nil {
		return result, fmt.Errorf("the old secret stays valid, though Okta has the new one: %w", err)
	}
	result.Dropped = time.Now()
	return result, r.confirm(ctx, old)
}

// begin makes a new secret and waits until the relay takes it. Okta has not
// heard of it by then, so whatever goes wrong is taken back.
func (r Rotation) begin(ctx context.Context, present string) (string, error) {
	took, err := r.Relay.takes(ctx, present)
	switch {
	case ctx.Err() != nil:
		return "", errNothing
	case err != nil:
		return "", fmt.Errorf("%w; nothing was changed", err)
	case !took:
		return "", fmt.Errorf("the relay that is up does not take the secret in %s: it was started with another configuration, or has to be restarted; nothing was changed", r.Files.Secret)
	}
	secret, err := r.Files.renew(present)
	if err != nil {
		return "", fmt.Errorf("%w; Okta and the relay have the secret they had", err)
	}
	r.Tell("A new secret is in %s, the old one in %s; waiting for the relay to take both", r.Files.Secret, r.Files.Previous)
	if err = r.awaitNew(ctx, secret); err == nil {
		return secret, nil
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if undo := r.Files.restore(present); undo != nil {
		return "", fmt.Errorf("%w; %w", err, undo)
	}
	return "", fmt.Errorf("%w; both files are as they were", err)
}

var errNothing = errors.New("not rotated: interrupted, and nothing was changed")

// resume waits until the relay takes the secret of a rotation that was broken
// off. Okta may have it already, so it stays in any case.
func (r Rotation) resume(ctx context.Context, secret string) error {
	if err := r.awaitNew(ctx, secret); err != nil {
		return r.both(ctx, err)
	}
	return nil
}

func (r Rotation) awaitNew(ctx context.Context, secret string) error {
	err := r.Relay.await(ctx, secret, true, r.Wait, func() {
		r.Tell("The relay does not take it yet; if it has its secret from systemd's credentials, restart it now")
	})
	if errors.Is(err, errNotInTime) {
		return fmt.Errorf("the relay has not taken the new secret within %s; one that has its secret from systemd's credentials reads it at its start only: "+
			"run this again with a longer --wait, and restart the relay when it says so", r.Wait)
	}
	return err
}

// both is the error of a rotation that ends with two secrets.
func (r Rotation) both(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	return fmt.Errorf("%w; Okta may have the old secret or the new one, so both stay valid: `zensync rotate-secret` goes on with them, run it again", err)
}

// waitOut waits for what Okta still sends with the old secret.
func (r Rotation) waitOut(ctx context.Context) error {
	r.Tell("Okta has verified the new secret; the old one stays valid for %s", r.Grace)
	over := time.NewTimer(r.Grace)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return errors.New("interrupted; Okta has the new secret, and the old one stays valid until `zensync rotate-secret` is run again")
	}
}

// confirm makes sure that the relay takes the old secret no more. One that is
// not up will not.
func (r Rotation) confirm(ctx context.Context, old string) error {
	if !r.Relay.Alive() {
		return nil
	}
	err := r.Relay.await(ctx, old, false, r.Wait, func() {})
	switch {
	case err == nil || errors.Is(err, errDown):
		return nil
	case ctx.Err() != nil:
		err = errors.New("interrupted before the relay was seen to refuse it")
	case errors.Is(err, errNotInTime):
		err = errors.New("the relay still takes it")
	}
	return fmt.Errorf("the new secret is in use and %s is removed, but %w: restart the relay to be sure that the old secret is not taken any more", r.Files.Previous, err)
}
