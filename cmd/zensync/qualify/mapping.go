package qualify

import (
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
)

// mapping are the rules about what is sent.
var mapping = []Requirement{
	{ID: "M1", Text: "The mapped fields of an Okta user, trimmed, are those of his ZenQMS user; nothing else is sent", Cases: []Case{{Steps: []Step{
		{"In Okta, make Ada Byron with blanks around her names; deploy", "ada@example.invalid, Ada Byron, Analyst, active, linked to ada", func(s *stand) string {
			p := s.person("ada", "Ada Byron", " Analyst ")
			p.FirstName, p.LastName = "  Ada", "Byron  "
			s.enter("ada", p, oktatest.Active)
			s.deploy()
			return s.accountFor("ada")
		}},
		{"Look at what was sent", "create email=ada@example.invalid external_id=ada first_name=Ada is_active=true last_name=Byron title=Analyst", (*stand).sent},
		{"In Okta, change her address, names and title; the hook arrives", "countess@example.invalid, Augusta King, Countess, active, linked to ada", func(s *stand) string {
			s.change("ada", func(p *oktatest.Profile) {
				p.Email, p.FirstName, p.LastName, p.Title = s.address("countess"), "Augusta", "King", "Countess"
			})
			s.hooks()
			return s.accountFor("ada")
		}},
		{"Look at what was sent", "change email=countess@example.invalid first_name=Augusta last_name=King title=Countess", (*stand).sent},
	}}}},

	{ID: "M2", Text: "A status of Okta means active or inactive; one that means nothing known is left alone", Cases: []Case{
		{Steps: []Step{
			{"In Okta, make a user of every status; deploy", "active active, provisioned active, staged active, recovery active, expired active, locked active, suspended no account, gone no account", func(s *stand) string {
				for _, u := range everyStatus {
					s.hire(u.name, "Una "+u.name, "Analyst", u.status)
				}
				s.deploy()
				return s.activity("active", "provisioned", "staged", "recovery", "expired", "locked", "suspended", "gone")
			}},
			{"In Okta, suspend one, deactivate another and delete a third; the hooks arrive", "active inactive, staged inactive, recovery inactive", func(s *stand) string {
				s.status("active", oktatest.Suspended)
				s.status("staged", oktatest.Deprovisioned)
				s.org.Delete(s.id("recovery"))
				s.hooks()
				return s.activity("active", "staged", "recovery")
			}},
			{"In Okta, lift the suspension; the hook arrives", "active active", func(s *stand) string {
				s.status("active", oktatest.Active)
				s.hooks()
				return s.activity("active")
			}},
		}},
		{Setting: Setting{policy: reconcile.Policy{Statuses: map[string]reconcile.Meaning{"LOCKED_OUT": reconcile.Gone, "STAGED": reconcile.LeaveAlone}}}, Steps: []Step{
			{"With sync.statuses giving LOCKED_OUT inactive and STAGED ignore: make one of each and one who is active; deploy", "one active, two no account, three no account", func(s *stand) string {
				s.hire("one", "Una One", "Analyst", oktatest.Active)
				s.hire("two", "Una Two", "Analyst", oktatest.LockedOut)
				s.hire("three", "Una Three", "Analyst", oktatest.Staged)
				s.deploy()
				return s.activity("one", "two", "three")
			}},
			{"In Okta, lock the first out; the hook arrives", "one inactive", func(s *stand) string {
				s.status("one", oktatest.LockedOut)
				s.hooks()
				return s.activity("one")
			}},
		}},
	}},

	{ID: "M3", Text: "A live user without email, first or last name is skipped, and what is missing is named; a linked one still gets is_active", Cases: []Case{{Steps: []Step{
		{"In Okta, make Prince, who has no last name, and Ada Byron; deploy", "no account; missing; Okta has no last name; fill it in there", func(s *stand) string {
			s.hire("prince", "Prince", "Analyst", oktatest.Active)
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.deploy()
			return seen(s.accountFor("prince"), s.skip("prince"), s.reason("prince"))
		}},
		{"Reconcile: he has not moved", "nothing", func(s *stand) string {
			s.forget()
			s.reconcile()
			return s.sent()
		}},
		{"In Okta, give him a last name; the hook arrives", "prince@example.invalid, Prince Rogers, Analyst, active, linked to prince; not skipped", func(s *stand) string {
			s.change("prince", func(p *oktatest.Profile) { p.LastName = "Rogers" })
			s.hooks()
			return seen(s.accountFor("prince"), s.skip("prince"))
		}},
		{"In Okta, suspend Ada and take her last name; then lift the suspension", "inactive, then ada@example.invalid, Ada Byron, Analyst, active, linked to ada; missing", func(s *stand) string {
			s.status("ada", oktatest.Suspended)
			s.change("ada", func(p *oktatest.Profile) { p.LastName = "" })
			s.hooks()
			first := s.activity("ada")[len("ada "):]
			s.status("ada", oktatest.Active)
			s.hooks()
			return first + ", then " + seen(s.accountFor("ada"), s.skip("ada"))
		}},
		{"In Okta, suspend her again: somebody gone is never in the skip report", "ada inactive; not skipped", func(s *stand) string {
			s.status("ada", oktatest.Suspended)
			s.hooks()
			return seen(s.activity("ada"), s.skip("ada"))
		}},
	}}}},

	{ID: "M4", Text: "A blank title never overwrites that of ZenQMS; a new user gets sync.default_title", Cases: []Case{{Setting: Setting{policy: reconcile.Policy{DefaultTitle: "Employee"}}, Steps: []Step{
		{"In Okta, Marie Curie and Ada Byron have no title; ZenQMS has Marie as Chemist and no Ada; deploy",
			"marie@example.invalid, Marie Curie, Chemist, active, linked to marie; ada@example.invalid, Ada Byron, Employee, active, linked to ada", func(s *stand) string {
				s.hire("marie", "Marie Curie", "", oktatest.Active)
				s.hire("ada", "Ada Byron", " ", oktatest.Active)
				s.byHand("marie", "Marie Curie", "Chemist", "")
				s.deploy()
				return seen(s.accountFor("marie"), s.accountFor("ada"))
			}},
		{"In Okta, change Marie's last name, and still no title; the hook arrives", "marie@example.invalid, Marie Joliot, Chemist, active, linked to marie", func(s *stand) string {
			s.change("marie", func(p *oktatest.Profile) { p.LastName = "Joliot" })
			s.hooks()
			return s.accountFor("marie")
		}},
	}}}},

	{ID: "M5", Text: "Only what differs is sent; an address that differs in case alone does not differ", Cases: []Case{{Steps: []Step{
		{"ZenQMS has ADA@..., linked, with another title than Okta; deploy", "change title=Lead", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Lead", oktatest.Active)
			s.byHandAs("ada", zenqms.NewUser{Email: s.prefix + "ADA@example.invalid", FirstName: "Ada", LastName: "Byron", Title: "Analyst", Active: true, ExternalID: s.id("ada")})
			s.deploy()
			return s.sent()
		}},
		{"Sync her by name: nothing differs", "nothing", func(s *stand) string {
			s.sync("ada")
			return s.sent()
		}},
		{"Deploy again: nothing differs", "nothing", func(s *stand) string {
			s.deploy()
			return s.sent()
		}},
	}}}},

	{ID: "M6", Text: "Of a gone user is_active: false alone is sent, and external_id when linking", Cases: []Case{{Steps: []Step{
		{"In Okta, Leo Quit is at work, and Lena Vogel left long ago, but has an account that nobody linked; deploy",
			"leo active; lena@example.invalid, Lena Vogel, Analyst, inactive, linked to lena", func(s *stand) string {
				s.hire("leo", "Leo Quit", "Analyst", oktatest.Active)
				s.hire("lena", "L. Vogel-Gone", "", oktatest.Deprovisioned)
				s.byHand("lena", "Lena Vogel", "Analyst", "")
				s.deploy()
				return seen(s.activity("leo"), s.accountFor("lena"))
			}},
		{"In Okta, deactivate Leo, blank his last name and change his title; the hooks arrive", "leo@example.invalid, Leo Quit, Analyst, inactive, linked to leo; change is_active=false", func(s *stand) string {
			s.forget()
			s.status("leo", oktatest.Deprovisioned)
			s.change("leo", func(p *oktatest.Profile) { p.LastName, p.Title = "", "Former employee" })
			s.hooks()
			return seen(s.accountFor("leo"), s.sent())
		}},
	}}}},
}

// everyStatus has a user of each.
var everyStatus = []struct{ name, status string }{
	{"active", oktatest.Active}, {"provisioned", oktatest.Provisioned}, {"staged", oktatest.Staged}, {"recovery", oktatest.Recovery},
	{"expired", oktatest.PasswordExpired}, {"locked", oktatest.LockedOut}, {"suspended", oktatest.Suspended}, {"gone", oktatest.Deprovisioned},
}
