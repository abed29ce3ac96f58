package qualify

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// delivery are the rules about calls that fail, and about the relay's answers.
var delivery = []Requirement{
	{ID: "E4", Text: "What may pass is tried again; what ZenQMS refuses is reported; a refused credential stops the drain and loses nothing; one sick user blocks nobody", Cases: []Case{{Fakes: "ZenQMS is made to fail", Setting: Setting{faulty: true}, Steps: []Step{
		{"Ada and Bob are linked; deploy. ZenQMS answers 500 to a change of Ada's; both move; the hooks arrive", "ada: failed; bob@example.invalid, Bob Stone, Lead, active, linked to bob", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
			s.deploy()
			s.stopClock()
			u, _ := s.accountOf("ada")
			s.account.Fail(zenqmstest.Match{Method: http.MethodPatch, Path: "/v2/users/" + u.ID}, 2, zenqmstest.Fault{Status: 500})
			for _, name := range []string{"ada", "bob"} {
				s.change(name, func(p *oktatest.Profile) { p.Title = "Lead" })
			}
			s.hooks()
			_, outcome, _ := strings.Cut(s.logOf("ada", 1), " ")
			return seen("ada: "+outcome, s.accountFor("bob"))
		}},
		{"Look at when the next attempt is due; two seconds pass, and look again; four pass", "after 0.75 to 1 s: true; Analyst; after 1.5 to 2 s: true; Lead", func(s *stand) string {
			first := s.dueAfter("ada")
			s.pass(2 * time.Second)
			s.settle()
			u, _ := s.accountOf("ada")
			second := s.dueAfter("ada")
			s.pass(4 * time.Second)
			s.settle()
			after, _ := s.accountOf("ada")
			return seen(fmt.Sprint("after 0.75 to 1 s: ", between(first, 0.75, 1)), u.Title, fmt.Sprint("after 1.5 to 2 s: ", between(second, 1.5, 2)), after.Title)
		}},
		{"ZenQMS refuses Ada's new title with 422; the hook arrives", "refused (title); too long: true", func(s *stand) string {
			s.account.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 422, Message: "invalid", Fields: []zenqmstest.FieldError{{Field: "title", Message: "is too long"}}})
			s.change("ada", func(p *oktatest.Profile) { p.Title = "Chief" })
			s.hooks()
			return seen(s.skip("ada"), fmt.Sprint("too long: ", contains(s.reason("ada"), "is too long")))
		}},
		{"Reconcile: it is tried again, and taken", "ada@example.invalid, Ada Byron, Chief, active, linked to ada; not skipped", func(s *stand) string {
			s.reconcile()
			return seen(s.accountFor("ada"), s.skip("ada"))
		}},
		{"ZenQMS's key is revoked; Bob is suspended; the hook arrives", "bob active; nothing is sent: true", func(s *stand) string {
			s.account.SetToken("another")
			s.status("bob", oktatest.Suspended)
			s.must(s.org.DeliverAll(s.ctx))
			s.await("the drain has stopped", func() bool { return s.stopReason() != "" })
			s.account.SetToken(zenqmstest.DefaultToken)
			return seen(s.activity("bob"), fmt.Sprint("nothing is sent: ", s.stopReason() != ""))
		}},
		{"The key is accepted again; a minute passes", "bob inactive; nothing is sent: false", func(s *stand) string {
			s.pass(time.Minute + time.Second)
			s.settle()
			return seen(s.activity("bob"), fmt.Sprint("nothing is sent: ", s.stopReason() != ""))
		}},
		{"ZenQMS answers 410 to Ada's next change; the hook arrives. Then it is well, and an operator retries", "1 dead, then 0 dead; ada@example.invalid, Ada Byron, Retired, active, linked to ada", func(s *stand) string {
			s.account.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Status: 410})
			s.change("ada", func(p *oktatest.Profile) { p.Title = "Retired" })
			s.hooks()
			before := s.dead()
			_, err := reconcile.Retry{Binding: s.binding(), Actor: operator}.Begin(s.ctx, s.db, nil)
			s.must(err)
			s.settle()
			return seen(before+", then "+s.dead(), s.accountFor("ada"))
		}},
	}}}},

	{ID: "E5", Text: "The relay stores before it answers, lets nobody in without the secret, and answers as Okta needs it to", Cases: []Case{{Fakes: "nothing of it concerns ZenQMS", Steps: []Step{
		{"POST an envelope with the secret; POST it again; POST it with a wrong secret and with none", "204, 204, 401, 401; 1 event", func(s *stand) string {
			body := string(s.org.Envelope(event("e5", "user.lifecycle.create", s.clock(), "00uabc")))
			got := s.answers(s.post(hookSecret, body), s.post(hookSecret, body), s.post("wrong", body), s.post("", body))
			return seen(got, s.eventCount())
		}},
		{"POST what is no envelope: no JSON, a list, an object without data.events, a null list", "400, 400, 400, 400; 1 event", func(s *stand) string {
			return seen(s.answers(s.post(hookSecret, "hello"), s.post(hookSecret, "[]"), s.post(hookSecret, "{}"), s.post(hookSecret, `{"data":{"events":null}}`)), s.eventCount())
		}},
		{"POST more than 8 MiB", "413", func(s *stand) string { return s.answers(s.post(hookSecret, strings.Repeat(" ", 8<<20+1))) }},
		{"POST an odd event, without a uuid, beside a good one", "204; 3 events; ignored, open, open", func(s *stand) string {
			good := string(s.org.Envelope(event("e5-good", "user.lifecycle.create", s.clock(), "00uabd")))
			mixed := strings.Replace(good, `"events":[`, `"events":["odd",`, 1)
			return seen(s.answers(s.post(hookSecret, mixed)), s.eventCount(), s.report("events", store.ReportArgs{}, "state"))
		}},
		{"GET with Okta's challenge, with the secret and with a wrong one", "200 {\"verification\":\"abc\"}, 401", func(s *stand) string {
			return s.challenge(hookSecret) + ", " + strings.Fields(s.challenge("wrong"))[0]
		}},
		{"The secret is renewed, and the old one kept as the previous: both are taken", "204, 204", func(s *stand) string {
			s.must(os.WriteFile(filepath.Join(s.folder, "previous.secret"), []byte(hookSecret), 0o600))
			s.must(os.WriteFile(filepath.Join(s.folder, "hook.secret"), []byte("renewed"), 0o600))
			empty := `{"data":{"events":[]}}`
			s.await("the new secret is taken", func() bool { return s.post("renewed", empty) == http.StatusNoContent })
			return s.answers(s.post("renewed", empty), s.post(hookSecret, empty))
		}},
		{"The store cannot be written to; POST an event", "503", func(s *stand) string {
			s.must(s.db.Close())
			return s.answers(s.post(hookSecret, string(s.org.Envelope(event("e5-late", "user.lifecycle.create", s.clock(), "00uabc")))))
		}},
	}}}},
}

// stopReason is why nothing is sent, as `zensync status` has it.
func (s *stand) stopReason() (why string) {
	s.view(func(tx *store.Tx) (err error) {
		why, err = tx.Setting(store.DrainStopped)
		return err
	})
	return why
}

// dueAfter is how long after the last attempt somebody is tried again.
func (s *stand) dueAfter(name string) time.Duration {
	var wait time.Duration
	s.view(func(tx *store.Tx) error {
		open, err := tx.OpenRows(s.id(name))
		if err != nil || len(open) == 0 {
			return err
		}
		last, err := tx.LastLog(s.id(name), store.ActUpdate, store.OutcomeFailed)
		wait = open[0].Due.Sub(last)
		return err
	})
	return wait
}

// between tells whether a length of time is between two, in seconds, to the
// millisecond that the store keeps.
func between(d time.Duration, least, most float64) bool {
	return d.Seconds() >= least-0.002 && d.Seconds() <= most+0.002
}

func (s *stand) dead() string {
	var n int64
	s.view(func(tx *store.Tx) error {
		q, err := tx.Queue()
		n = q.Dead
		return err
	})
	return fmt.Sprint(n, " dead")
}

func (s *stand) eventCount() string {
	s.must(s.db.Sort(s.ctx))
	n := 0
	s.view(func(tx *store.Tx) error {
		all, err := rows(tx, "events", store.ReportArgs{})
		n = len(all)
		return err
	})
	return count(n, "event")
}

// post sends a body to the relay, as Okta does, and gives the status.
func (s *stand) post(secret, body string) int {
	status, _ := s.ask(http.MethodPost, secret, "", body)
	return status
}

// challenge is Okta's verification of the hook: the answer's status and body.
func (s *stand) challenge(secret string) string {
	status, answer := s.ask(http.MethodGet, secret, "abc", "")
	return fmt.Sprint(status, " ", answer)
}

func (s *stand) ask(method, secret, challenge, body string) (int, string) {
	req, err := http.NewRequestWithContext(s.ctx, method, s.hookURL, bytes.NewReader([]byte(body)))
	s.must(err)
	req.Header.Set("Authorization", secret)
	req.Header.Set("Content-Type", "application/json")
	if challenge != "" {
		req.Header.Set("X-Okta-Verification-Challenge", challenge)
	}
	answer, err := http.DefaultClient.Do(req)
	s.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	return answer.StatusCode, strings.TrimSpace(string(text))
}

func (s *stand) answers(statuses ...int) string {
	all := make([]string, len(statuses))
	for i, status := range statuses {
		all[i] = fmt.Sprint(status)
	}
	return strings.Join(all, ", ")
}
