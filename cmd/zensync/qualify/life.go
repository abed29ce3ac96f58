package qualify

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// life are the rules about an installation from its beginning to its end.
var life = []Requirement{
	{ID: "C1", Text: "An installation is new, active, paused, unlinking or unlinked, and changes as the design says alone", Cases: []Case{{Steps: []Step{
		{"Before a deploy: pause, and let the worker run while an event lies there", "nothing is deployed yet: run zensync deploy first; state: new; nothing", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.post(hookSecret, string(s.org.Envelope(event("c1", "user.lifecycle.create", s.clock(), s.id("ada")))))
			s.takeTurns()
			_, _, err := s.pause().Begin(s.ctx, s.db)
			return seen(is(err, reconcile.ErrNotDeployed), "state: "+s.life(), s.sent())
		}},
		{"Deploy; pause; resume", "active, paused, active", func(s *stand) string {
			s.deploy()
			states := s.life()
			s.begin()
			states += ", " + s.life()
			_, err := s.pause().End(s.ctx, s.db)
			s.must(err)
			s.settle()
			return states + ", " + s.life()
		}},
		{"Unlink while ZenQMS does not take the clearing; deploy and pause", "unlinking; refused, refused; unlinking", func(s *stand) string {
			s.must(s.tryUnlink(true))
			states := s.life()
			_, err := s.tryDeploy()
			_, _, pausing := s.pause().Begin(s.ctx, s.db)
			return seen(states, refusal(err)+", "+refusal(pausing), s.life())
		}},
		{"Unlink to the end; deploy again", "unlinked, then active; ada active", func(s *stand) string {
			s.must(s.tryUnlink(false))
			states := s.life()
			s.deploy()
			return seen(states+", then "+s.life(), s.activity("ada"))
		}},
	}}}},

	{ID: "C2", Text: "Paused: nothing is sent, the relay goes on storing, deploy, sync and reconcile are refused; resume catches up", Cases: []Case{{Setting: Setting{schedule: "@every 1h"}, Steps: []Step{
		{"Ada is linked; deploy; pause. Ada is suspended and Cy hired; the hooks arrive; two hours pass", "3 waiting or more: true; ada active, cy no account; nothing", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.deploy()
			s.lose()
			s.forget()
			s.begin()
			s.suspend("ada")
			s.hire("cy", "Cy Young", "Analyst", oktatest.Active)
			s.must(s.org.DeliverAll(s.ctx))
			s.pass(2 * time.Hour)
			s.takeTurns()
			return seen(fmt.Sprint("3 waiting or more: ", s.waiting() >= 3), s.activity("ada", "cy"), s.sent())
		}},
		{"Deploy, and ask for a sync or a reconcile", "refused: paused by qualification; refused: paused by qualification", func(s *stand) string {
			_, err := s.tryDeploy()
			ready := s.db.View(s.ctx, s.binding().Ready)
			return seen(refusal(err), refusal(ready))
		}},
		{"In Okta, Bob is hired, whose hook is lost; resume", "ada inactive, cy active, bob active", func(s *stand) string {
			s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
			s.lose()
			_, err := s.pause().End(s.ctx, s.db)
			s.must(err)
			s.settle()
			return s.activity("ada", "cy", "bob")
		}},
	}}}},

	{ID: "C3", Text: "unlink deletes the hook and takes the external_id that zensync gave from its accounts, and touches nothing else", Cases: []Case{{Steps: []Step{
		{"Ada and Bob are linked; deploy. In ZenQMS, Bob's account is given another external_id, and a stranger has one of his own; unlink",
			"unlinked; ada@example.invalid, Ada Byron, Analyst, active, not linked; bob@example.invalid, Bob Stone, Analyst, active, linked to PAYROLL-7; eve@example.invalid, Eve Alone, Visitor, active, linked to PAYROLL-8; 0 hooks", func(s *stand) string {
				s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
				s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
				s.byHand("eve", "Eve Alone", "Visitor", "PAYROLL-8")
				s.deploy()
				for _, name := range []string{"ada", "bob"} {
					u, _ := s.accountOf(name)
					s.call(name, u.ID)
				}
				s.edit(s.accounts["bob"], zenqms.Patch{ExternalID: text("PAYROLL-7")})
				s.forget()
				s.must(s.tryUnlink(false))
				return seen(s.life(), s.accountCalled("ada"), s.accountCalled("bob"), s.accountCalled("eve"), count(len(s.org.Hooks()), "hook"))
			}},
		{"Look at what was sent", "change external_id=null", (*stand).sent},
	}}}},

	{ID: "C4", Text: "deploy may be repeated and has one event hook; the app needs the three scopes of the design and no other", Cases: []Case{
		{Fakes: local, Steps: []Step{
			{"Deploy three times", "1 hook, named for the host: true; done", func(s *stand) string {
				s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
				s.deploy()
				s.deploy()
				run := s.deploy()
				hooks := s.org.Hooks()
				return seen(fmt.Sprint(count(len(hooks), "hook"), ", named for the host: ", contains(s.hookURL, hooks[0].Name[len("zensync "):])), run)
			}},
		}},
		{Setting: serviceApp(), Fakes: local, Steps: []Step{
			{"With a service app that is granted exactly okta.users.read, okta.groups.read and okta.eventHooks.manage: deploy, with a scope", "done; ada active; 1 hook", func(s *stand) string {
				s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
				s.org.AddMember(s.groupIDs["In scope"], s.id("ada"))
				s.lose()
				return seen(s.deploy(), s.activity("ada"), count(len(s.org.Hooks()), "hook"))
			}},
		}},
	}},

	{ID: "C5", Text: "One worker at a time; a command waits for its answer, or does the work itself where no worker is up", Cases: []Case{{Fakes: local, Steps: []Step{
		{"A worker is up; a second one starts", "the worker's lock is held by another process (worker)", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.deploy()
			_, err := s.db.TryLock(store.WorkerPart, "second")
			var locked *store.ErrLocked
			if errors.As(err, &locked) {
				return locked.Error()
			}
			return fmt.Sprint("it got the lock: ", err == nil)
		}},
		{"The worker ends. Ada gets another title, the hook is lost; a command asks for a reconcile and attends to it", "ada@example.invalid, Ada Byron, Lead, active, linked to ada", func(s *stand) string {
			s.rest()
			s.change("ada", func(p *oktatest.Profile) { p.Title = "Lead" })
			s.lose()
			var run int64
			s.update(func(tx *store.Tx) (err error) {
				run, err = tx.WantRun(store.ReconcileRun, operator, tx.Now)
				return err
			})
			s.must(s.worker.Attend(s.ctx, "reconcile", reconcile.RunOver(run, nil)))
			return s.accountFor("ada")
		}},
	}}}},

	{ID: "C6", Text: "When the database is lost, deploy rebuilds every link from external_id and address", Cases: []Case{{Steps: []Step{
		{"Three users are linked, one of whose accounts has lost its external_id; the database is lost; deploy into a new one", "3 links before, 3 links after; 1 account; change external_id=u3", func(s *stand) string {
			s.crew(3)
			s.deploy()
			before := s.links()
			u, _ := s.accountOf("u3")
			s.edit(u.ID, zenqms.Patch{ExternalID: text("")})
			s.forget()
			s.rest()
			s.must(s.db.Close())
			s.must(s.openStore(filepath.Join(s.folder, "new.db")))
			s.relay.DB = s.db
			s.must(s.makeWorker())
			s.deploy()
			return seen(before+" before, "+s.links()+" after", s.holders("u3"), s.sent())
		}},
	}}}},

	{ID: "C7", Text: "The first deploy binds the store to its two servers, and any other pair is refused", Cases: []Case{{Fakes: local, Steps: []Step{
		{"Deploy; then come with another ZenQMS, and with another Okta", "refused, refused, and with the same two: taken", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.deploy()
			b := s.binding()
			verdict := func(b reconcile.Binding) string {
				err := s.db.View(s.ctx, b.Ready)
				var foreign *reconcile.ErrForeign
				switch {
				case errors.As(err, &foreign):
					return "refused"
				case err == nil:
					return "taken"
				}
				return err.Error()
			}
			return verdict(reconcile.Binding{OktaURL: b.OktaURL, ZenQMSURL: "https://public-api.zenqms.com"}) + ", " +
				verdict(reconcile.Binding{OktaURL: "https://other.okta.com", ZenQMSURL: b.ZenQMSURL}) + ", and with the same two: " + verdict(b)
		}},
	}}}},
}

func (s *stand) pause() reconcile.Pause {
	return reconcile.Pause{Binding: s.binding(), Actor: operator, Reason: "to see it"}
}

// begin pauses, and waits until nothing is in flight.
func (s *stand) begin() {
	_, _, err := s.pause().Begin(s.ctx, s.db)
	s.must(err)
	s.idle()
}

func (s *stand) idle() {
	_, err := reconcile.Idle(s.ctx, s.db)
	s.must(err)
}

// waiting counts the promises that are due.
func (s *stand) waiting() (n int64) {
	s.view(func(tx *store.Tx) error {
		q, err := tx.Queue()
		n = q.Ready
		return err
	})
	return n
}

// tryUnlink is `zensync unlink`; breakOff ends it before the first account.
func (s *stand) tryUnlink(breakOff bool) error {
	u := &reconcile.Unlink{DB: s.db, Okta: s.worker.Okta, ZenQMS: s.worker.ZenQMS.(*zenqms.Client), Binding: s.binding(), HookURL: s.hookURL, Actor: operator, Concurrency: 1}
	survey, err := u.Survey(s.ctx, false)
	if err != nil {
		return err
	}
	if breakOff {
		s.ledger.refuse.Store(true)
		defer s.ledger.refuse.Store(false)
	}
	_, err = u.Run(s.ctx, survey, nil)
	var unfinished *reconcile.ErrUnfinished
	if breakOff && errors.As(err, &unfinished) {
		return nil
	}
	return err
}

// refusal tells whether an act was refused for the state of the installation.
func refusal(err error) string {
	var stage *reconcile.ErrStage
	switch {
	case err == nil:
		return "it was done"
	case errors.As(err, &stage) && stage.Life == reconcile.Paused:
		return "refused: paused by " + stage.By
	case errors.As(err, &stage):
		return "refused"
	}
	return err.Error()
}

func (s *stand) links() string {
	var n store.LinkCount
	s.view(func(tx *store.Tx) (err error) {
		n, err = tx.LinkCount()
		return err
	})
	return fmt.Sprint(n.Active+n.Inactive, " links")
}

func asUnverified(err error) bool {
	var unverified *reconcile.ErrUnverified
	return errors.As(err, &unverified)
}

// serviceApp is a setting with a service app that has three scopes.
func serviceApp() Setting {
	return Setting{groups: []string{"In scope"}, app: true, okta: oktatest.Options{
		ClientID: "0oaqualify0000000000", GrantedScopes: []string{"okta.users.read", "okta.groups.read", "okta.eventHooks.manage"}}}
}

// makeKey makes the service app's key.
func (s *stand) makeKey() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // the least Okta accepts
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	s.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	s.setting.okta.Key = &key.PublicKey
	return nil
}

// configuration writes one for this program's own commands.
func (s *stand) configuration() (string, error) {
	for name, content := range map[string]string{
		"okta.token": oktaToken, "zenqms.key": s.toZenQMS.APIKey, "hook.secret": hookSecret,
		"zensync.yaml": fmt.Sprintf("okta: {org_url: %q, api_token_file: okta.token}\nzenqms: {base_url: %q, api_key_file: zenqms.key}\n"+
			"relay: {listen: \"127.0.0.1:0\", public_url: %q, secret_file: hook.secret}\nsync: {schedule: \"@every 6h\"}\nstore: {path: %q}\n",
			s.oktaURL, s.toZenQMS.BaseURL, s.hookURL, s.db.Path()),
	} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(s.folder, "zensync.yaml"), nil
}
