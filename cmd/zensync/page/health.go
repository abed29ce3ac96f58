package page

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/store"
)

// silentAfter is how long a worker may give no sign of life: its dispatcher
// turns once a second.
const silentAfter = time.Minute

// condition is how each part is, in a word, and which of them are not well.
type condition struct {
	OK    bool              `json:"ok"`
	Wrong []string          `json:"wrong"`
	Parts map[string]string `json:"parts"`
}

// note adds a part. It is well when its word is among those given.
func (c *condition) note(part, word string, well ...string) {
	c.Parts[part] = word
	for _, w := range append(well, "ok") {
		if word == w {
			return
		}
	}
	c.OK, c.Wrong = false, append(c.Wrong, part)
}

func newCondition() condition {
	return condition{OK: true, Wrong: []string{}, Parts: map[string]string{}}
}

// health answers /healthz: whether the process does its work. Restarting it
// is the remedy when it does not.
func (p *Page) health(w http.ResponseWriter, _ *http.Request) {
	c := newCondition()
	c.note("store", storeWord(p.glass.look()))
	c.note("worker", p.pulse())
	c.write(w)
}

// readiness answers /readyz: whether Okta and ZenQMS are kept in step. A
// person is the remedy when they are not.
func (p *Page) readiness(w http.ResponseWriter, _ *http.Request) {
	s := p.glass.look()
	c := newCondition()
	c.note("store", storeWord(s))
	if s.err != nil {
		for _, part := range []string{"okta", "zenqms", "relay", "worker", "hook", "state"} {
			c.note(part, "unknown")
		}
		c.write(w)
		return
	}
	okta, zenqms := p.breakers()
	c.note("okta", s.sideWord("okta", okta))
	c.note("zenqms", s.sideWord("zenqms", zenqms))
	c.note("relay", aliveWord(s.relay))
	c.note("worker", p.workerWord(s), "waiting")
	c.note("hook", s.hookWord())
	c.note("state", lifeWord(s.life), string(reconcile.Active))
	c.write(w)
}

func (c condition) write(w http.ResponseWriter) {
	text, err := json.Marshal(c)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !c.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(text, '\n')) // a caller that is gone needs no answer
}

func storeWord(s *standing) string {
	if s.err != nil {
		return "failing"
	}
	return "ok"
}

// pulse tells whether the worker has given a sign of life of late.
func (p *Page) pulse() string {
	if time.Since(p.born)-time.Duration(p.beat.Load()) > silentAfter {
		return "silent"
	}
	return "ok"
}

// workerWord is that of the worker. While a command does its work, it waits.
func (p *Page) workerWord(s *standing) string {
	if word := p.pulse(); word != "ok" || s.worker {
		return word
	}
	return "waiting"
}

// sideWord is how a side is: refused says that it takes our credential no
// more, down that it does not answer.
func (s *standing) sideWord(side string, b reconcile.Breaker) string {
	switch {
	case s.refuses(side):
		return "refused"
	case b != reconcile.Closed:
		return "down"
	}
	return "ok"
}

// refuses tells whether a side has refused our credential, the last time it was
// tried. What the store keeps begins with the side.
func (s *standing) refuses(side string) bool {
	return strings.HasPrefix(s.stopped, side+":") || strings.HasPrefix(s.barred, side+":")
}

func (s *standing) hookWord() string {
	switch {
	case s.hookID == "" || s.hookStatus == store.HookMissing:
		return "missing"
	case s.hookStatus == "INACTIVE":
		return "inactive"
	case s.hookVerified == "":
		return "unverified"
	}
	return "ok"
}

func aliveWord(alive bool) string {
	if alive {
		return "ok"
	}
	return "down"
}

// lifeWord is the state of the installation, as `status` has it.
func lifeWord(life reconcile.Life) string {
	if life == reconcile.New {
		return "new"
	}
	return string(life)
}

// breakers are those of the worker that is shown.
func (p *Page) breakers() (okta, zenqms reconcile.Breaker) {
	if s := p.subject.Load(); s != nil {
		return s.Worker.Breakers()
	}
	return reconcile.Closed, reconcile.Closed
}
