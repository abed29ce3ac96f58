// Package reconcile is the heart of zensync: it decides what Okta's word means
// for a ZenQMS user, carries it out, and walks all users to find what the
// hooks missed.
//
// The flow: a promise lies in the outbox (package store); the worker takes it,
// reads the user in Okta (package okta), asks Decide, applies the decision in
// ZenQMS (package zenqms) and records the outcome with the promise. A walk
// reads all of Okta and puts what it misses into the same outbox; it writes
// nothing to ZenQMS itself.
//
// The package does not receive hooks, read configuration or print.
package reconcile

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/zensync/zensync/store"
)

// Meaning is what an Okta status says about the user's access.
type Meaning int

const (
	LeaveAlone Meaning = iota // nothing is concluded from it
	Live                      // active in ZenQMS
	Gone                      // inactive in ZenQMS
)

// meanings is rule M2: how each status of Okta counts unless the config says
// otherwise. LOCKED_OUT, PASSWORD_EXPIRED and RECOVERY are people at work.
var meanings = map[string]Meaning{
	"ACTIVE":           Live,
	"PROVISIONED":      Live,
	"STAGED":           Live,
	"RECOVERY":         Live,
	"PASSWORD_EXPIRED": Live,
	"LOCKED_OUT":       Live,
	"SUSPENDED":        Gone,
	"DEPROVISIONED":    Gone,
}

// Policy is what the config says about deciding.
type Policy struct {
	Statuses     map[string]Meaning // overrides of rule M2, by Okta status
	Leavers      bool               // a live user who leaves scope is deactivated (sync.out_of_scope)
	DefaultTitle string             // the title of a new user for whom Okta has none; "" leaves it out
}

// Meaning returns what a status means. A deleted user is gone whatever the
// config says.
func (p Policy) Meaning(status string) Meaning {
	if status == store.Deleted {
		return Gone
	}
	if m, ok := p.Statuses[status]; ok {
		return m
	}
	return meanings[status]
}

// wants tells whether Okta and the config want a user's account active, or
// inactive; neither of somebody to be left alone.
func (p Policy) wants(u store.Person) (active, inactive bool) {
	switch p.Meaning(u.Status) {
	case Live:
		return !u.OutOfScope, u.OutOfScope && p.Leavers
	case Gone:
		return false, true
	}
	return false, false
}

// wish is what Okta and the config ask for in ZenQMS.
type wish struct {
	Email      string
	FirstName  string
	LastName   string
	Title      string
	Active     bool
	OutOfScope bool
}

// wish is rule M1, with M6: of somebody gone, or out of scope (rule W4),
// nothing but that he is inactive is wished.
func (p Policy) wish(u store.Person) wish {
	if p.Meaning(u.Status) != Live {
		return wish{}
	}
	if u.OutOfScope {
		return wish{OutOfScope: true}
	}
	return wish{
		Email:     strings.TrimSpace(u.Email),
		FirstName: strings.TrimSpace(u.FirstName),
		LastName:  strings.TrimSpace(u.LastName),
		Title:     strings.TrimSpace(u.Title),
		Active:    true,
	}
}

// Wish tells what is asked for of a user from anything else, as his link keeps
// it: for whoever writes a link without a sync.
func (p Policy) Wish(u store.Person) string { return p.wish(u).hash() }

// missing names what ZenQMS needs and Okta does not have (rule M3), as a
// person would look for it in Okta.
func (w wish) missing() []string {
	var names []string
	for _, field := range []struct{ name, value string }{
		{"email", w.Email}, {"first name", w.FirstName}, {"last name", w.LastName},
	} {
		if field.value == "" {
			names = append(names, field.name)
		}
	}
	return names
}

// hash tells one wish from another. It is kept with the link, so that a
// change of the config shows as well as one in Okta. A walk works it out for
// everybody, so it is no JSON: each text stands behind its length.
//
// Of somebody gone, or out of scope, it is a word.
func (w wish) hash() string {
	switch w {
	case wish{}:
		return store.WishGone
	case wish{OutOfScope: true}:
		return store.WishOutOfScope
	}
	var space [256]byte
	text := space[:0]
	for _, field := range []string{w.Email, w.FirstName, w.LastName, w.Title} {
		text = binary.AppendUvarint(text, uint64(len(field)))
		text = append(text, field...)
	}
	for _, flag := range []bool{w.Active, w.OutOfScope} {
		if flag {
			text = append(text, 1)
		} else {
			text = append(text, 0)
		}
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
