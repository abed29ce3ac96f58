package reconcile

import (
	"context"

	"github.com/zensync/zensync/reconcile/zenqms"
)

// ZenQMS is all that the worker asks of ZenQMS. *zenqms.Client is it; a plan
// has one that pretends. Each of the two states in its own words what this
// contract asks of both:
//
//   - It may be used by many goroutines at once.
//   - What ZenQMS does not have so is a *zenqms.Error with its status; status 0
//     is no answer, after which a write may have happened.
//   - After a write that was accepted the answers show it.
type ZenQMS interface {
	accounts

	// Create makes an account and gives it as it then is. It is not
	// repeatable. An address that is another account's is status 409.
	Create(ctx context.Context, n zenqms.NewUser) (zenqms.User, error)

	// Update sets what the patch, which must not be empty, names, and gives
	// the account as it then is. It is repeatable. Without such an account it
	// is status 404, with an address that is another's 409, and nothing is set.
	Update(ctx context.Context, id string, p zenqms.Patch) (zenqms.User, error)

	// AddRoles and RemoveRoles give and take roles by id, of which there must
	// be one, and give the account as it then is. They are repeatable. Without
	// such an account it is status 404.
	AddRoles(ctx context.Context, id string, roleIDs []string) (zenqms.User, error)
	RemoveRoles(ctx context.Context, id string, roleIDs []string) (zenqms.User, error)
}

// accounts is the half of ZenQMS that changes nothing.
type accounts interface {
	// Ping makes a call that harms nobody, and tells whether the key is
	// accepted.
	Ping(ctx context.Context) error

	// Fetch reads one page of all accounts, counted from 1.
	Fetch(ctx context.Context, page int) (zenqms.Listed, error)

	// Follow gives the accounts of a page. It is told of the pages in their
	// order, the first one again for another reading; they end with one that
	// has no More.
	Follow(page zenqms.Listed) (zenqms.Page, error)

	// Roles gives all roles there are.
	Roles(ctx context.Context) ([]zenqms.Role, error)

	// ByID gives the account with this id; without one it is status 404.
	ByID(ctx context.Context, id string) (zenqms.User, error)

	// ByEmail gives the accounts that have this address, in whatever case.
	ByEmail(ctx context.Context, email string) ([]zenqms.User, error)

	// ByExternalID gives the accounts that carry an external id. They are all
	// of them only when honoured says so.
	ByExternalID(ctx context.Context, externalID string) (found []zenqms.User, honoured bool, err error)
}
