package demo

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// Ensure that a service that does not come up fails the demo, at once and in
// words, and that nothing is left behind.
func TestRunFailsWithItsService(t *testing.T) {
	quitter, err := exec.LookPath("false")
	require.NoError(t, err)
	for name, program := range map[string]struct{ path, want string }{
		"ends at once": {quitter, "zensync run has ended: exit status 1"},
		"is not there": {"/nonexistent/zensync", "start zensync run: fork/exec /nonexistent/zensync: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			var out bytes.Buffer
			err := Run(t.Context(), Options{Program: program.path, Out: &out})
			require.ErrorContains(t, err, "the demo failed: "+program.want)
			left, err := os.ReadDir(os.TempDir())
			require.NoError(t, err)
			assert.Empty(t, left, "the temporary folder must go")
			assert.NotContains(t, out.String(), "\x1b", "no colours but on a terminal")
		})
	}
}

// Ensure that the comparison notices every kind of difference, so that a demo
// that passes means something.
func TestDifferences(t *testing.T) {
	for name, spoil := range map[string]func(*stage){
		"nothing": nil,
		"an account is missing": func(s *stage) {
			s.account.Remove(s.cast.account.ID)
		},
		"an account is linked to nobody": func(s *stage) {
			s.edit(s.cast.account.ID, func(u *zenqmstest.User) { u.ExternalID = "" })
		},
		"a title is old": func(s *stage) {
			s.edit(s.cast.account.ID, func(u *zenqmstest.User) { u.Title = "Trainee" })
		},
		"a live user is inactive": func(s *stage) {
			s.edit(s.cast.account.ID, func(u *zenqmstest.User) { u.Active = false })
		},
		"a leaver is active": func(s *stage) {
			leaver, _ := s.account.ByExternalID(s.cast.leaver.ID)
			s.edit(leaver.ID, func(u *zenqmstest.User) { u.Active = true })
		},
		"the rehire has a new account": func(s *stage) {
			s.edit(s.cast.old.ID, func(u *zenqmstest.User) { u.ExternalID = "" })
			s.account.AddUser(accountFor(s.cast.rehire))
		},
		"a skipped user has an account": func(s *stage) {
			s.account.AddUser(accountFor(s.cast.nameless))
		},
		"a stranger was touched": func(s *stage) {
			s.edit(s.cast.stranger.ID, func(u *zenqmstest.User) { u.Active = false })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := inStep(t)
			if spoil == nil {
				count, faults := s.differences()
				assert.Empty(t, faults)
				assert.Equal(t, 293, count)
				return
			}
			spoil(s)
			_, faults := s.differences()
			assert.NotEmpty(t, faults)
		})
	}
}

// inStep is a stage on which somebody has done zensync's work by hand.
func inStep(t *testing.T) *stage {
	s := &stage{org: oktatest.New(oktatest.Options{}), account: zenqmstest.New(zenqmstest.Options{})}
	var err error
	s.cast, err = populate(s.org, s.account)
	require.NoError(t, err)
	for _, u := range s.org.Users() {
		before, known := s.account.ByEmail(u.Profile.Email)
		switch {
		case u.ID == s.cast.nameless.ID || u.ID == s.cast.second.ID:
		case u.ID == s.cast.leaver.ID:
			s.edit(before.ID, func(a *zenqmstest.User) { a.ExternalID, a.Active = u.ID, false })
		case u.Status == oktatest.Deprovisioned || u.Status == oktatest.Suspended:
		case known:
			s.edit(before.ID, func(a *zenqmstest.User) { *a = accountFor(u) })
		default:
			s.account.AddUser(accountFor(u))
		}
	}
	return s
}

func (s *stage) edit(id int64, change func(*zenqmstest.User)) {
	if !s.account.Edit(id, change) {
		panic("no such account")
	}
}

// accountFor is the account of a live user as zensync leaves it.
func accountFor(u oktatest.User) zenqmstest.User {
	return zenqmstest.User{Email: u.Profile.Email, FirstName: u.Profile.FirstName, LastName: u.Profile.LastName,
		Title: u.Profile.Title, ExternalID: u.ID, Active: true}
}
