package oktatest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A user's statuses.
const (
	Staged          = "STAGED"
	Provisioned     = "PROVISIONED"
	Active          = "ACTIVE"
	Recovery        = "RECOVERY"
	PasswordExpired = "PASSWORD_EXPIRED"
	LockedOut       = "LOCKED_OUT"
	Suspended       = "SUSPENDED"
	Deprovisioned   = "DEPROVISIONED"
)

// Profile is a user's profile. On the wire an empty login, email, first or
// last name is null, as Okta writes the attributes every user has; an empty
// title is absent if the user never had one, and null once it was taken away.
type Profile struct {
	Login, Email, FirstName, LastName, Title string
	// Extra holds further attributes as they are to be sent; a key of the five
	// above ("title") overrides it, so that nil and odd types can be sent.
	Extra map[string]any
}

func (p Profile) clone() Profile {
	p.Extra = maps.Clone(p.Extra)
	return p
}

// User is a user at one moment.
type User struct {
	ID, Status, TransitioningTo                    string
	Created, Activated, StatusChanged, LastUpdated time.Time // zero: null on the wire
	Profile                                        Profile
}

// state is what of a user may change, apart from groups.
type state struct {
	status, transitioning                 string
	activated, statusChanged, lastUpdated time.Time
	profile                               Profile
	hadTitle                              bool
	loaded                                *loaded // what Load read beyond this; nil if added
}

// user is one user and, in an org with a lagging search, his past.
type user struct {
	id        string
	created   time.Time
	at        int       // index in Org.users
	since     time.Time // when search may first see him, lag aside; zero: always
	deleting  bool
	deletedAt time.Time
	groups    []*group // in the order of joining
	state
	// past holds earlier states, oldest first, each with the time it ended.
	// Filled only if Options.SearchLag is set.
	past []pastState
}

type pastState struct {
	state
	until time.Time
}

func (u *user) view() User {
	return User{
		ID: u.id, Status: u.status, TransitioningTo: u.transitioning,
		Created: u.created, Activated: u.activated, StatusChanged: u.statusChanged, LastUpdated: u.lastUpdated,
		Profile: u.profile.clone(),
	}
}

// AddUser creates a user as an administrator would, and records
// user.lifecycle.create (and user.lifecycle.activate for an ACTIVE one). An
// empty login is taken from the email.
func (o *Org) AddUser(p Profile, status string) User {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.addUser(p, status)
	u.since = o.now()
	o.record("user.lifecycle.create", nil, u.target())
	if status == Active {
		o.record("user.lifecycle.activate", nil, u.target())
	}
	return u.view()
}

// Seed adds a user who has been there all along: no event is recorded.
func (o *Org) Seed(p Profile, status string) User {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.addUser(p, status).view()
}

func (o *Org) addUser(p Profile, status string) *user {
	if p.Login == "" {
		p.Login = p.Email
	}
	now := o.stamp(time.Time{})
	u := &user{id: o.newID("00u"), created: now, state: state{
		status: status, lastUpdated: now, profile: p.clone(), hadTitle: p.Title != "",
	}}
	if status != Staged {
		u.activated, u.statusChanged = now, now
	}
	o.enter(u)
	return u
}

// enter puts a user into the list and the indexes.
func (o *Org) enter(u *user) {
	if login := strings.ToLower(u.profile.Login); login != "" && o.byLogin[login] != nil {
		panic(fmt.Sprintf("oktatest: login %q is taken", u.profile.Login))
	}
	u.at = len(o.users)
	o.users = append(o.users, u)
	o.byID[u.id] = u
	o.index(u)
}

func (o *Org) index(u *user) {
	if login := strings.ToLower(u.profile.Login); login != "" {
		o.byLogin[login] = u
	}
	email := strings.ToLower(u.profile.Email)
	o.byEmail[email] = append(o.byEmail[email], u)
}

func (o *Org) unindex(u *user) {
	delete(o.byLogin, strings.ToLower(u.profile.Login))
	email := strings.ToLower(u.profile.Email)
	left := slices.DeleteFunc(o.byEmail[email], func(other *user) bool { return other == u })
	if len(left) == 0 {
		delete(o.byEmail, email)
	} else {
		o.byEmail[email] = left
	}
}

// mustUser returns the user with the id; o.mu is held.
func (o *Org) mustUser(id string) *user {
	u := o.byID[id]
	if u == nil {
		panic(fmt.Sprintf("oktatest: no user %q", id))
	}
	return u
}

// User returns the user with the id.
func (o *Org) User(id string) (User, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	u := o.byID[id]
	if u == nil {
		return User{}, false
	}
	return u.view(), true
}

// Users returns all users, DEPROVISIONED ones too, in the order of creation.
func (o *Org) Users() []User {
	o.mu.RLock()
	defer o.mu.RUnlock()
	all := make([]User, 0, len(o.byID))
	for _, u := range o.users {
		if u != nil {
			all = append(all, u.view())
		}
	}
	return all
}

// UpdateProfile changes a user's profile, moves lastUpdated and records
// user.account.update_profile, even if change changes nothing.
func (o *Org) UpdateProfile(id string, change func(*Profile)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	u := o.mustUser(id)
	p := u.profile.clone()
	change(&p)
	if other := o.byLogin[strings.ToLower(p.Login)]; other != nil && other != u {
		panic(fmt.Sprintf("oktatest: login %q is taken", p.Login))
	}
	changed := changedAttributes(u.profile, p)
	o.touch(u)
	o.unindex(u)
	u.profile = p
	u.hadTitle = u.hadTitle || p.Title != ""
	o.index(u)
	o.record("user.account.update_profile", changed, u.target())
}

// changedAttributes names what differs, as the event's debug data do.
func changedAttributes(old, p Profile) []string {
	var names []string
	for _, f := range []struct{ name, old, new string }{
		{"login", old.Login, p.Login},
		{"email", old.Email, p.Email},
		{"firstName", old.FirstName, p.FirstName},
		{"lastName", old.LastName, p.LastName},
		{"title", old.Title, p.Title},
	} {
		if f.old != f.new {
			names = append(names, f.name)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(p.Extra)) {
		if v, ok := old.Extra[k]; !ok || fmt.Sprint(v) != fmt.Sprint(p.Extra[k]) {
			names = append(names, k)
		}
	}
	return names
}

// touch moves lastUpdated and, where search lags, keeps the state that ends.
func (o *Org) touch(u *user) {
	if o.opts.SearchLag > 0 {
		u.past = append(u.past, pastState{u.state, o.now()})
	}
	u.lastUpdated = o.stamp(u.lastUpdated)
	if u.loaded != nil {
		u.loaded = u.loaded.changed()
	}
}
