// Package oktatest is a fake Okta org, served as an http.Handler: users,
// groups, event hooks and the token endpoint of Okta's management API, with
// its paging, rate-limit headers, error bodies, eventual consistency and
// event-hook deliveries.
//
// It exists so that everything above the network can be tested, and shown
// (zensync demo), without an Okta org. It holds no state outside memory, offers
// no way to change a user over HTTP (change it through the methods of Org, as
// an administrator would in Okta's console), and enforces no admin roles.
//
// Where Okta's documentation is silent the fake takes the answer that is
// hardest on its client, and an option in Options gives the other one.
//
// Methods of Org that are given an id the org does not have, or a login that
// is taken, panic: that is a mistake in the calling test, not a condition to
// handle.
package oktatest

import (
	"crypto/rsa"
	"net/http"
	"sync"
	"time"
)

// Options shape an Org. The zero value is a usable org: no API token, any
// client id, the three scopes of DefaultScopes granted, no rate limit.
type Options struct {
	// Now is the org's clock; nil means time.Now.
	Now func() time.Time
	// BaseURL is the org's own address (no slash at the end) in links and in
	// the audience of client assertions. Empty: the address each request was
	// sent to.
	BaseURL string

	// Token is the API token accepted as "Authorization: SSWS <token>"; empty
	// means that none is.
	Token string
	// ClientID is the service app's id; empty accepts any.
	ClientID string
	// Key checks the RS256 signature of client assertions; nil leaves the
	// signature unchecked.
	Key *rsa.PublicKey
	// KeyID is the kid that client assertions have to name; empty accepts any.
	KeyID string
	// GrantedScopes are the scopes granted to the service app; nil means
	// DefaultScopes.
	GrantedScopes []string
	// PartialGrants gives a token for those of the scopes asked for that are
	// granted, and refuses it with consent_required when there are none; calls
	// for which it has no scope are then refused with insufficient_scope. So
	// Okta's users report it. Without it one missing scope refuses the token with
	// invalid_scope, as its guide for service apps can be read.
	PartialGrants bool
	// RequireDPoP refuses token requests without a DPoP proof, as new service
	// apps do until an administrator unticks it.
	RequireDPoP bool
	// HookReadScope makes reading event hooks need okta.eventHooks.read;
	// without it okta.eventHooks.manage is enough. Okta documents neither.
	HookReadScope bool

	// FirstID is where ids begin to count. Two orgs give the same ids unless
	// theirs differ.
	FirstID uint64
	// PageSizeMax lowers the largest page of every list, so that paging shows
	// with few records; 0 leaves Okta's own (200 users, 1000 members, 10000
	// groups). A larger limit is clamped, not refused.
	PageSizeMax int
	// WholeSeconds cuts users' times to the second, as every user recorded
	// from a real org shows them: two changes within one second then share
	// one lastUpdated. Without it times are in milliseconds and every change
	// moves lastUpdated, even if the clock stands still.
	WholeSeconds bool
	// FilterIgnoresCase compares the texts of filter and search without
	// regard to case. Okta documents neither.
	FilterIgnoresCase bool
	// SearchLag hides changes younger than this from filter, search and q:
	// their source is eventually consistent.
	SearchLag time.Duration
	// OmitDeprovisionedMembers leaves DEPROVISIONED users out of
	// /groups/{id}/users. Okta documents neither.
	OmitDeprovisionedMembers bool
	// RatePerMinute is how many requests each group of endpoints takes per
	// minute before it answers 429; 0 enforces nothing.
	RatePerMinute int
	// RateLimits gives single groups of endpoints a RatePerMinute of their own,
	// as Okta's differ: users (the list), user (one by id), groups, group,
	// token, and other for everything else.
	RateLimits map[string]int

	// AllowHTTPHooks accepts event hooks with an http:// address.
	AllowHTTPHooks bool
	// HookClient calls event hooks; nil means a client that follows no
	// redirects. Its timeout does not matter: every call is given 3 s.
	HookClient *http.Client
	// EventsPerDelivery is how many events DeliverAll puts into one POST at
	// most; 0 means 100. Okta documents no number.
	EventsPerDelivery int
	// Lost is told, with the error of Deliver, of events that AutoDeliver could
	// not hand over. nil: nobody is told, as Okta tells nobody.
	Lost func(error)
}

// DefaultScopes are the scopes of a service app that may read users and groups
// and manage event hooks.
var DefaultScopes = []string{"okta.users.read", "okta.groups.read", "okta.eventHooks.manage"}

// Org is a fake Okta org. Make one with New. All methods are safe for
// concurrent use.
type Org struct {
	opts Options
	mux  *http.ServeMux

	journal journal
	faults  faults
	limiter limiter
	tokens  tokens

	// mu guards what follows. It is never held while the network is used.
	mu        sync.RWMutex
	actor     Actor
	nextID    uint64
	userType  string           // id of the one user type
	users     []*user          // by creation; a deleted user leaves a nil so that cursors stay true
	deleted   []*user          // still seen by a lagging search
	byID      map[string]*user // without the deleted
	byLogin   map[string]*user // lower case; logins are unique
	byEmail   map[string][]*user
	groups    []*group // by creation; nil where one was deleted
	groupByID map[string]*group
	hooks     []*hook
	events    eventLog
}

// New returns an org that holds nothing but the built-in group Everyone.
func New(opts Options) *Org {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.GrantedScopes == nil {
		opts.GrantedScopes = DefaultScopes
	}
	if opts.HookClient == nil {
		opts.HookClient = &http.Client{
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if opts.EventsPerDelivery <= 0 {
		opts.EventsPerDelivery = 100
	}
	o := &Org{
		opts:      opts,
		byID:      map[string]*user{},
		byLogin:   map[string]*user{},
		byEmail:   map[string][]*user{},
		groupByID: map[string]*group{},
		nextID:    opts.FirstID,
	}
	o.tokens.app = App{KeyID: opts.KeyID, GrantedScopes: opts.GrantedScopes, PartialGrants: opts.PartialGrants, RequireDPoP: opts.RequireDPoP}
	o.limiter.perMinute, o.limiter.limits = opts.RatePerMinute, opts.RateLimits
	o.actor = Actor{ID: o.newID("00u"), Type: "User", AlternateID: "admin@example.com", DisplayName: "Ada Admin"}
	o.userType = o.newID("oty")
	o.addGroup("Everyone", builtIn)
	o.mux = o.routes()
	return o
}

// SetActor names the administrator to whom later changes are put down.
func (o *Org) SetActor(a Actor) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.actor = a
}

// now is the org's time in UTC, cut to the milliseconds Okta writes.
func (o *Org) now() time.Time { return o.opts.Now().UTC().Truncate(time.Millisecond) }

// stamp is the time written into a record that last bore prev.
func (o *Org) stamp(prev time.Time) time.Time {
	now := o.now()
	if o.opts.WholeSeconds {
		return now.Truncate(time.Second)
	}
	if !now.After(prev) {
		return prev.Add(time.Millisecond)
	}
	return now
}

const timeLayout = "2006-01-02T15:04:05.000Z"
