package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/cmd/zensync/doctor"
	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/cmd/zensync/setup"
	"github.com/zensync/zensync/reconcile/okta"
)

// packageUser is the user whom the packages make for zensync.
const packageUser = "zensync"

func setupCommand() *cli.Command {
	return &cli.Command{
		Name:  "setup",
		Usage: "write the configuration and its secrets, and say what is to be done in Okta",
		Description: "Asks on a terminal for what no flag answers; without one all has to be given. Beside the configuration (--config) it writes\n" +
			"okta.pem, zenqms.key and hook.secret, and overwrites nothing without --force. A public key that it made goes to stdout.\n" +
			"Secrets are no flags' values, which everybody on the host can see. At the end it does what `zensync doctor` does.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "org-url", Usage: "`URL` of the Okta org"},
			&cli.StringFlag{Name: "client-id", Usage: "`ID` of the API Services app"},
			&cli.StringFlag{Name: "key-file", Usage: "`FILE` with the app's private key, in PEM"},
			&cli.BoolFlag{Name: "generate-key", Usage: "make a key, and print its public half for Okta"},
			&cli.StringFlag{Name: "key-id", Usage: "`KID` of the key in Okta; a key that is made has one of its own"},
			&cli.StringFlag{Name: "zenqms-url", Usage: "`URL` of ZenQMS's API, or sandbox (default: production)"},
			&cli.StringFlag{Name: "zenqms-token-file", Usage: "`FILE` with ZenQMS's API token; - is stdin"},
			&cli.StringFlag{Name: "public-url", Usage: "`URL` at which Okta reaches the relay"},
			&cli.StringFlag{Name: "store-path", Usage: "`FILE` of the database, where not in /var/lib/zensync"},
			&cli.StringFlag{Name: "owner", Usage: "`USER` zensync runs as, for root (default: " + packageUser + ", where there is one)"},
			&cli.BoolFlag{Name: "force", Usage: "replace files that are there, and keep copies"},
		},
		Action: setUp,
	}
}

func setUp(c *cli.Context) error {
	if err := noOperands(c); err != nil {
		return err
	}
	owner, name, err := ownerFor(c.String("owner"))
	if err != nil {
		return err
	}
	talk := c.App.ErrWriter
	s := &setup.Setup{
		Path: config.Locate(c.String("config")), Force: c.Bool("force"), Owner: owner, Stdin: c.App.Reader,
		Answers: setup.Answers{
			OrgURL: c.String("org-url"), ClientID: c.String("client-id"), KeyFile: c.String("key-file"), GenerateKey: c.Bool("generate-key"),
			KeyID: c.String("key-id"), ZenQMSURL: c.String("zenqms-url"), TokenFile: c.String("zenqms-token-file"),
			PublicURL: c.String("public-url"), StorePath: c.String("store-path"),
		},
		Tell:     func(format string, args ...any) { tell(talk, format, args...) },
		CheckKey: checkKey,
	}
	if output.IsTerminal(c.App.Reader) {
		s.Terminal = terminal{c.App.Reader, talk}
		if s.Answers.TokenFile == "-" {
			s.Answers.TokenFile = "" // to be asked for, and not shown
		}
	}
	result, err := s.Run(c.Context)
	var wrong *setup.InputError
	if errors.As(err, &wrong) {
		return usage("setup: %w", err)
	}
	if err != nil {
		return err
	}
	return concludeSetup(c, s, result, name)
}

// ownerFor is whose the files are to be, and under which user's name the
// commands are to be run afterwards ("": the present one's).
func ownerFor(name string) (setup.Owner, string, error) {
	if os.Geteuid() != 0 {
		me, err := user.Current()
		if name != "" && (err != nil || me.Username != name) {
			return setup.Owner{}, "", usage("setup: only root can make files for %q: run this with sudo", name)
		}
		return setup.Owner{}, "", nil
	}
	u, err := user.Lookup(cmp.Or(name, packageUser))
	switch {
	case err != nil && name == "":
		return setup.Owner{}, "", nil // there is none: they are root's
	case err != nil:
		return setup.Owner{}, "", usage("setup: there is no user %q on this host", name)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return setup.Owner{}, "", fmt.Errorf("the user id of %s: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return setup.Owner{}, "", fmt.Errorf("the group id of %s: %w", u.Username, err)
	}
	if uid == 0 {
		return setup.Owner{}, "", nil
	}
	return setup.Owner{Given: true, UID: uid, GID: gid}, u.Username, nil
}

// checkKey says what is wrong with a private key for Okta.
func checkKey(pem []byte) error {
	_, err := okta.New(okta.Config{OrgURL: "https://example.okta.com", ClientID: "any", PrivateKey: pem, PrivateKeyID: "any"})
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "okta: private_key: "))
	}
	return nil
}

// terminal is where the operator sits.
type terminal struct {
	in  io.Reader
	out io.Writer
}

func (t terminal) Ask(ctx context.Context, question string) (string, error) {
	return output.Ask(ctx, t.in, t.out, question)
}

func (t terminal) AskSecret(ctx context.Context, question string) (string, error) {
	return output.AskSecret(ctx, t.in, t.out, question)
}

// concludeSetup says what was written and what is to be done in Okta, has it
// checked, and says what comes then.
func concludeSetup(c *cli.Context, s *setup.Setup, result *setup.Result, owner string) error {
	say := func(lines ...string) {
		for _, line := range lines {
			tell(c.App.ErrWriter, "%s", line)
		}
	}
	for _, name := range result.Files {
		say("wrote " + name)
	}
	for _, name := range result.Kept {
		say("kept what was there as " + name)
	}
	for _, name := range result.Copied {
		say("copied " + name + ": remove it where it is not needed any more")
	}
	if result.PublicKey != nil {
		say("", "The public key for Okta:")
		if _, err := fmt.Fprintf(c.App.Writer, "%s\n", result.PublicKey); err != nil {
			return fmt.Errorf("print the public key: %w", err)
		}
	}
	say(inOkta(result)...)
	if s.Terminal != nil {
		if _, err := s.Terminal.Ask(c.Context, "\nPress Enter when that is done, and everything is checked: "); err != nil {
			say("everything is written; `zensync doctor` checks it")
			return nil
		}
	}
	say("")
	if err := checkSetup(c); err != nil {
		return err
	}
	say(thereafter(result, owner, c.String("config"))...)
	return nil
}

// inOkta is what only a person can do in Okta's console.
func inOkta(result *setup.Result) []string {
	key := "General > Client Credentials: Public key / Private key; the public key of your file has the key ID " + result.KeyID
	if result.PublicKey != nil {
		key = "General > Client Credentials > Edit: Public key / Private key > Add key: paste the line above; its key ID is " + result.KeyID
	}
	return []string{
		"",
		"In Okta's Admin Console, Applications > the app with the Client ID " + result.ClientID + ":",
		"  1. " + key,
		`  2. General > General Settings > Edit: untick "Require Demonstrating Proof of Possession (DPoP) header in token requests"`,
		"  3. Okta API Scopes: grant exactly " + strings.Join(okta.Scopes(), ", "),
		"  4. Admin roles: Super Administrator, or a custom role that may manage event hooks and view all users and groups",
	}
}

// thereafter is what comes next.
func thereafter(result *setup.Result, owner, config string) []string {
	as := "zensync "
	if owner != "" {
		as = "sudo -u " + owner + " zensync "
	}
	if config != "" {
		as += "--config " + config + " "
	}
	return []string{
		"",
		"Then:",
		"  1. have " + result.PublicURL + " lead to the relay, over TLS (README, Run)",
		"  2. sudo systemctl enable --now zensync-relay.socket zensync-relay zensync-worker   (or `zensync run`)",
		"  3. " + as + "doctor   until nothing has failed",
		"  4. " + as + "plan     shows what would be done, and does nothing",
		"  5. " + as + "deploy   makes the event hook, and syncs everybody",
	}
}

// checkSetup examines what was written, and shows what is not as it should be.
// After a setup some of that is to be expected, so it is no failure of its.
func checkSetup(c *cli.Context) error {
	findings, err := findingsOf(c)
	if err != nil {
		return uninterrupted(c.Context, err, "everything is written; the checks were interrupted, and `zensync doctor` makes them")
	}
	var open []doctor.Finding
	count := map[doctor.Result]int{}
	for _, f := range findings {
		if count[f.Result]++; f.Result == doctor.Failed || f.Result == doctor.Warning {
			open = append(open, f)
		}
	}
	if len(open) > 0 {
		if err := printFindings(c.App.ErrWriter, output.Formats()[0], open); err != nil {
			return err
		}
	}
	tell(c.App.ErrWriter, "Checks: %d failed, %d warnings, %d ok, %d skipped; `zensync doctor` shows all",
		count[doctor.Failed], count[doctor.Warning], count[doctor.OK], count[doctor.Skipped])
	return nil
}
