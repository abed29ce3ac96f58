package zenqms

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a call that did not succeed. What is refused before any call (an
// empty id, an empty patch) is a plain error instead.
type Error struct {
	// Op is the call, in words: "create user", "update user 7". It holds no
	// name and no address.
	Op string
	// Status is the HTTP status of the refusal. 0 is no answer at all, or one
	// that could not be read or did not come from ZenQMS's API: a write may
	// have happened.
	Status int
	// Message and Fields are ZenQMS's own words, bounded in length, without
	// control characters and without the API key. They may name a person.
	Message string
	Fields  []FieldError
	// RetryAfter is how long ZenQMS asks to wait, at most an hour; after a 429
	// it is never 0, and the client already waits that long.
	RetryAfter time.Duration
	// Err is the cause when there was no answer to read.
	Err error
}

// FieldError is what ZenQMS has against one field.
type FieldError struct{ Field, Message string }

// Error tells what happened and, where a person must act, what to do next.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("zenqms: " + e.Op + ": ")
	parts := make([]string, 0, 2+len(e.Fields))
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	for _, f := range e.Fields {
		parts = append(parts, strings.TrimPrefix(f.Field+": "+f.Message, ": "))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	words := strings.Join(parts, "; ")
	if e.Status == 0 {
		b.WriteString(words)
		return b.String()
	}
	b.WriteString(strconv.Itoa(e.Status))
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + strings.ToLower(text))
	}
	if words != "" {
		b.WriteString(": " + words)
	}
	b.WriteString(remedy(e.Status))
	return b.String()
}

// Unwrap gives the cause, so that a cancelled context can be recognised.
func (e *Error) Unwrap() error { return e.Err }

func remedy(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return " (the API key was not accepted: make sure that it is activated in ZenQMS under Settings > Account > API Settings and has not expired)"
	case http.StatusForbidden:
		return " (the API key may not do this: the role of the person who made it needs the right, and the key must not be limited)"
	}
	return ""
}

// IsNotFound tells whether err says that the user does not exist in ZenQMS.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// isInvalid tells whether ZenQMS did not understand the request.
func isInvalid(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity)
}
