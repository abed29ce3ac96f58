package oktatest

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// omission is what the caller asked to have left out by the okta-response
// parameter of his Content-Type.
type omission struct{ credentials, transitioning bool }

func omissions(r *http.Request) omission {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return omission{} // no or another content type: nothing is asked for
	}
	var om omission
	for _, name := range strings.Split(params["okta-response"], ",") {
		switch strings.TrimSpace(name) {
		case "omitCredentials":
			om.credentials = true
		case "omitTransitioningToStatus":
			om.transitioning = true
		}
	}
	return om
}

// The encoder is written by hand because one walk of a large org encodes every
// user, and a client is measured against this fake.

// appendUser appends the user in the given state, as the API writes it.
func (o *Org) appendUser(b []byte, u *user, s *state, base string, om omission) []byte {
	if s.loaded != nil && s.loaded.raw != nil && om == (omission{}) {
		return append(b, s.loaded.raw...)
	}
	var rest map[string]json.RawMessage
	if s.loaded != nil {
		rest = s.loaded.rest
	}
	b = append(b, `{"id":`...)
	b = appendString(b, u.id)
	b = append(b, `,"status":`...)
	b = appendString(b, s.status)
	b = appendTime(b, "created", u.created)
	b = appendTime(b, "activated", s.activated)
	b = appendTime(b, "statusChanged", s.statusChanged)
	b = appendTime(b, "lastUpdated", s.lastUpdated)
	if s.transitioning != "" && !om.transitioning {
		b = append(b, `,"transitioningToStatus":`...)
		b = appendString(b, s.transitioning)
	}
	b = append(b, `,"profile":`...)
	b = appendProfile(b, s)
	if rest == nil {
		b = append(b, `,"lastLogin":null,"passwordChanged":null,"type":{"id":`...)
		b = appendString(b, o.userType)
		b = append(b, '}')
		if !om.credentials {
			b = append(b, `,"credentials":{"provider":{"type":"OKTA","name":"OKTA"}}`...)
		}
		b = append(b, `,"_links":{"self":{"href":`...)
		b = appendString(b, base+"/api/v1/users/"+u.id)
		return append(b, `}}}`...)
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		if name == "credentials" && om.credentials {
			continue
		}
		b = append(b, ',')
		b = appendString(b, name)
		b = append(b, ':')
		b = append(b, rest[name]...)
	}
	return append(b, '}')
}

func appendProfile(b []byte, s *state) []byte {
	p := &s.profile
	b = append(b, '{')
	comma := false
	add := func(name, value string) {
		if _, ok := p.Extra[name]; ok {
			return
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, `":`...)
		if value == "" {
			b = append(b, "null"...)
			return
		}
		b = appendString(b, value)
	}
	add("firstName", p.FirstName)
	add("lastName", p.LastName)
	add("mobilePhone", "")
	add("secondEmail", "")
	if s.hadTitle {
		add("title", p.Title)
	}
	add("login", p.Login)
	add("email", p.Email)
	for _, name := range slices.Sorted(maps.Keys(p.Extra)) {
		value, err := json.Marshal(p.Extra[name])
		if err != nil {
			panic(fmt.Sprintf("oktatest: encode attribute %s: %v", name, err))
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = appendString(b, name)
		b = append(b, ':')
		b = append(b, value...)
	}
	return append(b, '}')
}

// appendTime appends a member; a zero time is null.
func appendTime(b []byte, name string, t time.Time) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeLayout)
	return append(b, '"')
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(fmt.Sprintf("oktatest: encode text: %v", err))
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
