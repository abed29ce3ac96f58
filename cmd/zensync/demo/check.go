package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// look is how often a condition is looked at, and so how exact the times of
// the story are.
const look = time.Millisecond

// await waits until a condition holds. what says it in words, for the error.
func (s *stage) await(ctx context.Context, what string, cond func() bool) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-s.service.ended:
			return fmt.Errorf("zensync run has ended: %w", s.service.err)
		case <-late.C:
			return fmt.Errorf("waited %s until %s, and it did not happen", patience, what)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// compare holds every user of Okta and every account of ZenQMS against each
// other.
func (s *stage) compare(ctx context.Context) error {
	var faults []string
	inStep := 0
	err := s.await(ctx, "ZenQMS is in step with Okta", func() bool {
		inStep, faults = s.differences()
		return len(faults) == 0
	})
	if err != nil {
		const most = 5
		return fmt.Errorf("%w; of %d differences: %s", err, len(faults), strings.Join(faults[:min(len(faults), most)], "; "))
	}
	s.say("compared one by one: %d people are active in ZenQMS as Okta has them, nobody else was touched", inStep)
	return nil
}

// differences counts those who are active in both, and tells what differs.
func (s *stage) differences() (inStep int, faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, u := range s.org.Users() {
		account, linked := s.account.ByExternalID(u.ID)
		skipped := u.ID == s.cast.nameless.ID || u.ID == s.cast.second.ID
		gone := u.Status == oktatest.Deprovisioned || u.Status == oktatest.Suspended
		switch {
		case skipped && linked:
			fault("%s should be skipped and has account %d", u.Profile.Login, account.ID)
		case gone && linked && account.Active:
			fault("%s is gone and his account %d is active", u.Profile.Login, account.ID)
		case gone || skipped:
		case !linked:
			fault("%s has no account", u.Profile.Login)
		case !same(u.Profile, account):
			fault("account %d differs from %s", account.ID, u.Profile.Login)
		default:
			inStep++
		}
	}
	if leaver, found := s.account.ByEmail(s.cast.leaver.Profile.Email); !found || leaver.Active || leaver.ExternalID != s.cast.leaver.ID {
		fault("the leaver's account is not linked and inactive")
	}
	if old, found := s.account.User(s.cast.old.ID); !found || old.ExternalID != s.cast.rehire.ID {
		fault("the rehire does not have his old account")
	}
	if stranger, found := s.account.User(s.cast.stranger.ID); !found || !stranger.Active || stranger.ExternalID != "" {
		fault("the account of somebody whom Okta does not know was touched")
	}
	return inStep, faults
}

// same tells whether an account is active and says what Okta says. A title
// that is blank in Okta does not count.
func same(p oktatest.Profile, u zenqmstest.User) bool {
	return u.Active && strings.EqualFold(u.Email, p.Email) && u.FirstName == p.FirstName && u.LastName == p.LastName &&
		(p.Title == "" || u.Title == p.Title)
}

// checkReports holds what zensync says of itself against what is known here.
func (s *stage) checkReports(ctx context.Context) error {
	var skipped []struct {
		OktaID string `json:"okta_id"`
		Reason string `json:"reason"`
	}
	if err := s.ask(ctx, &skipped, "report", "skipped"); err != nil {
		return err
	}
	reasons := map[string]string{}
	for _, row := range skipped {
		reasons[row.OktaID] = row.Reason
	}
	if len(reasons) != 2 || !strings.Contains(reasons[s.cast.nameless.ID], "last name") ||
		!strings.Contains(reasons[s.cast.second.ID], s.cast.first.ID) {
		return fmt.Errorf("the skip report is not the two people and their reasons: %v", skipped)
	}
	var status struct {
		Queue       struct{ Held, Dead int64 }
		Links       struct{ Active, Inactive int64 }
		Hook        struct{ Status string }
		RelayAlive  bool `json:"relay_alive"`
		WorkerAlive bool `json:"worker_alive"`
	}
	if err := s.ask(ctx, &status, "status"); err != nil {
		return err
	}
	inStep, _ := s.differences()
	switch {
	case !status.RelayAlive || !status.WorkerAlive:
		return errors.New("status does not know that relay and worker are up")
	case status.Queue.Held+status.Queue.Dead != 0:
		return fmt.Errorf("status counts %d held and %d dead", status.Queue.Held, status.Queue.Dead)
	case status.Links.Active != int64(inStep):
		return fmt.Errorf("status counts %d active links, and %d people are in step", status.Links.Active, inStep)
	}
	return nil
}
