package qualify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

// walks are the rules about the walk over all users.
var walks = []Requirement{
	{ID: "K1", Text: "A walk reads all of Okta, and only then settles; one that cannot read to the end concludes nothing", Cases: []Case{{
		Fakes: many, Setting: Setting{batch: 4, okta: oktatest.Options{PageSizeMax: 4}}, Steps: []Step{
			{"Nine users, and pages of four; deploy", "done; 9 active", func(s *stand) string {
				s.crew(9)
				return seen(s.deploy(), s.activeCount())
			}},
			{"In Okta, suspend one and rename one, and their hooks are lost; the third page cannot be read; reconcile", "failed; nothing", func(s *stand) string {
				s.forget()
				s.status("u1", oktatest.Suspended)
				s.change("u2", func(p *oktatest.Profile) { p.Title = "Lead" })
				s.lose()
				s.breakThirdPage()
				return seen(s.reconcile(), s.sent())
			}},
			{"It can be read again; reconcile", "done; change is_active=false; change title=Lead", func(s *stand) string {
				s.org.ClearFaults()
				return seen(s.reconcile(), s.sent())
			}},
			{"In Okta, suspend one, and then lift the suspension while a reconcile that has read him is about to act: he is read anew by id", "u3 active; nothing", func(s *stand) string {
				s.status("u3", oktatest.Suspended)
				s.lose()
				s.onSettling(func() { s.status("u3", oktatest.Active) })
				s.reconcile()
				s.toOkta.detour.Store(nil)
				return seen(s.activity("u3"), s.sent())
			}},
		}}}},

	{ID: "K2", Text: "Absence from a list proves nothing: who is missing is read by id, and a 404 counts only when the walk saw half of the active links", Cases: []Case{{Fakes: many, Steps: []Step{
		{"Twelve users are linked; deploy", "12 active", func(s *stand) string {
			s.crew(12)
			s.deploy()
			return s.activeCount()
		}},
		{"In Okta, deactivate one, whom a list then leaves out, and delete another; their hooks are lost; reconcile", "done; u1 inactive, u2 inactive; 10 active", func(s *stand) string {
			s.status("u1", oktatest.Deprovisioned)
			s.org.Delete(s.id("u2"))
			s.lose()
			run := s.reconcile()
			return seen(run, s.activity("u1", "u2"), s.activeCount())
		}},
		{"A list leaves out one who reads fine by id; reconcile", "done; 10 active", func(s *stand) string {
			s.hide(false, "u3")
			return seen(s.reconcile(), s.activeCount())
		}},
		{"The app's admin role is cut down: seven of the ten are in no list and read 404; reconcile", "failed; 10 active; held: nothing", func(s *stand) string {
			s.hide(true, "u3", "u4", "u5", "u6", "u7", "u8", "u9")
			run := s.reconcile()
			return seen(run, s.activeCount(), "held: "+s.held())
		}},
	}}}},

	{ID: "K3", Text: "Members of mapped and scope groups are read group by group, not user by user", Cases: []Case{{Fakes: many, Setting: Setting{groups: []string{"In scope", "Also in scope"}}, Steps: []Step{
		{"Six users in two groups; deploy; then reconcile, and count the calls about groups", "6 active; 2 lists of members; 0 lists of a user's groups", func(s *stand) string {
			s.crew(6)
			for i := range 6 {
				s.org.AddMember(s.groupIDs[[]string{"In scope", "Also in scope"}[i%2]], s.id(fmt.Sprint("u", i+1)))
			}
			s.lose()
			s.deploy()
			s.forget()
			s.reconcile()
			return seen(s.activeCount(), fmt.Sprint(s.oktaCalls("/api/v1/groups/{id}/users"), " lists of members"), fmt.Sprint(s.oktaCalls("/api/v1/users/{id}/groups"), " lists of a user's groups"))
		}},
	}}}},

	{ID: "K4", Text: "A reconcile with nothing to do writes nothing to ZenQMS and makes no call for a single user", Cases: []Case{{Fakes: many, Steps: []Step{
		{"Six users are linked; deploy; then reconcile, and count", "done; sent: nothing; 0 users read by id; 0 calls of ZenQMS", func(s *stand) string {
			s.crew(6)
			s.deploy()
			s.lose()
			s.forget()
			run := s.reconcile()
			writes, reads := s.ledger.taken()
			sent := "nothing"
			if len(writes) > 0 {
				sent = count(len(writes), "write")
			}
			return seen(run, "sent: "+sent, fmt.Sprint(s.oktaCalls("/api/v1/users/{id}"), " users read by id"), count(reads, "call")+" of ZenQMS")
		}},
	}}}},

	{ID: "K5", Text: "deploy has the hook verified first; then the live users are walked, and the DEPROVISIONED ones; a reconcile follows some minutes later", Cases: []Case{{Steps: []Step{
		{"The relay has another secret than deploy gives Okta; deploy", "not verified: true; state: new; nothing", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.hire("lena", "Lena Vogel", "Analyst", oktatest.Deprovisioned)
			s.byHand("lena", "Lena Vogel", "Analyst", "")
			s.secret = "another"
			_, err := s.tryDeploy()
			s.secret = hookSecret
			return seen(fmt.Sprint("not verified: ", asUnverified(err)), "state: "+s.life(), s.sent())
		}},
		{"With the right one; Lena left long ago and has an account; deploy", "ada active, lena inactive; state: active", func(s *stand) string {
			s.deploy()
			return seen(s.activity("ada", "lena"), "state: "+s.life())
		}},
		{"In Okta, somebody is made whose hook is lost; six minutes pass", "zoe active", func(s *stand) string {
			s.hire("zoe", "Zoe Zorn", "Analyst", oktatest.Active)
			s.lose()
			s.pass(6 * time.Minute)
			s.settle()
			return s.activity("zoe")
		}},
	}}}},
}

const many = "it does not depend on ZenQMS, and would leave many accounts behind"

// crew hires n users, u1 and on.
func (s *stand) crew(n int) {
	for i := range n {
		s.hire(fmt.Sprint("u", i+1), fmt.Sprintf("Una %c", 'A'+i), "Analyst", oktatest.Active)
	}
	s.lose()
}

// activeCount counts those whose account is active.
func (s *stand) activeCount() string {
	n := 0
	for name := range s.ids {
		if u, found := s.accountOf(name); found && u.Active {
			n++
		}
	}
	return fmt.Sprint(n, " active")
}

// oktaCalls counts the calls of a route since forget.
func (s *stand) oktaCalls(route string) (n int) {
	for _, c := range s.org.Calls() {
		if c.Route == route {
			n++
		}
	}
	return n
}

// hide makes Okta's lists leave users out, as an admin role does that does not
// cover them; with byID they also read 404.
func (s *stand) hide(byID bool, names ...string) {
	var ids []string
	for _, name := range names {
		ids = append(ids, s.id(name))
	}
	detour := func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if id, ok := strings.CutPrefix(r.URL.Path, "/api/v1/users/"); ok && byID && slices.Contains(ids, id) {
			r = r.Clone(r.Context())
			r.URL.Path = "/api/v1/users/00uNobody0000000000"
		}
		if r.URL.Path != "/api/v1/users" {
			next.ServeHTTP(w, r)
			return
		}
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		var users []map[string]any
		body := recorded.Body.Bytes()
		if json.Unmarshal(body, &users) == nil {
			users = slices.DeleteFunc(users, func(u map[string]any) bool { id, _ := u["id"].(string); return slices.Contains(ids, id) })
			var whole bytes.Buffer
			_ = json.NewEncoder(&whole).Encode(users) // it came out of JSON
			body = whole.Bytes()
		}
		for key, values := range recorded.Header() {
			if key != "Content-Length" {
				w.Header()[key] = values
			}
		}
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(body)
	}
	s.toOkta.detour.Store(&detour)
}

// breakThirdPage has Okta refuse the third page of its list of users: by then the
// first is in the store, however fast this host reads.
func (s *stand) breakThirdPage() {
	later := 0
	detour := func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/users" && r.URL.Query().Has("after") {
			if later++; later == 2 {
				s.org.Fail(oktatest.Match{Route: "/api/v1/users", Query: "after="}, -1, oktatest.Fault{Status: 403})
			}
		}
		next.ServeHTTP(w, r)
	}
	s.toOkta.detour.Store(&detour)
}

// onSettling does something once, just before the first user is read by id.
func (s *stand) onSettling(act func()) {
	done := false
	detour := func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v1/users/") && !done {
			done = true
			act()
		}
		next.ServeHTTP(w, r)
	}
	s.toOkta.detour.Store(&detour)
}

// life is where the installation stands.
func (s *stand) life() (life string) {
	s.view(func(tx *store.Tx) error {
		stage, err := reconcile.StageOf(tx)
		life = string(stage.Life)
		return err
	})
	if life == "" {
		return "new"
	}
	return life
}
