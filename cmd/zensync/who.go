package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// userIDLength is how long Okta's ids are; a user's begins with 00u.
const userIDLength = 20

// isUserID tells whether a text has the form of a user's id in Okta.
func isUserID(text string) bool {
	return len(text) == userIDLength && strings.HasPrefix(text, "00u") && isPlain(text)
}

// isPlain tells whether a text could be an id at all.
func isPlain(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// lookUpUser returns the id of the user that somebody means: by an Okta id, a
// login or an address. An id that Okta does not have counts when this store
// has known it: he was deleted. Several users are a usage error that lists
// them.
//
// A login is looked up by filter, never as if it were an id: Okta would take
// it for one, and shorten or complete it as it likes.
func lookUpUser(ctx context.Context, client *okta.Client, db *store.DB, who string) (string, error) {
	if isUserID(who) {
		_, err := client.User(ctx, who)
		if err == nil || !okta.IsNotFound(err) {
			return who, err
		}
	} else {
		found, err := client.FindUsers(ctx, who)
		switch {
		case err != nil:
			return "", err
		case len(found) == 1:
			return found[0].ID, nil
		case len(found) > 1:
			return "", severalUsers(who, found)
		}
	}
	var known bool
	err := db.View(ctx, func(tx *store.Tx) (err error) {
		known, err = tx.Known(who)
		return err
	})
	if err != nil || known {
		return who, err
	}
	return "", fmt.Errorf("%w: Okta has nobody with the id, login or email %q", errNobody, who)
}

var errNobody = errors.New("no such user")

func severalUsers(who string, found []okta.User) error {
	ids := make([]string, len(found))
	for i, u := range found {
		ids[i] = fmt.Sprintf("%s (%s, %s)", u.ID, u.Login, u.Status)
	}
	return usage("%q are several users, name one by id: %s", who, strings.Join(ids, ", "))
}

// knownUser returns the id of the user that somebody means, from the store
// alone: an Okta id, or an address Okta gave him.
func knownUser(tx *store.Tx, who string) (string, error) {
	if isUserID(who) {
		return who, nil
	}
	if known, err := tx.Known(who); err != nil || known {
		return who, err
	}
	people, err := tx.PeopleAt(store.Address(who))
	switch {
	case err != nil:
		return "", err
	case len(people) == 1:
		return people[0].OktaID, nil
	case len(people) == 0:
		return "", errors.New("this store knows nobody by that id or address: give the Okta id, which `zensync sync` finds by a login")
	}
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = fmt.Sprintf("%s (%s)", p.OktaID, p.Status)
	}
	return "", usage("%q are several users, name one by id: %s", who, strings.Join(ids, ", "))
}
