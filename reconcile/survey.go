package reconcile

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// userID is the form of a user's id in Okta: other ids begin with other
// letters, and other systems' ids look otherwise.
var userID = regexp.MustCompile(`^00u[A-Za-z0-9]{17}$`)

// Stray is an account that carries an Okta user's id without a link in this
// store.
type Stray struct {
	OktaID   string
	ZenQMSID string
	Email    string
}

// UnlinkSurvey is what an Unlink has before it.
type UnlinkSurvey struct {
	Stage  Stage
	Links  int64 // in the store
	Queue  store.Queue
	HookID string // as stored; "" says nothing

	Sweeps  bool    // ZenQMS itself was looked through, for a store that was lost
	ByForm  bool    // Okta refuses its credential, so that the form alone tells an Okta id
	Found   []Stray // whose external_id is an Okta user's id
	Unknown []Stray // whose external_id looks like one, and Okta knows no such user: left alone
}

// Nothing tells whether there is nothing to unlink at all: the installation is
// not deployed (any more), has no links, and nobody looked further.
func (s UnlinkSurvey) Nothing() bool {
	over := s.Stage.Life == New || s.Stage.Life == Unlinked
	return over && s.Links == 0 && !s.Sweeps && s.HookID == ""
}

// Survey finds out what there is to unlink, and writes nothing. With sweep it
// also reads all users of ZenQMS, and of Okta to tell whose ids they carry; an
// unlinking that was begun so goes on so.
func (u *Unlink) Survey(ctx context.Context, sweep bool) (s UnlinkSurvey, err error) {
	s.Sweeps = sweep
	err = u.DB.View(ctx, func(tx *store.Tx) error {
		if err := u.Binding.Check(tx); err != nil {
			return err
		}
		if s.Stage, err = StageOf(tx); err != nil {
			return err
		}
		links, err := tx.LinkCount()
		if err != nil {
			return err
		}
		s.Links = links.Active + links.Inactive
		if s.Queue, err = tx.Queue(); err != nil {
			return err
		}
		if s.HookID, err = tx.Setting(store.HookID); err != nil {
			return err
		}
		begun, err := tx.Setting(store.UnlinkSweeps)
		s.Sweeps = s.Sweeps || s.Stage.Life == Unlinking && begun != ""
		return err
	})
	if err != nil || !s.Sweeps {
		return s, err
	}
	known, err := u.knownUsers(ctx)
	if err != nil {
		return s, err
	}
	s.ByForm = known == nil
	return s, u.sweep(ctx, &s, known)
}

// knownUsers are the ids of all of Okta's users, nil when Okta refuses the
// credential: then it is over, and cannot be asked any more. An Okta that
// merely fails is an error, for it will say more later.
func (u *Unlink) knownUsers(ctx context.Context) (map[string]bool, error) {
	if u.Okta == nil {
		return nil, u.NoOkta
	}
	known := map[string]bool{}
	for _, filter := range []string{"", deprovisioned} {
		pagesGo := newRound(0)
		for after := ""; ; {
			page, err := patiently(ctx, func(ctx context.Context) (okta.Page, error) {
				return u.Okta.ListUsers(ctx, okta.Query{Filter: filter, Limit: clearingBatch, After: after})
			})
			if v := judge(err); err != nil && (v == credential || v == forbidden) {
				return nil, nil
			}
			before := len(known)
			for _, user := range page.Users {
				known[user.ID] = true
			}
			if err == nil {
				err = pagesGo.next(page.Users)
			}
			if err == nil {
				err = pagesGo.kept(int64(len(known) - before))
			}
			if err != nil {
				return nil, fmt.Errorf("read the users of Okta, to tell their ids from others: %w", err)
			}
			if after = page.Next; after == "" {
				break
			}
		}
	}
	return known, nil
}

// sweep looks through all users of ZenQMS for those who carry an Okta user's
// id. known is nil where Okta cannot be asked.
func (u *Unlink) sweep(ctx context.Context, s *UnlinkSurvey, known map[string]bool) error {
	seen := map[string]bool{}
	return eachAccountPage(ctx, u.ZenQMS, u.DB.Now, func(users []zenqms.User, _ time.Time) error {
		for _, account := range users {
			if seen[account.ID] || !userID.MatchString(account.ExternalID) {
				continue
			}
			seen[account.ID] = true // one may come twice
			stray := Stray{OktaID: account.ExternalID, ZenQMSID: account.ID, Email: account.Email}
			linked, confirmed, err := u.confirm(ctx, stray, known)
			switch {
			case err != nil:
				return err
			case linked:
			case confirmed:
				s.Found = append(s.Found, stray)
			default:
				s.Unknown = append(s.Unknown, stray)
			}
		}
		return nil
	})
}

// confirm tells whether an account is linked in this store anyway, and else
// whether the id it carries is an Okta user's.
func (u *Unlink) confirm(ctx context.Context, s Stray, known map[string]bool) (linked, confirmed bool, err error) {
	if err := u.DB.View(ctx, func(tx *store.Tx) error {
		if _, linked, err = tx.LinkOf(s.ZenQMSID); err != nil {
			return err
		}
		confirmed, err = tx.Known(s.OktaID)
		return err
	}); err != nil || linked || confirmed || known == nil || known[s.OktaID] {
		return linked, confirmed || known == nil || known[s.OktaID], err
	}
	_, err = patiently(ctx, func(ctx context.Context) (okta.User, error) { return u.Okta.User(ctx, s.OktaID) }) // lists may lag
	if okta.IsNotFound(err) {
		return false, false, nil
	}
	return false, err == nil, err
}
