package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/zensync/zensync/store"
)

// reloadRequest is a reload that a command asked for. The zero value is none.
type reloadRequest struct {
	Number int64  `json:"number"`
	By     string `json:"by"`
}

// lastReload is the reload that was asked for last.
func lastReload(ctx context.Context, db *store.DB) (r reloadRequest, err error) {
	err = db.View(ctx, func(tx *store.Tx) error {
		r, err = readReload(tx)
		return err
	})
	return r, err
}

func readReload(tx *store.Tx) (r reloadRequest, err error) {
	text, err := tx.Setting(store.ReloadAsked)
	if err != nil || text == "" {
		return r, err
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("read the setting %s: %w", store.ReloadAsked, err)
	}
	return r, nil
}

// reloadAnswer is what came of a reload of one part of a service.
type reloadAnswer struct {
	Number  int64    `json:"number"`            // of the last request by then
	Config  string   `json:"config"`            // hash of the configuration that was read, "" when it could not be
	Restart []string `json:"restart,omitempty"` // keys that are in force after a restart
	Copies  []string `json:"copies,omitempty"`  // keys of secrets that are systemd's copies of what the service cannot see
	Error   string   `json:"error,omitempty"`   // why the old configuration stays in force
}

// renewal is a configuration that a part of a service goes on with.
type renewal struct {
	*installation
	setting string // where the answer goes
	answer  reloadAnswer
	by      string // who asked
}

// renew reads the configuration again, for the part whose answer goes into a
// setting and which reads the secrets of some sections. When it cannot be
// followed, or prepare says so, the renewal is nil: the old one stays in force,
// and that is answered and logged.
func (in *installation) renew(ctx context.Context, p *post, setting string, sections []string, prepare func(*renewal) error) *renewal {
	request, why := lastReload(ctx, p.db)
	r := &renewal{setting: setting, answer: reloadAnswer{Number: request.Number}, by: login()}
	if why == nil && request.Number != p.asked { // else it was a signal
		p.asked, r.by = request.Number, request.By
	}
	if why == nil {
		why = in.readAgain(ctx, p.db, r)
	}
	if why == nil {
		r.answer.Copies = r.Copies(sections...)
		why = prepare(r)
	}
	switch {
	case why == nil:
		return r
	case ctx.Err() != nil: // whoever stops needs no other configuration
		return nil
	}
	in.refuseRenewal(p, why)
	r.answer.Error = why.Error()
	r.reply(ctx, p.db)
	return nil
}

// refuseRenewal says that the old configuration stays in force.
func (in *installation) refuseRenewal(p *post, why error) {
	in.log.Error("the new configuration is refused, and the old one stays in force", "error", why)
	p.part.Status("at work by the old configuration: the new one is refused, see the log")
}

// readAgain fills in the configuration as it is now, held to what a start holds
// it to. What cannot change while the service runs stays as it is.
func (in *installation) readAgain(ctx context.Context, db *store.DB, r *renewal) error {
	cfg, err := readConfig(in.Path)
	if err != nil {
		return err
	}
	r.answer.Config = cfg.Hash()
	r.installation = &installation{Config: cfg, log: in.log, page: in.page}
	if err := r.checkDeployed(ctx, db); err != nil { // with its own servers: a restart would be refused as well
		return err
	}
	r.answer.Restart = cfg.Keep(in.Config)
	return nil
}

// done says that the renewal is in force: in the log of the store if it changed
// anything, in the process log, and to whoever asked.
func (r *renewal) done(ctx context.Context, db *store.DB) error {
	if err := r.noteInEffect(ctx, db, r.by); err != nil {
		return err
	}
	attrs := []any{"config_sha256", r.Hash()}
	if len(r.answer.Restart) > 0 {
		attrs = append(attrs, "after_a_restart", strings.Join(r.answer.Restart, ", "))
	}
	r.log.Info("the configuration was read again and is in force", attrs...)
	r.reply(ctx, db)
	return nil
}

// reply keeps the answer where the command that asked looks for it, and takes
// for lost what it cannot keep: what was done stands in the process log.
func (r *renewal) reply(ctx context.Context, db *store.DB) {
	text, err := json.Marshal(r.answer)
	if err == nil {
		err = db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.SetSetting(r.setting, string(text)) })
	}
	if err != nil {
		slog.Error("whoever asked for a reload cannot be answered", "error", err)
	}
}
