package zenqmstest

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultToken is the token an Account accepts when Options names none.
const DefaultToken = "zenqmstest-token"

// Options says what kind of account the fake is. The zero value is the
// contract as zensync assumes it.
type Options struct {
	// Now is the clock of the rate limit and the journal; nil is time.Now.
	Now func() time.Time
	// Token is the one accepted; "" is DefaultToken.
	Token string
	// AuthHeader and AuthPrefix say where the token is looked for; "" is
	// Authorization and, if both are empty, "Bearer ".
	AuthHeader, AuthPrefix string

	IgnoreExternalIDFilter bool // a search by external_id gives all users
	RefuseExternalIDFilter bool // a search by external_id is 422
	IgnoreFilters          bool // every search gives all users
	RequireTitle           bool // a blank title is 422
	UniqueExternalIDs      bool // an external_id in use is 409
	TextIDs                bool // ids are JSON strings instead of numbers

	// FirstID is the id of the first user; 0 is 1.
	FirstID int64
	// PageCap is the most rows a page holds, whatever was asked for; 0 is no
	// cap beyond the contract's 100.
	PageCap int
	// Total turns the true number of matches into the one stated; a negative
	// result leaves it out. nil states the truth.
	Total func(matches int) int
	// RatePerSecond is the number of calls answered in any one second of the
	// clock, beyond which they are 429; 0 is no limit.
	RatePerSecond int
	// NoJournal keeps no calls, for benchmarks.
	NoJournal bool
}

// Account is a fake ZenQMS account. Its methods may be called by many
// goroutines at once, also while it answers calls.
type Account struct {
	opts Options

	mu         sync.Mutex
	token      string
	latency    time.Duration
	lax        bool    // see AllowDoubles
	users      []*User // by id, which is the order of a search
	byID       map[int64]*User
	byEmail    map[string][]*User // lower case, each by id
	byExternal map[string][]*User // each by id
	nextUser   int64
	emptied    bool   // there were users, and all were removed
	roles      []Role // by id
	nextRole   int64
	faults     []*armed
	calls      []Call
	second     int64 // the Unix second that answered counts
	answered   int
}

// AllowDoubles has the account take an address that is in use from now on, as no
// ZenQMS does: where nobody refuses the second account of a person, it shows
// whether somebody asks for it.
func (a *Account) AllowDoubles() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lax = true
}

// User is a user of the account. External id "" is none, null on the wire.
type User struct {
	ID         int64
	Email      string
	FirstName  string
	LastName   string
	Title      string
	Active     bool
	ExternalID string
	Roles      []Role
}

// Role is a role of the account.
type Role struct {
	ID   int64
	Name string
}

// New makes an account without users and roles.
func New(opts Options) *Account {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.AuthHeader == "" && opts.AuthPrefix == "" {
		opts.AuthPrefix = "Bearer "
	}
	opts.AuthHeader = cmp.Or(opts.AuthHeader, "Authorization")
	return &Account{
		opts:       opts,
		token:      cmp.Or(opts.Token, DefaultToken),
		byID:       map[int64]*User{},
		byEmail:    map[string][]*User{},
		byExternal: map[string][]*User{},
		nextUser:   cmp.Or(opts.FirstID, 1),
		nextRole:   1,
	}
}

// SetToken changes the one token that is accepted, as when it is revoked.
func (a *Account) SetToken(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.token = token
}

// IgnoreFilters sets Options.IgnoreFilters.
func (a *Account) IgnoreFilters(ignore bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opts.IgnoreFilters = ignore
}

// AddUser adds a user under the next id, which it gives, by hand: nothing is
// checked, so two users may share an address or external id.
func (a *Account) AddUser(u User) User {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.copyOf(a.insert(u))
}

// User gives the user with this id.
func (a *Account) User(id int64) (User, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.first([]*User{a.byID[id]})
}

// ByEmail gives the user with this address, the oldest if there are several.
func (a *Account) ByEmail(email string) (User, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.first(a.byEmail[strings.ToLower(email)])
}

// ByExternalID gives the user with this external id, the oldest if there are
// several.
func (a *Account) ByExternalID(externalID string) (User, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.first(a.byExternal[externalID])
}

// Users gives all users by id.
func (a *Account) Users() []User {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.copies(a.users)
}

// Len gives the number of users.
func (a *Account) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.users)
}

// Edit changes a user by hand, as an administrator does in ZenQMS. The id
// stays. It tells whether there is such a user.
func (a *Account) Edit(id int64, change func(*User)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.byID[id]
	if u == nil {
		return false
	}
	next := a.copyOf(u)
	change(&next)
	a.replace(u, next)
	return true
}

// Remove makes a user vanish, as no API call can. It tells whether there was
// such a user.
func (a *Account) Remove(id int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.byID[id]
	if u == nil {
		return false
	}
	a.unindex(u)
	delete(a.byID, id)
	at, _ := slices.BinarySearchFunc(a.users, id, byUserID)
	a.users = slices.Delete(a.users, at, at+1)
	a.emptied = len(a.users) == 0
	return true
}

func byUserID(u *User, id int64) int { return cmp.Compare(u.ID, id) }

// insert, replace and the rest below need a.mu held.

func (a *Account) insert(u User) *User {
	u.ID = a.nextUser
	a.nextUser++
	u.Roles = slices.Clone(u.Roles)
	kept := &u
	a.users = append(a.users, kept)
	a.byID[u.ID] = kept
	a.index(kept)
	return kept
}

func (a *Account) replace(u *User, next User) {
	a.unindex(u)
	next.ID = u.ID
	*u = next
	a.index(u)
}

func (a *Account) index(u *User) {
	add(a.byEmail, strings.ToLower(u.Email), u)
	if u.ExternalID != "" {
		add(a.byExternal, u.ExternalID, u)
	}
}

func (a *Account) unindex(u *User) {
	drop(a.byEmail, strings.ToLower(u.Email), u)
	drop(a.byExternal, u.ExternalID, u)
}

func add(index map[string][]*User, key string, u *User) {
	at, _ := slices.BinarySearchFunc(index[key], u.ID, byUserID)
	index[key] = slices.Insert(index[key], at, u)
}

func drop(index map[string][]*User, key string, u *User) {
	left := slices.DeleteFunc(index[key], func(other *User) bool { return other == u })
	if len(left) == 0 {
		delete(index, key)
		return
	}
	index[key] = left
}

func (a *Account) first(found []*User) (User, bool) {
	if len(found) == 0 || found[0] == nil {
		return User{}, false
	}
	return a.copyOf(found[0]), true
}

func (a *Account) copies(users []*User) []User {
	out := make([]User, 0, len(users))
	for _, u := range users {
		out = append(out, a.copyOf(u))
	}
	return out
}

// copyOf gives a user with roles as they are called now; roles that were
// removed are gone from it.
func (a *Account) copyOf(u *User) User {
	out := *u
	out.Roles = nil
	for _, held := range u.Roles {
		if r, ok := a.roleByID(held.ID); ok {
			out.Roles = append(out.Roles, r)
		}
	}
	return out
}
