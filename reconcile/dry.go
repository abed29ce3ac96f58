package reconcile

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// dry is a ZenQMS that only pretends: it reads the real one, keeps what it is
// told to write to itself, and answers from then on as if it had been written.
// It says no to what it can know ZenQMS to refuse, an address that is
// another account's and an id that nobody has, and yes to all else.
//
// It cannot send a write: of the real ZenQMS it has only the half that reads.
type dry struct {
	real accounts

	mu      sync.Mutex
	changed map[string]zenqms.User // by id: the accounts as they would be
	made    int                    // how many of those would be new

	byAddress, byExternalID index // of changed

	listed map[string]bool // addresses of the pages read so far
	page   int             // the last of those
	all    bool            // they were all pages there are
}

func newDry(real accounts) *dry {
	return &dry{real: real, changed: map[string]zenqms.User{}, byAddress: index{}, byExternalID: index{}, listed: map[string]bool{}}
}

// pretendedPrefix begins the ids of accounts that would be new. No server gives
// such an id.
const pretendedPrefix = "new-"

func pretendedID(n int) string { return pretendedPrefix + strconv.Itoa(n) }

func (d *dry) Ping(ctx context.Context) error { return d.real.Ping(ctx) }

func (d *dry) Fetch(ctx context.Context, page int) (zenqms.Listed, error) {
	return d.real.Fetch(ctx, page)
}

func (d *dry) Follow(page zenqms.Listed) (zenqms.Page, error) {
	p, err := d.real.Follow(page)
	if err != nil {
		return p, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noteListed(p.Page, p)
	users := make([]zenqms.User, len(p.Users))
	for i, u := range p.Users {
		users[i] = d.pretended(u)
	}
	if !p.More {
		for n := range d.made {
			users = append(users, d.changed[pretendedID(n+1)])
		}
	}
	p.Users = users
	return p, nil
}

// noteListed remembers the addresses of a page, if it is the first or follows
// the one read last.
func (d *dry) noteListed(page int, p zenqms.Page) {
	switch {
	case page == 1 && !d.all:
		d.listed = map[string]bool{}
	case page != d.page+1:
		return
	}
	d.page = page
	for _, u := range p.Users {
		d.listed[store.Address(u.Email)] = true
	}
	d.all = d.all || !p.More
}

// pretended is an account of the real ZenQMS as it would be.
func (d *dry) pretended(u zenqms.User) zenqms.User {
	if changed, ok := d.changed[u.ID]; ok {
		return changed
	}
	return u
}

func (d *dry) ByID(ctx context.Context, id string) (zenqms.User, error) {
	d.mu.Lock()
	u, ok := d.changed[id]
	d.mu.Unlock()
	if ok {
		return u, nil
	}
	return d.real.ByID(ctx, id)
}

func (d *dry) ByEmail(ctx context.Context, email string) ([]zenqms.User, error) {
	found, err := d.real.ByEmail(ctx, email)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at(email, found), nil
}

func (d *dry) ByExternalID(ctx context.Context, externalID string) ([]zenqms.User, bool, error) {
	found, honoured, err := d.real.ByExternalID(ctx, externalID)
	if err != nil {
		return nil, false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.overlay(found, d.byExternalID, externalID, func(u zenqms.User) bool { return u.ExternalID == externalID }), honoured, nil
}

// overlay is what a search would find: of what it did find the accounts that
// would still match, then those that only would, by id.
func (d *dry) overlay(found []zenqms.User, pretended index, value string, matches func(zenqms.User) bool) []zenqms.User {
	var would []zenqms.User
	for _, u := range found {
		if u = d.pretended(u); matches(u) {
			would = append(would, u)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(pretended[value])) {
		if !slices.ContainsFunc(would, func(u zenqms.User) bool { return u.ID == id }) {
			would = append(would, d.changed[id])
		}
	}
	return would
}

func (d *dry) Create(ctx context.Context, n zenqms.NewUser) (zenqms.User, error) {
	const op = "create user"
	holders, err := d.holders(ctx, n.Email)
	if err != nil {
		return zenqms.User{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.at(n.Email, holders)) > 0 {
		return zenqms.User{}, taken(op)
	}
	d.made++
	u := zenqms.User{ID: pretendedID(d.made), Email: n.Email, FirstName: n.FirstName, LastName: n.LastName,
		Title: n.Title, Active: n.Active, ExternalID: n.ExternalID}
	d.put(u)
	return u, nil
}

func (d *dry) Update(ctx context.Context, id string, p zenqms.Patch) (zenqms.User, error) {
	op := "update user " + id
	if p.Empty() {
		return zenqms.User{}, errors.New("zenqms: " + op + ": the patch is empty")
	}
	u, err := d.ByID(ctx, id)
	if err != nil {
		return zenqms.User{}, err
	}
	var holders []zenqms.User
	if p.Email != nil {
		if holders, err = d.holders(ctx, *p.Email); err != nil {
			return zenqms.User{}, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.Email != nil && slices.ContainsFunc(d.at(*p.Email, holders), func(other zenqms.User) bool { return other.ID != id }) {
		return zenqms.User{}, taken(op)
	}
	u = patched(d.pretended(u), p)
	d.put(u)
	return u, nil
}

func (d *dry) Roles(ctx context.Context) ([]zenqms.Role, error) { return d.real.Roles(ctx) }

func (d *dry) AddRoles(ctx context.Context, id string, roleIDs []string) (zenqms.User, error) {
	return d.setRoles(ctx, id, func(have []zenqms.Role) []zenqms.Role {
		for _, role := range roleIDs {
			if !slices.ContainsFunc(have, func(r zenqms.Role) bool { return r.ID == role }) {
				have = append(have, zenqms.Role{ID: role, Name: role}) // an answer would have the name; nobody asks this one
			}
		}
		return have
	})
}

func (d *dry) RemoveRoles(ctx context.Context, id string, roleIDs []string) (zenqms.User, error) {
	return d.setRoles(ctx, id, func(have []zenqms.Role) []zenqms.Role {
		return slices.DeleteFunc(have, func(r zenqms.Role) bool { return slices.Contains(roleIDs, r.ID) })
	})
}

func (d *dry) setRoles(ctx context.Context, id string, change func([]zenqms.Role) []zenqms.Role) (zenqms.User, error) {
	u, err := d.ByID(ctx, id)
	if err != nil {
		return zenqms.User{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	u = d.pretended(u)
	u.Roles = change(slices.Clone(u.Roles))
	d.put(u)
	return u, nil
}

// holders are the accounts of the real ZenQMS that have an address. After all
// of its pages were read, one that was on none of them is not asked for.
func (d *dry) holders(ctx context.Context, email string) ([]zenqms.User, error) {
	d.mu.Lock()
	free := d.all && !d.listed[store.Address(email)]
	d.mu.Unlock()
	if free {
		return nil, nil
	}
	return d.real.ByEmail(ctx, email)
}

// at are the accounts that would have an address, given those that have it.
func (d *dry) at(email string, holders []zenqms.User) []zenqms.User {
	return d.overlay(holders, d.byAddress, store.Address(email), func(u zenqms.User) bool { return store.Address(u.Email) == store.Address(email) })
}

// put keeps an account as it would be.
func (d *dry) put(u zenqms.User) {
	if old, ok := d.changed[u.ID]; ok {
		d.byAddress.drop(store.Address(old.Email), u.ID)
		d.byExternalID.drop(old.ExternalID, u.ID)
	}
	d.changed[u.ID] = u
	d.byAddress.add(store.Address(u.Email), u.ID)
	d.byExternalID.add(u.ExternalID, u.ID)
}

// patched is an account with what a patch names.
func patched(u zenqms.User, p zenqms.Patch) zenqms.User {
	for to, from := range map[*string]*string{
		&u.Email: p.Email, &u.FirstName: p.FirstName, &u.LastName: p.LastName, &u.Title: p.Title, &u.ExternalID: p.ExternalID,
	} {
		if from != nil {
			*to = *from
		}
	}
	if p.Active != nil {
		u.Active = *p.Active
	}
	return u
}

func taken(op string) error {
	return &zenqms.Error{Op: op, Status: http.StatusConflict, Message: "another user has this address"}
}

// index finds ids by a value they share.
type index map[string]map[string]bool

func (x index) add(value, id string) {
	if x[value] == nil {
		x[value] = map[string]bool{}
	}
	x[value][id] = true
}

func (x index) drop(value, id string) { delete(x[value], id) }
