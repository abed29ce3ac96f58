package qualify

import (
	"fmt"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// matching are the rules about whose an account is.
var matching = []Requirement{
	{ID: "L1", Text: "An account is found by external_id, else by address in any case, and linked; a create whose answer was lost makes no second one", Cases: []Case{
		{Steps: []Step{
			{"ZenQMS has one account with Ada's Okta id under another address, and one with Bob's address in capitals; deploy",
				"ada@example.invalid, Ada Byron, Analyst, active, linked to ada; 1 account; bob active", func(s *stand) string {
					s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
					s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
					s.byHand("old", "Ada Byron", "Analyst", s.id("ada"))
					s.byHandAs("bob", zenqms.NewUser{Email: s.prefix + "BOB@example.invalid", FirstName: "Bob", LastName: "Stone", Title: "Analyst", Active: true})
					s.deploy()
					return seen(s.accountCalled("old"), s.holders("ada"), s.activity("bob"))
				}},
			{"Look at what was sent", "change email=ada@example.invalid; change external_id=bob", (*stand).sent},
		}},
		{Fakes: "ZenQMS is made to lose an answer, and to ignore its filters", Setting: Setting{zenqms: zenqmstest.Options{IgnoreExternalIDFilter: true}}, Steps: []Step{
			{"ZenQMS ignores the filter by external_id, makes Cy's account, and its answer is lost; deploy", "cy active; 1 account", func(s *stand) string {
				s.hire("cy", "Cy Young", "Analyst", oktatest.Active)
				s.account.Fail(zenqmstest.OnCreate, 1, zenqmstest.Fault{DropAfter: true})
				s.deploy()
				s.pass(reconcileLater)
				s.settle()
				return seen(s.activity("cy"), s.holders("cy"))
			}},
		}},
	}},

	{ID: "L2", Text: "Without a match a live user is created, and for one who is gone nothing is done", Cases: []Case{{Steps: []Step{
		{"In Okta, make Ada, who is active, and Gus, who is suspended; ZenQMS knows neither; deploy", "ada active, gus no account; 0 accounts", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.hire("gus", "Gus Left", "Analyst", oktatest.Suspended)
			s.deploy()
			return seen(s.activity("ada", "gus"), s.holders("gus"))
		}},
	}}}},

	{ID: "L3", Text: "An account never passes to another person: only from somebody gone to somebody of the same name and address, or by an operator's word", Cases: []Case{
		{Steps: []Step{
			{"Ruth Amsel and Paul Ott are linked; deploy", "ruth active, paul active", func(s *stand) string {
				s.hire("ruth", "Ruth Amsel", "Analyst", oktatest.Active)
				s.hire("paul", "Paul Ott", "Analyst", oktatest.Active)
				s.deploy()
				return s.activity("ruth", "paul")
			}},
			{"Both leave. Ruth comes back under a new Okta id; a stranger, Petra Ott, is given Paul's address; the hooks arrive",
				"ruth@example.invalid, Ruth Amsel, Analyst, active, linked to rehire; paul@example.invalid, Paul Ott, Analyst, inactive, linked to paul; conflict", func(s *stand) string {
					s.status("ruth", oktatest.Deprovisioned)
					s.status("paul", oktatest.Deprovisioned)
					s.hooks()
					s.enter("rehire", s.again("ruth", "ruth AMSEL "), oktatest.Active)
					s.change("rehire", func(p *oktatest.Profile) { p.FirstName, p.LastName = "Ruth", "Amsel" })
					s.enter("petra", s.again("paul", "Petra Ott"), oktatest.Active)
					s.hooks()
					return seen(s.accountFor("rehire"), s.accountFor("paul"), s.skip("petra"))
				}},
			{"An operator relinks Paul's account to Petra (it is the same person), with a reason", "paul@example.invalid, Petra Ott, Analyst, active, linked to petra", func(s *stand) string {
				_, err := s.worker.Relink(s.ctx, reconcile.Relink{New: s.id("petra"), Old: s.id("paul"), Actor: operator, Reason: "the same person"})
				s.must(err)
				s.settle()
				return s.accountFor("petra")
			}},
			{"An operator tries to take the account of somebody who is live", "the link is not moved", func(s *stand) string {
				s.hire("eve", "Eve New", "Analyst", oktatest.Active)
				_, err := s.worker.Relink(s.ctx, reconcile.Relink{New: s.id("eve"), Old: s.id("petra"), Actor: operator, Reason: "a mistake"})
				return is(err, reconcile.ErrRelink)
			}},
		}},
		{Steps: []Step{
			{"Two users of Okta have one address that nobody holds in ZenQMS; deploy", "first active, second no account; 1 account; conflict", func(s *stand) string {
				s.hire("first", "Will West", "Analyst", oktatest.Active)
				s.enter("second", s.again("first", "Wilma West"), oktatest.Active)
				s.deploy()
				return seen(s.activity("first", "second"), s.holders("first"), s.skip("second"))
			}},
			{"Two more have the address of an unlinked account, whose name agrees with neither; the hooks arrive", "third no account, fourth no account; ambiguous, ambiguous; third@example.invalid, Uwe Upp, Analyst, active, not linked", func(s *stand) string {
				s.byHand("third", "Uwe Upp", "Analyst", "")
				s.hire("third", "Tom Tall", "Analyst", oktatest.Active)
				s.enter("fourth", s.again("third", "Tim Tall"), oktatest.Active)
				s.hooks()
				return seen(s.activity("third", "fourth"), s.skip("third")+", "+s.skip("fourth"), s.accountCalled("third"))
			}},
			{"In ZenQMS, name the account as the fourth; reconcile", "third no account, fourth active", func(s *stand) string {
				s.edit(s.accounts["third"], zenqms.Patch{FirstName: text("Tim"), LastName: text("Tall")})
				s.reconcile()
				return s.activity("third", "fourth")
			}},
		}},
	}},

	{ID: "L4", Text: "A new address follows the link; one that is taken holds back itself alone, and the rest is applied", Cases: []Case{{Steps: []Step{
		{"Ada and Bob are linked, Ada is suspended; deploy", "ada active, bob active, then ada inactive", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
			s.deploy()
			before := s.activity("ada", "bob")
			s.status("ada", oktatest.Suspended)
			s.hooks()
			return before + ", then " + s.activity("ada")
		}},
		{"In Okta, Ada is at work again, with another title and Bob's address; the hooks arrive", "ada@example.invalid, Ada Byron, Lead, active, linked to ada; conflict (email)", func(s *stand) string {
			s.status("ada", oktatest.Active)
			s.change("ada", func(p *oktatest.Profile) { p.Title, p.Email = "Lead", s.address("bob") })
			s.hooks()
			return seen(s.accountFor("ada"), s.skip("ada"))
		}},
		{"In Okta, Bob takes Ada's address: a swap, which no order of calls can carry out; the hook arrives", "ada@example.invalid, bob@example.invalid; conflict (email), conflict (email); the reason names both: true", func(s *stand) string {
			s.change("bob", func(p *oktatest.Profile) { p.Email = s.address("ada") })
			s.hooks()
			a, _ := s.accountOf("ada")
			b, _ := s.accountOf("bob")
			both := contains(s.reason("ada"), "ada", "bob") && contains(s.reason("bob"), "ada", "bob")
			return seen(s.plain(a.Email+", "+b.Email), s.skip("ada")+", "+s.skip("bob"), fmt.Sprint("the reason names both: ", both))
		}},
		{"In Okta, Bob gets a third address; the hook arrives", "bob@example.invalid, stone@example.invalid; not skipped, not skipped", func(s *stand) string {
			s.change("bob", func(p *oktatest.Profile) { p.Email = s.address("stone") })
			s.hooks()
			a, _ := s.accountOf("ada")
			b, _ := s.accountOf("bob")
			return seen(s.plain(a.Email+", "+b.Email), s.skip("ada")+", "+s.skip("bob"))
		}},
	}}}},

	{ID: "L5", Text: "A link whose account is gone, or is somebody else's by now, is dropped, and the user matched anew", Cases: []Case{{Fakes: "an account is made to vanish from ZenQMS", Steps: []Step{
		{"Ada and Bob are linked; deploy", "ada active, bob active", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
			s.deploy()
			return s.activity("ada", "bob")
		}},
		{"In ZenQMS, Ada's account vanishes; she moves in Okta; the hook arrives", "ada@example.invalid, Ada Byron, Lead, active, linked to ada", func(s *stand) string {
			u, _ := s.accountOf("ada")
			s.account.Remove(fakeID(u.ID))
			s.change("ada", func(p *oktatest.Profile) { p.Title = "Lead" })
			s.hooks()
			return s.accountFor("ada")
		}},
		{"In ZenQMS, Bob's account is given to somebody else's Okta id, and another address; he moves in Okta; the hook arrives",
			"taken@example.invalid, Bob Stone, Analyst, active, linked to SOMEBODY; bob@example.invalid, Bob Stone, Lead, active, linked to bob", func(s *stand) string {
				u, _ := s.accountOf("bob")
				s.call("taken", u.ID)
				s.edit(u.ID, zenqms.Patch{ExternalID: text("SOMEBODY"), Email: text(s.address("taken"))})
				s.change("bob", func(p *oktatest.Profile) { p.Title = "Lead" })
				s.hooks()
				return seen(s.accountCalled("taken"), s.accountFor("bob"))
			}},
	}}}},

	{ID: "L6", Text: "A gone user claims nothing a live one may claim, in scope or not", Cases: []Case{{Setting: Setting{groups: []string{"In scope"}}, Steps: []Step{
		{"Lee left; Lea, live and out of scope, has the address by now, and an unlinked account with it is hers. Deploy; then the hook of Lee's leaving arrives again",
			"lee no account; lee@example.invalid, Lea Long, Analyst, active, not linked", func(s *stand) string {
				s.hire("boss", "Bea Boss", "Analyst", oktatest.Active)
				s.org.AddMember(s.groupIDs["In scope"], s.id("boss"))
				s.hire("lee", "Lee Long", "Analyst", oktatest.Active)
				s.org.AddMember(s.groupIDs["In scope"], s.id("lee"))
				s.status("lee", oktatest.Suspended)
				s.lose()
				s.enter("lea", s.again("lee", "Lea Long"), oktatest.Active)
				s.byHand("lee", "Lea Long", "Analyst", "")
				s.deploy()
				s.deliver("user.lifecycle.suspend", s.id("lee"))
				return seen(s.activity("lee"), s.accountCalled("lee"))
			}},
	}}}},
}

// again is a profile with somebody's address and another name.
func (s *stand) again(name, whole string) oktatest.Profile {
	p := s.person(name, whole, "Analyst")
	p.Login = s.prefix + fmt.Sprintf("%s%d.login@example.invalid", name, len(s.ids))
	return p
}
