package reconcile

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// stir makes worlds, and changes them.
type stir struct {
	*rapid.T
	*world
	ids    []string
	groups []string // of the config, by Okta id
	roles  []zenqmstest.Role
}

func (s *stir) kind() store.RunKind {
	return rapid.SampledFrom([]store.RunKind{store.InitialRun, store.ReconcileRun}).Draw(s.T, "run")
}

func (s *stir) profile() oktatest.Profile {
	return oktatest.Profile{
		Email:     rapid.SampledFrom([]string{"a@example.com", "b@example.com", "c@example.com", "D@example.com", "e@example.com", ""}).Draw(s.T, "email"),
		FirstName: rapid.SampledFrom([]string{"Ada", "Bo", " ada", ""}).Draw(s.T, "first"),
		LastName:  rapid.SampledFrom([]string{"Byron", "Cole"}).Draw(s.T, "last"),
		Title:     rapid.SampledFrom([]string{"", "Analyst", "Chief"}).Draw(s.T, "title"),
	}
}

func (s *stir) status() string {
	return rapid.SampledFrom([]string{oktatest.Active, oktatest.Active, oktatest.Active, oktatest.Suspended, oktatest.Deprovisioned, "ACTIVATING"}).Draw(s.T, "status")
}

func (s *stir) populate() {
	s.hireOne(oktatest.Profile{Email: "root@example.com", FirstName: "Root", LastName: "Admin"}, oktatest.Active) // an empty org fails a walk
	for range rapid.IntRange(1, 6).Draw(s.T, "users") {
		s.hireOne(s.profile(), s.status())
	}
	for range rapid.IntRange(0, 4).Draw(s.T, "accounts") {
		s.open()
	}
	s.org.DropAll()
}

func (s *stir) hireOne(p oktatest.Profile, status string) {
	s.pass(time.Second)
	p.Login = fmt.Sprintf("user%d", len(s.ids))
	id := s.org.AddUser(p, status).ID
	s.ids = append(s.ids, id)
	for _, g := range s.groups {
		if s.isThere(g) && rapid.Bool().Draw(s.T, "joins") {
			s.org.AddMember(g, id)
		}
	}
}

// mapping draws roles that groups give, many to many, and groups that limit
// scope; a group may do both.
func (s *stir) mapping() {
	for _, name := range []string{"QA", "Lab", "Boss"}[:rapid.SampledFrom([]int{0, 2, 3}).Draw(s.T, "groups")] {
		s.groups = append(s.groups, s.org.AddGroup(name))
	}
	if len(s.groups) == 0 {
		return
	}
	group := func(i int) store.MappedGroup { return store.MappedGroup{Configured: idText(int64(i)), ID: s.groups[i]} }
	var pairs []store.RolePair
	for i, name := range []string{"Reviewer", "Approver"}[:rapid.IntRange(0, 2).Draw(s.T, "roles")] {
		role := s.acct.AddRole(name)
		s.roles = append(s.roles, role)
		for _, from := range []int{i, i + 1} {
			if from < len(s.groups) {
				pairs = append(pairs, store.RolePair{Group: group(from), RoleID: idText(role.ID), RoleName: name, Configured: fmt.Sprintf("%d -> %s", from, name)})
			}
		}
	}
	s.update(func(tx *store.Tx) error {
		if rapid.Bool().Draw(s.T, "scope") {
			last := len(s.groups) - 1
			if err := tx.SetScopeGroups([]store.MappedGroup{group(last)}); err != nil {
				return err
			}
		}
		return tx.SetRolePairs(pairs)
	})
}

func (s *stir) isThere(group string) bool {
	return slices.ContainsFunc(s.org.Groups(), func(known oktatest.Group) bool { return known.ID == group })
}

// regroup lets somebody join or leave a group, takes a role away or gives one
// by hand, deletes a group, or makes one unreadable.
func (s *stir) regroup(id string) {
	if len(s.groups) == 0 {
		return
	}
	g := rapid.SampledFrom(s.groups).Draw(s.T, "group")
	there := s.isThere(g)
	_, hired := s.org.User(id)
	switch what := rapid.IntRange(0, 9).Draw(s.T, "of groups"); {
	case what == 0 && there:
		s.org.DeleteGroup(g)
	case what == 1:
		s.org.Fail(oktatest.Match{Prefix: "/api/v1/groups/" + g}, -1, oktatest.Fault{Status: http.StatusForbidden})
	case what == 2 && len(s.roles) > 0:
		s.acct.RemoveRole(rapid.SampledFrom(s.roles).Draw(s.T, "role").ID)
	case what <= 4 && len(s.roles) > 0 && s.acct.Len() > 0:
		u := rapid.SampledFrom(s.acct.Users()).Draw(s.T, "account")
		s.acct.Edit(u.ID, toggle(rapid.SampledFrom(s.roles).Draw(s.T, "role")))
	case there && hired && slices.Contains(s.org.Members(g), id):
		s.org.RemoveMember(g, id)
	case there && hired:
		s.org.AddMember(g, id)
	}
}

// open makes an account in ZenQMS by hand, as ZenQMS would allow it.
func (s *stir) open() {
	p := s.profile()
	u := zenqmstest.User{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName, Title: p.Title, Active: rapid.Bool().Draw(s.T, "active")}
	if rapid.Bool().Draw(s.T, "linked before") {
		u.ExternalID = rapid.SampledFrom(append([]string{"legacy"}, s.ids...)).Draw(s.T, "external id")
	}
	if _, taken := s.acct.ByEmail(p.Email); !taken && p.Email != "" {
		s.acct.AddUser(u)
	}
}

// stir lets a few things happen on both sides; some hooks arrive, some do not.
func (s *stir) stir() {
	for range rapid.IntRange(0, 5).Draw(s.T, "changes") {
		s.pass(10 * time.Second)
		id := rapid.SampledFrom(s.ids).Draw(s.T, "who")
		_, there := s.org.User(id)
		switch what := rapid.IntRange(0, 11).Draw(s.T, "what"); {
		case what <= 4 && !there:
			continue
		case what <= 1:
			s.org.UpdateProfile(id, func(p *oktatest.Profile) {
				next := s.profile()
				next.Login = p.Login
				*p = next
			})
		case what <= 3:
			s.org.SetStatus(id, s.status())
		case what == 4:
			s.org.Delete(id)
		case what == 5:
			s.hireOne(s.profile(), oktatest.Active)
		case what == 6:
			s.open()
		case what == 7:
			s.byHand()
		case what == 8:
			s.hooks() // stored, not worked on: open promises
		default:
			s.regroup(id)
		}
		if rapid.Bool().Draw(s.T, "lost") {
			s.org.DropAll()
		}
	}
	s.walkWanted()
}

// walkWanted makes the walks that were asked for meanwhile, as by the end of a
// group, and leaves the outbox as it is.
func (s *stir) walkWanted() {
	for started := true; started; {
		var run store.Run
		s.update(func(tx *store.Tx) (err error) {
			run, started, err = tx.StartRun()
			return err
		})
		if started {
			require.NoError(s, s.w.walk(s.Context(), run))
		}
	}
}

// byHand edits or removes an account in ZenQMS.
func (s *stir) byHand() {
	users := s.acct.Users()
	if len(users) == 0 {
		return
	}
	u := rapid.SampledFrom(users).Draw(s.T, "account")
	if rapid.IntRange(0, 4).Draw(s.T, "removed") == 0 {
		s.acct.Remove(u.ID)
		return
	}
	s.acct.Edit(u.ID, func(u *zenqmstest.User) {
		u.Title, u.Active = "By hand", rapid.Bool().Draw(s.T, "active")
		if rapid.Bool().Draw(s.T, "unlinked") {
			u.ExternalID = ""
		}
	})
}
