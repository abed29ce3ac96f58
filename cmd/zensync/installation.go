package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/config"
	"github.com/zensync/zensync/cmd/zensync/notify"
	"github.com/zensync/zensync/cmd/zensync/page"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// installation is what one configuration describes. Its methods make the
// parts; each command asks for those it needs, so that no command opens a
// credential it has no use for.
type installation struct {
	*config.Config
	log  *slog.Logger
	page *page.Page // which the clients tell of their calls; nil: there is none
}

// load reads the configuration and starts the process log. level is the
// command's own where the command line names none.
func load(c *cli.Context, level slog.Level) (*installation, error) {
	log, err := newLog(c, level)
	if err != nil {
		return nil, err
	}
	cfg, err := readConfig(config.Locate(c.String("config")))
	if err != nil {
		return nil, err
	}
	return &installation{Config: cfg, log: log}, nil
}

func readConfig(path string) (*config.Config, error) {
	return config.Load(path, config.Checks{
		Schedule: func(spec string) error {
			_, err := reconcile.ParseSchedule(spec)
			return err
		},
		Notify: notify.Check,
	})
}

// ready checks that the installation is deployed, with these servers and
// groups.
func (in *installation) ready(tx *store.Tx) error {
	if err := in.binding().Ready(tx); err != nil {
		return err
	}
	return in.checkMapping(tx)
}

// checkMapping refuses groups and roles that the last deploy has not resolved.
func (in *installation) checkMapping(tx *store.Tx) error {
	key, err := in.changedMapping(tx)
	if err != nil || key == "" {
		return err
	}
	return in.Reject(key, "is not what the last deploy has looked up", "run `zensync deploy`, or put it back")
}

// changedMapping is the key of the configuration that is not what the last
// deploy has resolved, "" when there is none.
func (in *installation) changedMapping(tx *store.Tx) (key string, err error) {
	if err := reconcile.CheckScope(tx, in.Sync.Groups); errors.Is(err, reconcile.ErrGroups) {
		return "sync.groups", nil
	} else if err != nil {
		return "", err
	}
	if err := reconcile.CheckRoles(tx, in.rolePairs()); errors.Is(err, reconcile.ErrRoles) {
		return "roles", nil
	} else if err != nil {
		return "", err
	}
	return "", nil
}

func (in *installation) rolePairs() []reconcile.RolePair {
	pairs := make([]reconcile.RolePair, len(in.Roles))
	for i, r := range in.Roles {
		pairs[i] = reconcile.RolePair{Group: r.OktaGroup, Role: r.ZenQMSRole}
	}
	return pairs
}

// resolve looks up in Okta and ZenQMS the groups and roles that the config
// names.
func (in *installation) resolve(ctx context.Context, w *reconcile.Worker, d *reconcile.Deployment) (err error) {
	if d.Groups, err = reconcile.ResolveGroups(ctx, w.Okta, in.Sync.Groups); err != nil {
		return err
	}
	d.Roles, err = reconcile.ResolveRoles(ctx, w, in.rolePairs(), func(role string) bool {
		_, refused := in.Safety.Refuses(role)
		return refused
	})
	return err
}

// deployed does work that needs an installation that is deployed and active,
// with its store and a worker.
func deployed(c *cli.Context, work func(*installation, *reconcile.Worker) error) error {
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	return in.withStore(c.Context, func(db *store.DB) error {
		if err := db.View(c.Context, in.ready); err != nil {
			return err
		}
		worker, err := in.worker(db)
		if err != nil {
			return err
		}
		if err := in.noteInEffect(c.Context, db, actor(c)); err != nil {
			return err
		}
		return work(in, worker)
	})
}

// withStore opens the store for as long as work takes.
func (in *installation) withStore(ctx context.Context, work func(*store.DB) error) (err error) {
	db, err := in.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return work(db)
}

// viewStore is for commands that only read: it reads a store there is, and
// makes none. missing says what its absence means.
func (in *installation) viewStore(ctx context.Context, missing string, read func(*store.Tx) error) error {
	exists, err := in.hasStore()
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("there is no store at %s%s", in.Store.Path, missing)
	}
	return in.withStore(ctx, func(db *store.DB) error { return db.View(ctx, read) })
}

// hasStore tells whether there is a store yet. What only reads does not make
// one: it would belong to whoever happened to look.
func (in *installation) hasStore() (bool, error) {
	_, err := os.Stat(in.Store.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the store: %w", err)
	}
	return true, nil
}

// checkOwner keeps root from another user's store, and from making one in his
// folder: the files would lock that user out, and his service with him.
func (in *installation) checkOwner() error {
	if os.Geteuid() != 0 {
		return nil
	}
	what := "the store " + in.Store.Path
	info, err := os.Stat(in.Store.Path)
	for folder := filepath.Dir(in.Store.Path); errors.Is(err, fs.ErrNotExist); folder = filepath.Dir(folder) {
		what = folder + ", where the store is to be,"
		if info, err = os.Stat(folder); folder == filepath.Dir(folder) {
			break
		}
	}
	if err != nil {
		return nil // to open it will say what is wrong
	}
	owner := ownerOf(info)
	if owner == "" {
		return nil
	}
	return usage("%s belongs to %s, and root would make files there that %s cannot open: run this as `sudo -u %s zensync ...`", what, owner, owner, owner)
}

// ownerOf is the user a file belongs to, or his number; "" for root.
func ownerOf(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return ""
	}
	owner := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(owner); err == nil {
		return u.Username
	}
	return owner
}

func (in *installation) binding() reconcile.Binding {
	return reconcile.Binding{OktaURL: in.Okta.OrgURL, ZenQMSURL: in.ZenQMS.BaseURL}
}

// checkBinding refuses a store that belongs to another pair of servers.
func (in *installation) checkBinding(ctx context.Context, db *store.DB) error {
	return db.View(ctx, in.binding().Check)
}

// checkDeployed is what a worker asks for at its start: the servers, and once
// there was a deploy its groups as well.
func (in *installation) checkDeployed(ctx context.Context, db *store.DB) error {
	return db.View(ctx, func(tx *store.Tx) error {
		if err := in.binding().Check(tx); err != nil {
			return err
		}
		state, err := tx.Setting(store.LifeState)
		if err != nil || state == string(reconcile.New) {
			return err
		}
		return in.checkMapping(tx)
	})
}

func (in *installation) policy() reconcile.Policy {
	meanings := map[string]reconcile.Meaning{
		"active": reconcile.Live, "inactive": reconcile.Gone, "ignore": reconcile.LeaveAlone,
	}
	p := reconcile.Policy{
		Statuses: map[string]reconcile.Meaning{}, DefaultTitle: in.Sync.DefaultTitle, Leavers: in.Sync.OutOfScope == "deactivate",
	}
	for status, meaning := range in.Sync.Statuses {
		p.Statuses[status] = meanings[meaning]
	}
	return p
}

// brake is how much goes through without a person.
func (in *installation) brake() reconcile.Brake {
	return reconcile.Brake{
		Deactivations: reconcile.Limit{Max: in.Safety.MaxDeactivations, Percent: in.Safety.MaxDeactivationPercent},
		Activations:   reconcile.Limit{Max: in.Safety.MaxActivations, Percent: in.Safety.MaxActivationPercent},
		RoleRemovals:  reconcile.Limit{Max: in.Safety.MaxRoleRemovals, Percent: in.Safety.MaxRoleRemovalPercent},
	}
}

// oktaConfig reads the credential of Okta.
func (in *installation) oktaConfig() (okta.Config, error) {
	cfg := okta.Config{OrgURL: in.Okta.OrgURL, ClientID: in.Okta.ClientID, PrivateKeyID: in.Okta.PrivateKeyID, RateShare: in.Okta.RateShare, Transport: mortal("okta")}
	if in.Okta.APITokenFile != "" {
		token, err := in.OktaToken()
		cfg.APIToken = string(token)
		return cfg, err
	}
	key, err := in.OktaKey()
	cfg.PrivateKey = key
	return cfg, err
}

func (in *installation) oktaClient() (*okta.Client, error) {
	cfg, err := in.oktaConfig()
	if err != nil {
		return nil, err
	}
	if in.page != nil {
		cfg.Observe = in.page.Calls("okta")
	}
	client, err := okta.New(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// withPage is the same with a page that the worker and its clients tell of
// themselves, unless the configuration wants none.
func (in *installation) withPage(db *store.DB) *installation {
	if in.Config.Worker.Listen == config.Off {
		return in
	}
	build := page.Build{Command: commandLine(in.Config.Path)}
	for _, p := range thisVersion() {
		text, _ := p.Value.(string) // nil: not known
		switch p.Key {
		case "version":
			build.Version = text
		case "commit":
			build.Commit = text
		case "go":
			build.Go = text
		}
	}
	name, _, _ := net.SplitHostPort(in.Config.Worker.Listen) // the configuration is checked
	return &installation{Config: in.Config, log: in.log, page: page.New(db, func() bool { return serves(db) }, build, name, in.log)}
}

// commandLine is how somebody types this program's commands, as the user it
// runs as.
func commandLine(path string) string {
	line := "zensync"
	if path != config.DefaultPath {
		if whole, err := filepath.Abs(path); err == nil {
			path = whole
		}
		line += " --config " + quoted(path)
	}
	if u, err := user.Current(); err == nil && u.Uid != "0" && quoted(u.Username) == u.Username {
		return "sudo -u " + u.Username + " " + line
	}
	return "sudo " + line
}

// quoted is a text as a shell takes it.
func quoted(text string) string {
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("/._-", r))
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// zenqmsConfig reads the credential of ZenQMS.
func (in *installation) zenqmsConfig() (zenqms.Config, error) {
	key, err := in.ZenQMSKey()
	prefix := in.ZenQMS.AuthPrefix
	if prefix == "" {
		prefix = zenqms.NoPrefix
	}
	return zenqms.Config{
		BaseURL: in.ZenQMS.BaseURL, APIKey: string(key), AuthHeader: in.ZenQMS.AuthHeader, AuthPrefix: prefix,
		MaxRequestsPerSecond: in.ZenQMS.MaxRequestsPerSecond, MaxInFlight: in.ZenQMS.Concurrency, Transport: mortal("zenqms"),
	}, err
}

func (in *installation) zenqmsClient() (*zenqms.Client, error) {
	cfg, err := in.zenqmsConfig()
	if err != nil {
		return nil, err
	}
	if in.page != nil {
		cfg.Observe = in.page.Calls("zenqms")
	}
	client, err := zenqms.New(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// worker is the worker with both its clients. Whoever runs it holds its lock,
// or lets Attend see to that.
func (in *installation) worker(db *store.DB) (*reconcile.Worker, error) {
	oktaClient, err := in.oktaClient()
	if err != nil {
		return nil, err
	}
	zenqmsClient, err := in.zenqmsClient()
	if err != nil {
		return nil, err
	}
	schedule, err := reconcile.ParseSchedule(in.Sync.Schedule)
	if err != nil {
		return nil, usageError{err}
	}
	return &reconcile.Worker{
		DB: db, Okta: oktaClient, ZenQMS: zenqmsClient,
		Policy: in.policy(), Brake: in.brake(), Schedule: schedule,
		Concurrency: in.ZenQMS.Concurrency, MaxAttempts: in.Config.Worker.MaxAttempts, BatchSize: in.Sync.BatchSize,
		Log: in.log,
	}, nil
}

func (in *installation) deployment(w *reconcile.Worker, actor string) (reconcile.Deployment, error) {
	secret, err := in.HookSecret()
	if err != nil {
		return reconcile.Deployment{}, err
	}
	return reconcile.Deployment{
		DB: w.DB, Okta: w.Okta, Binding: in.binding(), Policy: w.Policy,
		HookURL: in.Relay.PublicURL, Secret: string(secret), Actor: actor,
	}, nil
}
