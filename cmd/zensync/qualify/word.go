package qualify

import (
	"fmt"
	"net/http"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
)

// word are the rules about whose word counts.
var word = []Requirement{
	{ID: "W1", Text: "An edit made in ZenQMS stays until the same user moves in Okta; deploy and sync push regardless", Cases: []Case{{Steps: []Step{
		{"Ada is linked; deploy. In ZenQMS, change her title; reconcile, and deliver an event of hers again", "ada@example.invalid, Ada Byron, Edited, active, linked to ada; nothing", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.deploy()
			u, _ := s.accountOf("ada")
			s.edit(u.ID, zenqms.Patch{Title: text("Edited")})
			s.forget()
			s.lose()
			s.reconcile()
			s.deliver("user.account.update_profile", s.id("ada"))
			return seen(s.accountFor("ada"), s.sent())
		}},
		{"In Okta, change her last name; the hook arrives", "ada@example.invalid, Ada King, Analyst, active, linked to ada", func(s *stand) string {
			s.change("ada", func(p *oktatest.Profile) { p.LastName = "King" })
			s.hooks()
			return s.accountFor("ada")
		}},
		{"In ZenQMS, change her title again; sync her by name", "ada@example.invalid, Ada King, Analyst, active, linked to ada", func(s *stand) string {
			u, _ := s.accountOf("ada")
			s.edit(u.ID, zenqms.Patch{Title: text("Edited")})
			s.sync("ada")
			return s.accountFor("ada")
		}},
		{"And once more; deploy again", "ada@example.invalid, Ada King, Analyst, active, linked to ada", func(s *stand) string {
			u, _ := s.accountOf("ada")
			s.edit(u.ID, zenqms.Patch{Title: text("Edited")})
			s.deploy()
			return s.accountFor("ada")
		}},
	}}}},

	{ID: "W2", Text: "No user is ever deleted in ZenQMS", Cases: []Case{{Steps: []Step{
		{"Ada is linked; deploy. In Okta, delete her for good; the hooks arrive; reconcile", "ada@example.invalid, Ada Byron, Analyst, inactive, linked to ada", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
			s.deploy()
			s.org.Delete(s.id("ada"))
			s.hooks()
			s.reconcile()
			return s.accountFor("ada")
		}},
		{"Look for calls of the method DELETE on a user", "0 calls", func(s *stand) string {
			writes, _ := s.ledger.taken()
			n := 0
			for _, w := range writes {
				if w.method == http.MethodDelete && w.rest != "roles/remove" {
					n++
				}
			}
			return count(n, "call")
		}},
	}}}},

	{ID: "W3", Text: "A mapped role comes and goes with membership of its groups; roles outside the mapping, and those a hand gave, are left alone", Cases: []Case{{
		Fakes:   "roles are made, given and taken in ZenQMS by hand",
		Setting: Setting{roles: []reconcile.RolePair{{Group: "QA", Role: "Reviewer"}}}, Steps: []Step{
			{"Ada is in the group QA, Bob is not; both have accounts, Bob's with a role outside of the mapping; deploy",
				"ada@example.invalid, Ada Byron, Analyst, active, linked to ada, roles Reviewer; bob@example.invalid, Bob Stone, Analyst, active, linked to bob, roles Trainer", func(s *stand) string {
					s.addRole("Reviewer")
					s.addRole("Trainer")
					s.addRole("Account Super User")
					s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
					s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
					s.org.AddMember(s.groupIDs["QA"], s.id("ada"))
					s.byHand("bob", "Bob Stone", "Analyst", "")
					s.give("bob", "Trainer")
					s.lose()
					s.deploy()
					return seen(s.accountFor("ada"), s.accountFor("bob"))
				}},
			{"In ZenQMS, give Bob the role by hand; reconcile: his membership has not changed", "roles Reviewer and Trainer", func(s *stand) string {
				s.give("bob", "Reviewer")
				s.reconcile()
				return s.rolesOf("bob")
			}},
			{"In Okta, take Ada out of the group while it cannot be read; the hook arrives", "roles Reviewer", func(s *stand) string {
				s.org.RemoveMember(s.groupIDs["QA"], s.id("ada"))
				s.org.Fail(oktatest.Match{Route: "/api/v1/groups/{id}"}, -1, oktatest.Fault{Status: 403})
				s.hooks()
				return s.rolesOf("ada")
			}},
			{"It can be read again; reconcile", "no roles", func(s *stand) string {
				s.org.ClearFaults()
				s.reconcile()
				return s.rolesOf("ada")
			}},
			{"Map a role that safety.never_roles forbids; deploy", "the roles of the config", func(s *stand) string {
				s.setting.roles = []reconcile.RolePair{{Group: "QA", Role: "Account Super User"}}
				_, err := s.tryDeploy()
				return is(err, reconcile.ErrRoles)
			}},
		}}}},

	{ID: "W4", Text: "Scope limits who is created, linked, updated and given roles; a linked user who is gone is deactivated all the same", Cases: []Case{
		{Setting: Setting{groups: []string{"In scope"}}, Steps: []Step{
			{"Ada and Bob are in scope, Cy is not; deploy", "ada active, bob active, cy no account; not skipped", func(s *stand) string {
				s.inScope()
				return seen(s.activity("ada", "bob", "cy"), s.skip("cy"))
			}},
			{"In Okta, Ada leaves scope, and then gets another title; the hooks arrive; reconcile", "ada@example.invalid, Ada Byron, Analyst, active, linked to ada", func(s *stand) string {
				s.org.RemoveMember(s.groupIDs["In scope"], s.id("ada"))
				s.change("ada", func(p *oktatest.Profile) { p.Title = "Lead" })
				s.hooks()
				s.reconcile()
				return s.accountFor("ada")
			}},
			{"In Okta, deactivate Ada, out of scope as she is; the hook arrives", "ada inactive", func(s *stand) string {
				s.status("ada", oktatest.Deprovisioned)
				s.hooks()
				return s.activity("ada")
			}},
		}},
		{Setting: Setting{groups: []string{"In scope"}, policy: reconcile.Policy{Leavers: true}}, Steps: []Step{
			{"With sync.out_of_scope: deactivate, the scope group cannot be read; reconcile", "ada active, bob active", func(s *stand) string {
				s.inScope()
				s.org.RemoveMember(s.groupIDs["In scope"], s.id("ada"))
				s.lose()
				s.org.Fail(oktatest.Match{Route: "/api/v1/groups/{id}/users"}, -1, oktatest.Fault{Status: 403})
				s.reconcile()
				return s.activity("ada", "bob")
			}},
			{"It can be read again; reconcile", "ada inactive, bob active", func(s *stand) string {
				s.org.ClearFaults()
				s.reconcile()
				return s.activity("ada", "bob")
			}},
		}},
	}},
}

// inScope deploys with two users in scope and one who is not.
func (s *stand) inScope() {
	for name, whole := range map[string]string{"ada": "Ada Byron", "bob": "Bob Stone", "cy": "Cy Young"} {
		s.hire(name, whole, "Analyst", oktatest.Active)
	}
	s.org.AddMember(s.groupIDs["In scope"], s.id("ada"))
	s.org.AddMember(s.groupIDs["In scope"], s.id("bob"))
	s.lose()
	s.deploy()
}

// give gives a role by hand, to somebody's account or else to that of the name.
func (s *stand) give(name, role string) {
	id := s.accounts[name]
	if u, found := s.accountOf(name); found {
		id = u.ID
	}
	_, err := s.admin.AddRoles(s.ctx, id, []string{s.roleIDs[role]})
	s.must(err)
}

func (s *stand) rolesOf(name string) string {
	u, _ := s.accountOf(name)
	return rolesIn(u)
}

// deliver has Okta deliver a made-up event about some users, and waits until
// all is done.
func (s *stand) deliver(kind string, ids ...string) {
	s.must(s.org.Deliver(s.ctx, event(fmt.Sprintf("made-up-%d", s.made.Add(1)), kind, s.clock(), ids...)))
	s.settle()
}
