package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/zensync/zensync/cmd/zensync/notify"
	"github.com/zensync/zensync/reconcile"
)

// errand is something that a person has to see to, or to know of.
type errand struct {
	Grave bool   // it keeps zensync from its work
	Quiet bool   // nobody has to do anything
	Title string // a sentence without its full stop
	Text  string // what it means, and what to do; `such` is to be typed
	Since time.Time
	Do    []string // what to type
	List  string   // the id of the list on the page that has more
}

// errands are what there is to see to, the gravest first.
func (p *Page) errands(s *standing, sh *sheet, a *album) []errand {
	var all []errand
	for _, found := range [][]errand{p.ofLife(sh), p.ofParts(s), p.ofCauses(sh), p.ofSides(s), p.ofPeople(s, a)} {
		all = append(all, found...)
	}
	var grave, light []errand
	for _, e := range all {
		if e.Grave {
			grave = append(grave, e)
		} else {
			light = append(light, e)
		}
	}
	return append(grave, light...)
}

// ofLife tells what the state of the installation keeps from being done.
func (p *Page) ofLife(sh *sheet) []errand {
	by := ""
	if sh.stage.By != "" {
		by = " by " + sh.stage.By
	}
	e := errand{Grave: true, Since: sh.stage.Since}
	switch sh.stage.Life {
	case reconcile.Active:
		return nil
	case reconcile.New:
		e.Title, e.Text = "Nothing is deployed yet", "What Okta sends is stored; nothing is sent to ZenQMS before the first `deploy`."
		e.Do = []string{p.command("plan"), p.command("deploy")}
	case reconcile.Paused:
		e.Title = "Paused" + by
		e.Text = "Nothing is sent to ZenQMS; what Okta sends is stored, and worked off when the pause ends."
		if sh.stage.Reason != "" {
			e.Text = "“" + sh.stage.Reason + "” " + e.Text
		}
		e.Do = []string{p.command("resume")}
	case reconcile.Unlinking:
		e.Title, e.Text = "Being taken down"+by, "The links to ZenQMS are being cleared. Broken off, it goes on with the same command."
		e.Do = []string{p.command("report unlinked"), p.command("unlink")}
	case reconcile.Unlinked:
		e.Title, e.Text = "Taken down"+by, "The links to ZenQMS are cleared, and nothing is sent any more. A new `deploy` links everybody again."
		e.Do = []string{p.command("deploy")}
	}
	return []errand{e}
}

// ofParts tells of services that are not up.
func (p *Page) ofParts(s *standing) []errand {
	var all []errand
	if p.pulse() != "ok" {
		all = append(all, errand{Grave: true, Title: "The worker gives no sign of life", Text: "Nothing is sent to ZenQMS. What Okta sends is stored.",
			Do: []string{"sudo systemctl restart zensync-worker"}})
	}
	if !s.relay {
		all = append(all, errand{Grave: true, Title: "The relay is down", Text: "Okta's hooks are lost while it is; the next reconcile finds what they would have told.",
			Do: []string{"sudo systemctl start zensync-relay.socket zensync-relay"}})
	}
	return all
}

// ofCauses has what alerts are sent for, with what to type.
func (p *Page) ofCauses(sh *sheet) []errand {
	var all []errand
	for _, c := range sh.causes {
		e := errand{Title: strings.ToUpper(c.Title[:1]) + c.Title[1:], Text: c.Text}
		switch c.Key {
		case notify.CausePaused:
			continue // the state says so
		case notify.CauseCredentials:
			e.Grave, e.Do = true, []string{p.command("doctor"), "sudo systemctl restart zensync-worker"}
		case notify.CauseHook:
			e.Grave, e.Do = true, []string{p.command("deploy")}
		case notify.CauseDisk:
			e.Grave = true
		case notify.CauseHeld:
			e.List = "held"
		case notify.CauseDead:
			e.List, e.Do = "dead", []string{p.command("retry --all")}
		case notify.CauseReconcile:
			e.Do = []string{p.command("doctor"), p.command("reconcile")}
		case notify.CauseOverlooked, notify.CauseFrozen:
			e.Do = []string{p.command("doctor")}
		}
		all = append(all, e)
	}
	return all
}

// ofSides tells of outages. They pass.
func (p *Page) ofSides(s *standing) []errand {
	var all []errand
	okta, zenqms := p.breakers()
	for _, side := range []struct {
		key, name string
		breaker   reconcile.Breaker
	}{{"okta", "Okta", okta}, {"zenqms", "ZenQMS", zenqms}} {
		if s.sideWord(side.key, side.breaker) == "down" {
			all = append(all, errand{Grave: true, Quiet: true, Title: side.name + " does not answer",
				Text: "Everything is kept, and it is tried again by itself; there is nothing to do unless it lasts."})
		}
	}
	return all
}

// ofPeople tells of who is skipped, and of who left and may still have access.
func (p *Page) ofPeople(s *standing, a *album) []errand {
	var all []errand
	if n := a.clock.pending["unclear"]; n > 0 {
		all = append(all, errand{Title: fmt.Sprintf("%s who left may still have access", people(int64(n))),
			Text: "Several accounts could be theirs, and one of them is active. Deactivate the right one in ZenQMS, then `sync` the person.",
			Do:   []string{p.command("report leavers")}})
	}
	if n := s.skipped(); n > 0 {
		verb := "are"
		if n == 1 {
			verb = "is"
		}
		all = append(all, errand{Title: fmt.Sprintf("%s %s skipped", people(n), verb),
			Text: "ZenQMS is not in step with Okta about them, wholly or in part. The list says why for each, and what to do.", List: "skipped"})
	}
	return all
}

func (s *standing) skipped() (n int64) {
	for _, of := range s.skips {
		n += of
	}
	return n
}

func people(n int64) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// verdict is the page in a sentence.
type verdict struct {
	Level string // good, fair or bad
	Text  string
}

func judge(all []errand) verdict {
	waiting := 0
	for _, e := range all {
		if e.Grave {
			return verdict{"bad", e.Title}
		}
		waiting++
	}
	switch waiting {
	case 0:
		return verdict{"good", "Working. Nothing waits for you"}
	case 1:
		return verdict{"fair", "Working. One thing waits for you"}
	}
	return verdict{"fair", fmt.Sprintf("Working. %d things wait for you", waiting)}
}
