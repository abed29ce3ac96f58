package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/store"
)

// model is what the rules need to know of a history, written down while it
// happens. It knows nothing of how the code decides.
type model struct {
	people     []*human // in the order of hiring; the first never leaves
	strangers  []zenqmstest.User
	edits      map[string]time.Time // by account and field: when a person last changed it
	stays      map[string]keep      // edits that must stay (W1)
	gone       map[int64]time.Time  // accounts that were removed, and when
	walks      []time.Time          // starts
	deployed   time.Time            // start of the last initial walk
	pausedAt   time.Time            // since when a pause is on; zero: none is
	hand       store.Claim          // what the present attempt is for
	titled     bool                 // ZenQMS refuses who has no title
	scope      []*circle            // those that limit it; none: everybody is in scope
	leavers    bool                 // who leaves scope is deactivated
	circles    []*circle
	duties     []*duty
	byHandOnly zenqmstest.Role
	reopened   time.Time        // when a group could last be read again
	keepers    map[int64]string // the first Okta user of an account
	passed     map[int64]bool   // accounts that have passed to another
	raced      bool             // something happened during the present attempt
}

// human is one Okta user.
type human struct {
	id, name string
	deleted  bool
	moved    time.Time           // when Okta last changed him
	left     time.Time           // since when he is gone; zero: he is not
	pushed   time.Time           // last asked for by name, approved, or deployed
	died     time.Time           // when a promise about him was last given up
	retried  time.Time           // when somebody last had such a one tried again, or let roles be taken
	flipped  time.Time           // when he last came into scope or left it
	outs     []time.Time         // when he left it
	was      map[*circle]bool    // groups he has ever been in
	turned   map[int64]time.Time // by role: when his membership for it last changed
	tie      string              // the link he had when grants were last looked at
	grants   map[int64]grant     // by role
	no       map[store.Action]time.Time
	noTo     map[store.Action]time.Time // Okta's lastUpdated of what a person has said no to
	noRoles  []string                   // what his groups gave him as far as the store knew, when a person said no to taking roles from him
	regiven  bool                       // whether they have given him others at an attempt since then
}

// keep is an edit made in ZenQMS to the account of a user who was in step.
type keep struct {
	who   *human
	value any
	at    time.Time
}

func newModel() model {
	return model{edits: map[string]time.Time{}, stays: map[string]keep{}, gone: map[int64]time.Time{},
		keepers: map[int64]string{}, passed: map[int64]bool{}}
}

// mean is rule M2.
func mean(status string) Meaning {
	switch status {
	case oktatest.Active, oktatest.Provisioned, oktatest.Staged, oktatest.Recovery, oktatest.PasswordExpired, oktatest.LockedOut:
		return Live
	case oktatest.Suspended, oktatest.Deprovisioned:
		return Gone
	}
	return LeaveAlone
}

func (m *model) came(id string) *human {
	p := &human{id: id, name: fmt.Sprintf("u%d", len(m.people)), no: map[store.Action]time.Time{}, noTo: map[store.Action]time.Time{},
		turned: map[int64]time.Time{}, was: map[*circle]bool{}, grants: map[int64]grant{}}
	m.people = append(m.people, p)
	return p
}

func (m *model) find(id string) *human {
	if i := slices.IndexFunc(m.people, func(p *human) bool { return p.id == id }); i >= 0 {
		return m.people[i]
	}
	return nil
}

func (m *model) nameOf(id string) string {
	if p := m.find(id); p != nil {
		return p.name
	}
	return id
}

// moved notes that Okta has changed somebody.
func (m *model) moved(id string, org *oktatest.Org) {
	p := m.find(id)
	u, there := org.User(id)
	p.moved, p.deleted = time.Now(), !there
	switch {
	case there && mean(u.Status) != Gone:
		p.left = time.Time{}
	case p.left.IsZero():
		p.left = time.Now()
	}
}

// due is when what is in ZenQMS had last to be brought in step: edits made
// before are overwritten (W1).
func (p *human) due() time.Time {
	if p.pushed.After(p.moved) && !p.died.After(p.pushed) && !p.flipped.After(p.pushed) {
		return p.pushed
	}
	return p.moved
}

func (m *model) pushed(id string) { m.find(id).pushed = time.Now() }

// approved notes a person's yes; that to taking roles concerns them alone.
func (m *model) approved(h store.Hold) {
	if h.Action == store.ActRemoveRole {
		m.find(h.OktaID).retried = time.Now()
		return
	}
	m.pushed(h.OktaID)
}

func (m *model) walked(kind store.RunKind) {
	m.walks = append(m.walks, time.Now())
	if kind == store.InitialRun {
		m.deployed = time.Now()
	}
}

func place(account int64, field string) string { return fmt.Sprintf("%d %s", account, field) }

// edited notes a change by hand to an account; who is the user in step whose
// account it is, nil for none.
func (m *model) edited(u zenqmstest.User, field string, who *human) {
	m.edits[place(u.ID, field)] = time.Now()
	delete(m.stays, place(u.ID, field))
	if who != nil {
		m.stays[place(u.ID, field)] = keep{who: who, at: time.Now()}
	}
}

func (m *model) kept(account int64, field string, after zenqmstest.User) {
	if k, ok := m.stays[place(account, field)]; ok {
		k.value = valueOf(after, field)
		m.stays[place(account, field)] = k
	}
}

// owned notes whose an account is.
func (m *model) owned(account int64, id string) {
	if first, known := m.keepers[account]; known && id != "" && id != first {
		m.passed[account] = true
	} else if id != "" {
		m.keepers[account] = id
	}
}

// heard notes what an event says of groups.
func (m *model) heard(kind string, groups []string) {
	for _, c := range m.circles {
		if kind == store.GroupDelete && slices.Contains(groups, c.id) {
			c.told, m.reopened = true, time.Now()
		}
	}
}

func (m *model) removed(account int64) { m.gone[account] = time.Now() }

func valueOf(u zenqmstest.User, field string) any {
	if role, is := strings.CutPrefix(field, "role "); is {
		return slices.ContainsFunc(u.Roles, func(r zenqmstest.Role) bool { return idText(r.ID) == role })
	}
	return map[string]any{fieldEmail: u.Email, fieldFirstName: u.FirstName, fieldLastName: u.LastName, fieldTitle: u.Title,
		fieldActive: u.Active, fieldExternalID: u.ExternalID}[field]
}

// discarded notes a person's no, to the user as the store knows him.
func (h *history) discarded(hold store.Hold) {
	p := h.find(hold.OktaID)
	p.no[hold.Action] = time.Now()
	h.view(func(tx *store.Tx) error {
		st, err := tx.Standing(p.id)
		p.noTo[hold.Action] = st.Updated
		if hold.Action == store.ActRemoveRole {
			p.noRoles, p.regiven = st.Entitled, false
		}
		return err
	})
}
