package oktatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// loaded is what Load read of a user.
type loaded struct {
	raw  []byte                     // the whole object, until the user is changed
	rest map[string]json.RawMessage // what User does not hold: _links, realmId ...
}

// changed is what remains of it once the user differs from the object read.
func (l *loaded) changed() *loaded { return &loaded{rest: l.rest} }

// userObject is a user as the API writes him.
type userObject struct {
	ID            string         `json:"id"`
	Status        string         `json:"status"`
	Transitioning string         `json:"transitioningToStatus"`
	Created       time.Time      `json:"created"`
	Activated     *time.Time     `json:"activated"`
	StatusChanged *time.Time     `json:"statusChanged"`
	LastUpdated   time.Time      `json:"lastUpdated"`
	Profile       map[string]any `json:"profile"`
}

// ownFields are the members of userObject.
var ownFields = []string{"id", "status", "transitioningToStatus", "created", "activated", "statusChanged", "lastUpdated", "profile"}

// Load adds users from a JSON array of user objects as Okta's API returned
// them, and returns them in that order. They have been there all along: no
// event is recorded. Each is served as it came until it is changed, and keeps
// its unknown fields after that. If one cannot be read, or
// its id or login is taken, none is added.
func (o *Org) Load(raw []byte) ([]User, error) {
	var objects []json.RawMessage
	if err := json.Unmarshal(raw, &objects); err != nil {
		return nil, fmt.Errorf("load users: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	users := make([]*user, len(objects))
	ids, logins := map[string]bool{}, map[string]bool{}
	for i, object := range objects {
		u, err := parseUser(object)
		if err != nil {
			return nil, fmt.Errorf("load user %d of %d: %w", i+1, len(objects), err)
		}
		login := strings.ToLower(u.profile.Login)
		if o.byID[u.id] != nil || ids[u.id] {
			return nil, fmt.Errorf("load user %d of %d: id %s is taken", i+1, len(objects), u.id)
		}
		if login != "" && (o.byLogin[login] != nil || logins[login]) {
			return nil, fmt.Errorf("load user %d of %d: login %s is taken", i+1, len(objects), u.profile.Login)
		}
		ids[u.id], logins[login] = true, true
		users[i] = u
	}
	views := make([]User, len(users))
	for i, u := range users {
		o.enter(u)
		views[i] = u.view()
	}
	return views, nil
}

func parseUser(raw json.RawMessage) (*user, error) {
	var obj userObject
	if err := json.Unmarshal(raw, &obj); err != nil {
		return nil, err
	}
	if obj.ID == "" || obj.Status == "" {
		return nil, errors.New("id or status is missing")
	}
	var rest map[string]json.RawMessage
	if err := json.Unmarshal(raw, &rest); err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, err
	}
	for _, name := range ownFields {
		delete(rest, name)
	}
	s := state{
		status: obj.Status, transitioning: obj.Transitioning, lastUpdated: obj.LastUpdated,
		loaded: &loaded{raw: compact.Bytes(), rest: rest},
	}
	if obj.Activated != nil {
		s.activated = *obj.Activated
	}
	if obj.StatusChanged != nil {
		s.statusChanged = *obj.StatusChanged
	}
	_, s.hadTitle = obj.Profile["title"]
	s.profile = parseProfile(obj.Profile)
	return &user{id: obj.ID, created: obj.Created, state: s}, nil
}

func parseProfile(attrs map[string]any) Profile {
	var p Profile
	for _, f := range []struct {
		name string
		into *string
	}{
		{"login", &p.Login}, {"email", &p.Email}, {"firstName", &p.FirstName}, {"lastName", &p.LastName}, {"title", &p.Title},
	} {
		// A value that is no text (null aside) stays in Extra, which is sent
		// as it is.
		switch v := attrs[f.name].(type) {
		case nil:
			delete(attrs, f.name)
		case string:
			*f.into = v
			delete(attrs, f.name)
		}
	}
	if len(attrs) > 0 {
		p.Extra = attrs
	}
	return p
}
