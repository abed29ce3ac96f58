package page

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/zensync/zensync/cmd/zensync/notify"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

const (
	// sheetEvery is how old what names people may be.
	sheetEvery = 2 * time.Second
	// listedMost is how many rows of each kind are shown; the reports have all.
	listedMost = 25
)

// sheet is who and what waits for a person, as read at one time.
type sheet struct {
	err     error
	made    time.Time
	stage   reconcile.Stage
	causes  []notify.Cause
	frozen  []string // groups and roles that cannot be read, by name
	okta    string   // the org this store belongs to; "" before the first deploy
	zenqms  string
	held    []row
	dead    []row
	skipped []row
	runs    []store.Run // those that ended last
}

// row is a person of whom something waits, and what for.
type row struct {
	OktaID string
	Name   string // first and last name in Okta; may be empty
	Login  string // else the address; else the id
	What   string // in a word or two
	Reason string
	Since  time.Time
	Do     []string // what to type
}

func (p *Page) newSheet() *glass[sheet] {
	return &glass[sheet]{
		read:   p.readSheet,
		within: lookWithin, patience: lookWithin,
		fresh: func(took time.Duration) time.Duration { return max(sheetEvery, 10*took) },
		slow:  func(*sheet) *sheet { return &sheet{err: errSlow} },
	}
}

func (p *Page) readSheet(ctx context.Context) *sheet {
	s := new(sheet)
	if err := p.safely(ctx, func(tx *store.Tx) error { return p.fill(s, tx) }); err != nil {
		return &sheet{err: err}
	}
	return s
}

func (p *Page) fill(s *sheet, tx *store.Tx) (err error) {
	s.made = tx.Now
	var facts notify.Facts
	if facts.Disk, err = notify.DiskOf(p.db.Path()); err != nil {
		return err
	}
	if err := facts.Read(tx); err != nil {
		return err
	}
	s.stage, s.causes = facts.Stage, facts.Causes()
	for _, g := range facts.Groups {
		if g.Frozen != "" {
			s.frozen = append(s.frozen, g.Name)
		}
	}
	for _, r := range facts.Roles {
		if r.Frozen != "" {
			s.frozen = append(s.frozen, r.RoleName)
		}
	}
	if s.okta, err = tx.Setting(store.BoundOkta); err != nil {
		return err
	}
	if s.zenqms, err = tx.Setting(store.BoundZenQMS); err != nil {
		return err
	}
	if s.runs, err = tx.EndedWalks(shownRuns, store.RunDone, store.RunFailed); err != nil {
		return err
	}
	return p.fillLists(s, tx)
}

func (p *Page) fillLists(s *sheet, tx *store.Tx) error {
	for _, list := range []struct {
		report string
		rows   *[]row
		tell   func(map[string]any, *row)
	}{
		{"held", &s.held, p.tellHeld}, {"dead", &s.dead, p.tellDead}, {"skipped", &s.skipped, p.tellSkipped},
	} {
		if err := reportRows(tx, list.report, store.ReportArgs{Limit: listedMost}, func(cells map[string]any) (err error) {
			r := row{OktaID: textOf(cells["okta_id"]), Login: cmp.Or(textOf(cells["login"]), textOf(cells["email"])), Reason: textOf(cells["reason"])}
			if since := textOf(cells["since"]); since != "" {
				if r.Since, err = time.Parse(time.RFC3339, since); err != nil {
					return err
				}
			}
			person, _, err := tx.Person(r.OktaID)
			if err != nil {
				return err
			}
			r.Name = strings.TrimSpace(person.FirstName + " " + person.LastName)
			r.Login = cmp.Or(r.Login, person.Login, person.Email, r.OktaID)
			list.tell(cells, &r)
			*list.rows = append(*list.rows, r)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// heldWords say what waits, as a person would.
var heldWords = map[string]string{
	string(store.ActDeactivate): "deactivate his account", string(store.ActActivate): "activate his account again",
	string(store.ActRemoveRole): "take roles away",
}

func (p *Page) tellHeld(cells map[string]any, r *row) {
	r.What = cmp.Or(heldWords[textOf(cells["action"])], textOf(cells["action"]))
	id := numberOf(cells["id"])
	r.Do = []string{p.command("approve %d --reason \"...\"", id), p.command("discard %d --reason \"...\"", id)}
}

func (p *Page) tellDead(cells map[string]any, r *row) {
	r.What, r.Reason = "given up", strings.TrimPrefix(textOf(cells["error"]), "given up ")
	r.Do = []string{p.command("retry %d", numberOf(cells["id"]))}
}

func (p *Page) tellSkipped(_ map[string]any, r *row) {
	r.What, r.Reason, _ = strings.Cut(r.Reason, ": ")
	if isPlain(r.OktaID) {
		r.Do = []string{p.command("sync %s", r.OktaID)}
	}
}

// isPlain tells whether an id has the form of Okta's. What has not is not to be
// put into a line for a shell.
func isPlain(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// command is what to type, as whoever may run commands.
func (p *Page) command(format string, args ...any) string {
	return p.build.Command + " " + fmt.Sprintf(format, args...)
}
