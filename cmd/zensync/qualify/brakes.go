package qualify

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

// brakes are the rules about what waits for a person.
var brakes = []Requirement{
	{ID: "B1", Text: "Too many deactivations of a walk are all held, and everything else goes on; hooks have a budget per sliding hour; 0 holds all", Cases: []Case{
		{Fakes: many, Setting: Setting{limit: reconcile.Limit{Max: 2}}, Steps: []Step{
			{"With a limit of 2: eight users are linked; deploy. Three are suspended and one renamed, the hooks are lost; reconcile", "done; 8 active; deactivate of u1, deactivate of u2, deactivate of u3; change title=Lead", func(s *stand) string {
				s.crew(8)
				s.deploy()
				s.forget()
				s.suspend("u1", "u2", "u3")
				s.change("u4", func(p *oktatest.Profile) { p.Title = "Lead" })
				s.lose()
				return seen(s.reconcile(), s.activeCount(), s.held(), s.sent())
			}},
			{"The three are at work again, and two others suspended, the hooks are lost; reconcile", "6 active; u5 inactive, u6 inactive; nothing", func(s *stand) string {
				for _, name := range []string{"u1", "u2", "u3"} {
					s.status(name, oktatest.Active)
				}
				s.suspend("u5", "u6")
				s.lose()
				s.reconcile()
				return seen(s.activeCount(), s.activity("u5", "u6"), s.held())
			}},
			{"Three more are suspended within the hour; the hooks arrive one after the other", "4 active; deactivate of u3", func(s *stand) string {
				for _, name := range []string{"u1", "u2", "u3"} {
					s.suspend(name)
					s.hooks()
				}
				return seen(s.activeCount(), s.held())
			}},
			{"An hour passes, and a fourth is suspended; the hook arrives", "u7 inactive; deactivate of u3", func(s *stand) string {
				s.pass(time.Hour + time.Minute)
				s.settle()
				s.suspend("u7")
				s.hooks()
				return seen(s.activity("u7"), s.held())
			}},
		}},
		{Fakes: many, Setting: Setting{limit: reconcile.Limit{Max: 0, Percent: 100}}, Steps: []Step{
			{"With a limit of 0, whatever the percentage: one is suspended; the hook arrives", "4 active; deactivate of u1", func(s *stand) string {
				s.crew(4)
				s.deploy()
				s.suspend("u1")
				s.hooks()
				return seen(s.activeCount(), s.held())
			}},
		}},
	}},

	{ID: "B2", Text: "What is held waits for a person; approve reads the user anew, discard stands until he moves, and what is no longer wanted is dropped", Cases: []Case{{Fakes: many, Setting: Setting{limit: reconcile.Limit{Max: 0, Percent: 100}}, Steps: []Step{
		{"With a limit of 0: four are suspended; the hooks arrive", "deactivate of u1, deactivate of u2, deactivate of u3, deactivate of u4", func(s *stand) string {
			s.crew(6)
			s.deploy()
			s.suspend("u1", "u2", "u3", "u4")
			s.hooks()
			return s.held()
		}},
		{"Hours pass, the limit is raised, the events of the first arrive again; reconcile", "6 active; deactivate of u1, deactivate of u2, deactivate of u3, deactivate of u4", func(s *stand) string {
			s.rest()
			s.setting.limit = reconcile.Limit{Max: 10}
			s.must(s.makeWorker())
			s.pass(3 * time.Hour)
			s.deliver("user.lifecycle.suspend", s.id("u1"))
			s.reconcile()
			return seen(s.activeCount(), s.held())
		}},
		{"An operator approves the first, with a reason", "u1 inactive; qualification approve deactivate, he has left", func(s *stand) string {
			s.must(reconcile.Ruling{Actor: operator, Reason: "he has left"}.Approve(s.ctx, s.db, s.holdIDs("u1")))
			s.settle()
			return seen(s.activity("u1"), s.act("u1", "approve"))
		}},
		{"An operator discards the second; reconcile", "u2 active; deactivate of u3, deactivate of u4", func(s *stand) string {
			s.must(reconcile.Ruling{Actor: operator, Reason: "a mistake in Okta"}.Discard(s.ctx, s.db, s.holdIDs("u2")))
			s.reconcile()
			return seen(s.activity("u2"), s.held())
		}},
		{"The third is at work again in Okta; the hook arrives", "u3 active; deactivate of u4; deactivate dropped", func(s *stand) string {
			s.status("u3", oktatest.Active)
			s.hooks()
			return seen(s.activity("u3"), s.held(), dropped(s.logOf("u3", 2)))
		}},
	}}}},

	{ID: "B3", Text: "A plan says what would happen and writes nothing anywhere; without a terminal deploy and unlink need --yes", Cases: []Case{
		{Steps: []Step{
			{"Ada and Bob are linked; deploy. Ada gets another title, Bob is suspended, Cy is hired, the hooks are lost; plan a reconcile", "ada update title Analyst -> Lead, bob deactivate is_active true -> false, cy create; sent: nothing; the log has grown: false", func(s *stand) string {
				s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
				s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
				s.deploy()
				s.change("ada", func(p *oktatest.Profile) { p.Title = "Lead" })
				s.suspend("bob")
				s.hire("cy", "Cy Young", "Analyst", oktatest.Active)
				s.lose()
				s.forget()
				before := s.head()
				plan := s.plan(store.ReconcileRun)
				return seen(plan, "sent: "+s.sent(), fmt.Sprint("the log has grown: ", s.head() != before))
			}},
			{"Reconcile: what happens is what was planned", "ada@example.invalid, Ada Byron, Lead, active, linked to ada; bob inactive, cy active", func(s *stand) string {
				s.reconcile()
				return seen(s.accountFor("ada"), s.activity("bob", "cy"))
			}},
		}},
		{Fakes: "this program's own commands are run beside the fakes", Steps: []Step{
			{"Run `zensync deploy` and `zensync unlink` without a terminal and without --yes", "exit status 2, exit status 2; sent: nothing; state: active", func(s *stand) string {
				s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
				s.deploy()
				s.rest()
				s.forget()
				return seen(s.run("deploy")+", "+s.run("unlink"), "sent: "+s.sent(), "state: "+s.life())
			}},
		}},
	}},
}

func (s *stand) suspend(names ...string) {
	for _, name := range names {
		s.status(name, oktatest.Suspended)
	}
}

// holdIDs are the ids of what is held of somebody.
func (s *stand) holdIDs(name string) (ids []int64) {
	s.view(func(tx *store.Tx) error {
		holds, err := tx.HoldsOf(s.id(name))
		for _, h := range holds {
			ids = append(ids, h.ID)
		}
		return err
	})
	return ids
}

// act is the log's row of an operator's act about somebody.
func (s *stand) act(name, action string) (words string) {
	s.view(func(tx *store.Tx) error {
		all, err := tx.LogAfter(0)
		for _, row := range all {
			if row.OktaID == s.id(name) && string(row.Action) == action {
				words = fmt.Sprintf("%s %s %v, %v", row.Actor, row.Action, row.Changes["held"].Old, row.Changes["reason"].New)
			}
		}
		return err
	})
	return words
}

// dropped finds a dropped row among the last ones.
func dropped(log string) string {
	if contains(log, "deactivate dropped") {
		return "deactivate dropped"
	}
	return log
}

func (s *stand) head() (h store.Head) {
	s.view(func(tx *store.Tx) (err error) {
		h, err = tx.LogHead()
		return err
	})
	return h
}

// plan is what `zensync plan` would print, in words.
func (s *stand) plan(kind store.RunKind) string {
	on, err := store.OpenCopy(s.ctx, s.db.Path())
	s.must(err)
	on.Now = s.clock
	plan, err := s.worker.Plan(s.ctx, on, kind, nil)
	s.must(err)
	s.must(on.Close())
	var all []string
	for _, step := range plan.Steps {
		words := s.names[step.OktaID] + " " + string(step.Action)
		if step.Action != store.ActCreate {
			for _, f := range step.Fields() {
				words += fmt.Sprintf(" %s %v -> %v", f.Name, f.Old, f.New)
			}
		}
		all = append(all, words)
	}
	return listOf(all)
}

// run runs a command of this very program beside the fakes, without a
// terminal, and gives how it ended.
func (s *stand) run(args ...string) string {
	config, err := s.configuration()
	s.must(err)
	cmd := exec.CommandContext(s.ctx, s.options.Program, append([]string{"--config", config}, args...)...)
	cmd.Stdin = strings.NewReader("")
	_ = cmd.Run() // how it ended is what is looked at
	return fmt.Sprint("exit status ", cmd.ProcessState.ExitCode())
}
