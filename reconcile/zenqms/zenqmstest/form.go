package zenqmstest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// form checks the fields of a request, one by one, and gathers what is wrong.
type form struct {
	body   map[string]any
	errors []FieldError
}

func (f *form) fail(field, message string) {
	f.errors = append(f.errors, FieldError{Field: field, Message: message})
}

// refusal is the 422 for what was gathered, if anything was.
func (f *form) refusal() (reply, bool) {
	if len(f.errors) == 0 {
		return reply{}, false
	}
	slices.SortStableFunc(f.errors, func(x, y FieldError) int { return strings.Compare(x.Field, y.Field) })
	return refuse(http.StatusUnprocessableEntity, "The request is not valid.", f.errors...), true
}

// only refuses every field but those named.
func (f *form) only(names ...string) {
	for name := range f.body {
		if !slices.Contains(names, name) {
			f.fail(name, "is not a known field")
		}
	}
}

// text reads a field that must be text if it is given.
func (f *form) text(name string) (value string, given bool) {
	raw, given := f.body[name]
	if !given {
		return "", false
	}
	value, ok := raw.(string)
	if !ok {
		f.fail(name, "must be text")
		return "", false
	}
	return value, true
}

// number reads a whole number between low and high, or gives otherwise.
func (f *form) number(name string, low, high, otherwise int) int {
	raw, given := f.body[name]
	if !given {
		return otherwise
	}
	digits, _ := raw.(json.Number)
	n, err := strconv.Atoi(string(digits))
	switch {
	case err != nil:
		f.fail(name, "must be a whole number")
	case n < low || n > high:
		f.fail(name, "must be between "+strconv.Itoa(low)+" and "+strconv.Itoa(high))
	}
	return n
}

// name reads a text that must not be blank; required makes its absence wrong.
func (f *form) name(field string, required bool) (value string, given bool) {
	value, given = f.text(field)
	if _, inBody := f.body[field]; (given || required && !inBody) && strings.TrimSpace(value) == "" {
		f.fail(field, "is required")
	}
	return value, given
}

// email reads an address: one @ with something on both sides, ASCII only, no
// white space.
func (f *form) email(required bool) (value string, given bool) {
	value, given = f.name("email", required)
	if strings.TrimSpace(value) == "" {
		return value, given
	}
	local, domain, ok := strings.Cut(value, "@")
	switch {
	case strings.ContainsFunc(value, func(r rune) bool { return r > '~' }):
		f.fail("email", "must hold ASCII characters only")
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' }),
		!ok, local == "", domain == "", strings.Contains(domain, "@"):
		f.fail("email", "is not an email address")
	}
	return value, given
}

// externalID reads a text, or null for none.
func (f *form) externalID() (value string, given bool) {
	raw, given := f.body["external_id"]
	if !given || raw == nil {
		return "", given
	}
	value, ok := raw.(string)
	switch {
	case !ok:
		f.fail("external_id", "must be text or null")
	case strings.TrimSpace(value) == "":
		f.fail("external_id", "must not be empty; null clears it")
	}
	return value, true
}

// active reads is_active.
func (f *form) active() (value, given bool) {
	raw, given := f.body["is_active"]
	if !given {
		return false, false
	}
	value, ok := raw.(bool)
	if !ok {
		f.fail("is_active", "must be true or false")
	}
	return value, true
}
