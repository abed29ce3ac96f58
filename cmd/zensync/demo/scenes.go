package demo

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

// introduce says what stands where.
func (s *stage) introduce() {
	s.title("zensync keeps the users of ZenQMS in step with Okta. This demo shows it at work.")
	s.say("Okta    %s  an imitation with %d users, %d of them recorded from test orgs of Okta",
		s.oktaURL, len(s.org.Users()), s.cast.recorded)
	s.say("ZenQMS  %s  an imitation with %d accounts made by hand; every call takes %s",
		s.zenqmsURL, s.account.Len(), latency)
	s.say("Folder  %s  configuration, secrets, database", s.folder)
	s.prompt("export ZENSYNC_CONFIG=" + s.config)
}

// startService starts relay and worker, and waits until the relay is up.
func (s *stage) startService(ctx context.Context) (err error) {
	s.scene("The service starts: its relay takes Okta's hooks, its worker carries out what they ask for.")
	s.prompt("zensync run &")
	start := time.Now()
	if s.service, err = s.start("run"); err != nil {
		return err
	}
	address := strings.TrimSuffix(strings.TrimPrefix(s.hookURL, "http://"), "/okta/events")
	if err := s.await(ctx, "zensync run has opened the relay", func() bool {
		conn, err := net.Dial("tcp", address)
		return err == nil && conn.Close() == nil
	}); err != nil {
		return err
	}
	s.say("up after %s", round(time.Since(start)))
	return nil
}

// deploy makes the initial sync, and compares everybody afterwards.
func (s *stage) deploy(ctx context.Context) error {
	s.scene("The deployment: zensync makes its event hook in Okta, has Okta verify it, and syncs everybody once.")
	start := time.Now()
	if err := s.run(ctx, exitAttention, "deploy", "--yes"); err != nil {
		return err
	}
	s.say("it took %s, %d calls to Okta and %d to ZenQMS", round(time.Since(start)), len(s.org.Calls()), len(s.account.Calls()))
	if err := s.compare(ctx); err != nil {
		return err
	}
	s.say("Lena Vogel left long ago and could still sign in to ZenQMS: her account is inactive now.")
	s.say("Ruth Amsel came back under a new Okta id: she has her old ZenQMS account (%d), active again.", s.cast.old.ID)
	s.say("Prince has no last name, and Will West the address of a colleague: they are skipped, with the reason.")
	return nil
}

// hire, promote and leave are changes in Okta that a hook tells of at once.
func (s *stage) hire(ctx context.Context) error {
	s.scene("Somebody joins. Okta calls the hook; nobody does anything.")
	s.say("in Okta:   Grace Hale is created, Validation Engineer")
	grace := oktatest.Profile{FirstName: "Grace", LastName: "Hale", Title: "Validation Engineer", Email: "grace.hale@example.com"}
	return s.hooked(ctx, func() { s.cast.hired = s.org.AddUser(grace, oktatest.Active) },
		"Grace Hale's account is there, linked and active", func() bool {
			u, found := s.account.ByExternalID(s.cast.hired.ID)
			return found && same(grace, u)
		})
}

func (s *stage) promote(ctx context.Context) error {
	s.scene("Her title changes.")
	s.say("in Okta:   Grace Hale becomes Head of Validation")
	return s.hooked(ctx, func() { s.entitle("Head of Validation") },
		"Grace Hale's title is Head of Validation", s.hasTitle("Head of Validation"))
}

func (s *stage) leave(ctx context.Context) error {
	s.scene("Somebody leaves.")
	s.say("in Okta:   Ruth Amsel is deactivated")
	return s.hooked(ctx, func() { s.org.SetStatus(s.cast.rehire.ID, oktatest.Deprovisioned) },
		"Ruth Amsel's account is inactive", func() bool {
			u, found := s.account.User(s.cast.old.ID)
			return found && !u.Active
		})
}

// hooked makes a change in Okta, has Okta call the hook, and waits until ZenQMS
// shows the change.
func (s *stage) hooked(ctx context.Context, change func(), what string, shown func() bool) error {
	start := time.Now()
	change()
	if err := s.org.DeliverAll(ctx); err != nil {
		return fmt.Errorf("the relay did not take a hook: %w", err)
	}
	return s.shows(ctx, start, what, shown)
}

// loseHook loses a hook, as Okta does when it cannot deliver, and has the
// reconcile find the change.
func (s *stage) loseHook(ctx context.Context) error {
	s.scene("A hook is lost: Okta tries twice at most. The reconcile, which runs every six hours by itself, finds what it missed.")
	s.entitle("VP Quality")
	s.org.DropAll()
	s.say("in Okta:   Grace Hale becomes VP Quality, and the hook does not arrive")
	s.account.ResetCalls()
	start := time.Now()
	if err := s.run(ctx, exitAttention, "reconcile"); err != nil {
		return err
	}
	if err := s.shows(ctx, start, "Grace Hale's title is VP Quality", s.hasTitle("VP Quality")); err != nil {
		return err
	}
	if writes := len(s.account.Writes()); writes != 1 {
		return fmt.Errorf("the reconcile wrote to ZenQMS %d times instead of once", writes)
	}
	s.say("and nothing else was written to ZenQMS")
	return s.compare(ctx)
}

// entitle gives the new hire another title in Okta.
func (s *stage) entitle(title string) {
	s.org.UpdateProfile(s.cast.hired.ID, func(p *oktatest.Profile) { p.Title = title })
}

func (s *stage) hasTitle(title string) func() bool {
	return func() bool {
		u, found := s.account.ByExternalID(s.cast.hired.ID)
		return found && u.Title == title
	}
}

// shows waits until ZenQMS shows a change, and tells how long after start that
// is.
func (s *stage) shows(ctx context.Context, start time.Time, what string, cond func() bool) error {
	if err := s.await(ctx, "in ZenQMS, "+what, cond); err != nil {
		return err
	}
	s.say("in ZenQMS: %s, %s later", what, round(time.Since(start)))
	return nil
}

// report shows where an administrator looks.
func (s *stage) report(ctx context.Context) error {
	s.scene("What an administrator looks at: who is skipped and why, what was done, and how it stands.")
	if err := s.checkReports(ctx); err != nil {
		return err
	}
	for _, args := range [][]string{{"report", "skipped"}, {"report", "log", "--limit", "10"}, {"status"}} {
		if err := s.run(ctx, exitDone, args...); err != nil {
			return err
		}
	}
	return nil
}

// curtain ends the story: the service stops as systemd would stop it.
func (s *stage) curtain() error {
	s.scene("The end.")
	start := time.Now()
	if err := s.takeDown(); err != nil {
		return err
	}
	s.say("zensync run stopped %s after SIGTERM; %s is gone", round(time.Since(start)), s.folder)
	s.say("Every step was checked. Yours to keep running: zensync demo --serve")
	return nil
}

// serve keeps everything running until ctx ends or the service does.
func (s *stage) serve(ctx context.Context) error {
	s.scene("Yours to try. Everything runs on until Ctrl-C.")
	s.say("relay   %s", s.hookURL)
	s.say("log     %s", s.log)
	s.say("page    %s  for your browser", s.pageURL)
	s.say("In another terminal:")
	s.prompt(s.program + " --config " + s.config + " report")
	s.say("or, with ZENSYNC_CONFIG set as above, an edit by hand in ZenQMS, and what puts it right:")
	s.prompt(fmt.Sprintf(`curl -X PATCH %s/v2/users/%d -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{"title": "Visitor"}'`,
		s.zenqmsURL, s.cast.account.ID, s.zenqmsKey))
	s.prompt(s.program + " sync " + s.cast.employee.ID)
	select {
	case <-ctx.Done():
	case <-s.service.ended:
		select { // Ctrl-C ends both, in either order
		case <-ctx.Done():
		case <-time.After(time.Second):
			s.showLog()
			return fmt.Errorf("zensync run has ended: %w", s.service.err)
		}
	}
	s.say("stopping; %s is kept", s.folder)
	return nil
}

// round makes a duration fit for reading.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
