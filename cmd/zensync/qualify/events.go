package qualify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

const reconcileLater = 3 * time.Second

// event is one as Okta would send it.
func event(uuid, kind string, at time.Time, ids ...string) oktatest.Event {
	e := oktatest.Event{UUID: uuid, Type: kind, Published: at, Actor: oktatest.Actor{ID: "00uadmin", Type: "User", AlternateID: "admin@example.invalid"}}
	for _, id := range ids {
		e.Targets = append(e.Targets, oktatest.Target{ID: id, Type: "User"})
	}
	return e
}

// events are the rules about what the hooks bring.
var events = []Requirement{
	{ID: "E1", Text: "The hook subscribes to the event types of the design and no others; membership of groups that nobody mapped costs no call", Cases: []Case{
		{Fakes: local, Steps: []Step{{"Deploy without roles and scope, and look at the hook in Okta", "user: account.update_profile lifecycle.activate lifecycle.create lifecycle.deactivate lifecycle.delete.initiated lifecycle.reactivate lifecycle.suspend lifecycle.unsuspend", subscribed}}},
		{Fakes: local, Setting: Setting{policy: reconcile.Policy{Statuses: map[string]reconcile.Meaning{"LOCKED_OUT": reconcile.Gone}}}, Steps: []Step{
			{"Deploy with a meaning of its own for LOCKED_OUT", "user: account.lock account.unlock account.update_profile lifecycle.activate lifecycle.create lifecycle.deactivate lifecycle.delete.initiated lifecycle.reactivate lifecycle.suspend lifecycle.unsuspend", subscribed}}},
		{Fakes: local, Setting: Setting{groups: []string{"In scope"}}, Steps: []Step{
			{"Deploy with a scope", "user: account.update_profile lifecycle.activate lifecycle.create lifecycle.deactivate lifecycle.delete.initiated lifecycle.reactivate lifecycle.suspend lifecycle.unsuspend group: lifecycle.delete user_membership.add user_membership.remove", subscribed},
			{"In Okta, put somebody into a group that nobody mapped; the hook arrives", "group.user_membership.add ignored; 0 calls to Okta", func(s *stand) string {
				other := s.org.AddGroup("Runners")
				s.lose()
				s.forget()
				s.org.AddMember(other, s.id("ada"))
				s.hooks()
				return seen(s.report("events", store.ReportArgs{}, "type", "state"), count(len(s.org.Calls()), "call")+" to Okta")
			}},
		}},
	}},

	{ID: "E2", Text: "An event is a trigger alone: the present state is read and written, whatever the event says, how often and in what order", Cases: []Case{{Steps: []Step{
		{"Ada is linked; deploy. An event says that she was suspended; by id she is still active", "ada active", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.deploy()
			s.lose()
			s.deliver("user.lifecycle.suspend", s.id("ada"))
			return s.activity("ada")
		}},
		{"In Okta, the suspension shows only now, and no further event comes; 31 seconds pass", "ada inactive", func(s *stand) string {
			s.status("ada", oktatest.Suspended)
			s.lose()
			s.pass(31 * time.Second)
			s.settle()
			return s.activity("ada")
		}},
		{"In Okta, the suspension is lifted, and the title changed twice; the hooks arrive backwards, and the first of them twice", "ada@example.invalid, Ada Byron, Head, active, linked to ada", func(s *stand) string {
			s.status("ada", oktatest.Active)
			s.change("ada", func(p *oktatest.Profile) { p.Title = "Lead" })
			s.change("ada", func(p *oktatest.Profile) { p.Title = "Head" })
			all := s.org.Pending()
			slices.Reverse(all)
			s.must(s.org.Deliver(s.ctx, append(all, all[0])...))
			s.settle()
			return s.accountFor("ada")
		}},
		{"The last event arrives a third time", "nothing; 0 calls to Okta", func(s *stand) string {
			e := event("twice", "user.account.update_profile", s.clock(), s.id("ada"))
			s.must(s.org.Deliver(s.ctx, e))
			s.settle()
			s.forget()
			s.must(s.org.Deliver(s.ctx, e))
			s.settle()
			return seen(s.sent(), count(len(s.org.Calls()), "call")+" to Okta")
		}},
		{"Events arrive about `me`, about a login and about a path", "0 calls to Okta", func(s *stand) string {
			s.forget()
			for i, id := range []string{"me", "ada@example.invalid", "../groups"} {
				s.must(s.org.Deliver(s.ctx, event(fmt.Sprint("odd", i), "user.lifecycle.create", s.clock(), id)))
			}
			s.settle()
			return count(len(s.org.Calls()), "call") + " to Okta"
		}},
	}}}},

	{ID: "E3", Text: "Deactivations go first, then hooks, then manual syncs, then walks; nobody is worked on twice at a time", Cases: []Case{{Fakes: local, Steps: []Step{
		{"While no worker is up, a walk, a manual sync, a hire's hook and a leaver's hook come in, in this order", "taken: leaver, hire, manual, walked", func(s *stand) string {
			for _, name := range []string{"leaver", "hire", "manual", "walked"} {
				s.hire(name, "Una "+strings.ToUpper(name), "Analyst", oktatest.Active)
			}
			s.deploy()
			s.rest()
			s.lose()
			s.update(func(tx *store.Tx) error {
				_, walk := tx.Enqueue(store.Promise{OktaID: s.id("walked"), Origin: store.FromReconcile, Priority: store.WalkPriority})
				_, manual := tx.Enqueue(store.Promise{OktaID: s.id("manual"), Origin: store.FromManual, Priority: store.ManualPriority})
				return errors.Join(walk, manual)
			})
			s.must(s.org.Deliver(s.ctx, event("e3-hire", "user.lifecycle.create", s.clock(), s.id("hire"))))
			s.must(s.org.Deliver(s.ctx, event("e3-leaver", "user.lifecycle.deactivate", s.clock(), s.id("leaver"))))
			return "taken: " + strings.Join(s.claims(4), ", ")
		}},
		{"A second event about the leaver, whom somebody is working on already, comes in", "taken: ", func(s *stand) string {
			s.must(s.org.Deliver(s.ctx, event("e3-again", "user.lifecycle.deactivate", s.clock(), s.id("leaver"))))
			return "taken: " + strings.Join(s.claims(1), ", ")
		}},
		{"In Okta, the leaver is deactivated; the worker starts and takes over what was left", "leaver inactive, hire active", func(s *stand) string {
			s.status("leaver", oktatest.Deprovisioned)
			s.hooks()
			return s.activity("leaver", "hire")
		}},
		{"Two users with the address of one unlinked account arrive at the same moment", "1 account", func(s *stand) string {
			s.hire("twin", "Una Twin", "Analyst", oktatest.Active)
			s.enter("other", s.again("twin", "Una Other"), oktatest.Active)
			s.hooks()
			return s.holders("twin")
		}},
	}}}},
}

// subscribed deploys with one user, and gives the hook's event types.
func subscribed(s *stand) string {
	s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
	s.deploy()
	var all []string
	before := ""
	types := s.org.Hooks()[0].Events
	slices.Sort(types)
	slices.SortStableFunc(types, func(a, b string) int { return strings.Compare(b[:1], a[:1]) }) // users first
	for _, t := range types {
		about, what, _ := strings.Cut(t, ".")
		if about != before {
			all = append(all, about+":")
		}
		before = about
		all = append(all, what)
	}
	return strings.Join(all, " ")
}

// claims takes up to n users off the outbox, as a worker that takes one at a
// time would.
func (s *stand) claims(n int) (names []string) {
	s.must(s.db.Sort(s.ctx))
	s.update(func(tx *store.Tx) error {
		epoch := s.epoch
		if epoch == 0 {
			var err error
			if epoch, err = tx.StartEpoch(); err != nil {
				return err
			}
			s.epoch = epoch
		}
		for range n {
			taken, err := tx.Claim(epoch, 1)
			if err != nil {
				return err
			}
			for _, c := range taken {
				names = append(names, s.names[c.OktaID])
			}
		}
		return nil
	})
	return names
}
