package okta

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// notFoundCode is Okta's word for "there is no such user, group or hook". Its other 404s, of a path it does not know
// (E0000008), say nothing of the sort.
const notFoundCode = "E0000007"

// Error is what a call came back with. Its text holds no URL, since Okta's SDK writes credentials into one, and no
// secret that was sent along.
type Error struct {
	Op         string        // what was being done: "read user 00u1abc"
	Status     int           // of the HTTP answer; 0: there was no answer or none that could be used
	Code       string        // Okta's: E0000007, or invalid_client and the like
	Summary    string        // in Okta's words
	Causes     []string      // in Okta's words
	RetryAfter time.Duration // how long to wait before the next call, by Okta's clock; 0: not said
	Err        error         // what went wrong, where Okta did not say it

	token bool // it was the call for an access token that failed
}

func (e *Error) Error() string {
	parts := []string{"okta"}
	add := func(part string) {
		if part != "" {
			parts = append(parts, strings.TrimSuffix(part, "."))
		}
	}
	add(e.Op)
	if e.token {
		add("access token")
	}
	if e.Status != 0 {
		add(strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))))
	} else {
		add("no usable answer")
	}
	add(e.Code)
	add(e.Summary)
	for _, cause := range e.Causes {
		add(cause)
	}
	if e.Err != nil {
		add(e.Err.Error())
	}
	text := strings.Join(parts, ": ")
	if remedy := remedies[e.Code]; remedy != "" {
		text += " (" + remedy + ")"
	}
	return text
}

// Unwrap gives the cause, so that a cancelled context is recognised as such.
func (e *Error) Unwrap() error { return e.Err }

// remedies says what a person can do, by Okta's code.
var remedies = map[string]string{
	"invalid_dpop_proof": `untick "Require Demonstrating Proof of Possession (DPoP) header in token requests" in the app's general settings`,
	"invalid_scope":      "grant the app " + strings.Join(scopes, ", ") + " on its tab Okta API Scopes",
	"consent_required":   "grant the app " + strings.Join(scopes, ", ") + " on its tab Okta API Scopes",
	"insufficient_scope": "grant the app " + strings.Join(scopes, ", ") + " on its tab Okta API Scopes",
	"invalid_client":     "check client_id, private_key_id, that the public key of private_key is registered with the app, and that the app is active",
	"E0000006":           "give the app or the token's owner an admin role: Read-Only Administrator to read, Super Administrator for event hooks",
	"E0000011":           "Okta does not take these credentials, or no longer: check api_token, or the app and its key",
}

// IsNotFound tells whether Okta itself said that what was asked for does not exist. A 404 of anything else, such as
// a proxy in the way or an address that is not Okta's, is no such word.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound && e.Code == notFoundCode && !e.token
}

// IsCredential tells whether it is our credentials that Okta refuses, whatever the call: a 401, or a refusal of the
// access token for good. Trying other users is of no use then.
func IsCredential(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	if e.Status == http.StatusUnauthorized {
		return true
	}
	passing := e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests
	return e.token && e.Status >= 400 && e.Status < 500 && !passing
}

// StatusOf gives the HTTP status of an error: 0 if there was no usable answer, -1 if the error is not an *Error, in
// which case Okta was not asked at all.
func StatusOf(err error) int {
	var e *Error
	if !errors.As(err, &e) {
		return -1
	}
	return e.Status
}

// CodeOf gives Okta's code for an error, such as E0000006 or invalid_client; "" if the error has none.
func CodeOf(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// tokenRefused tells whether Okta refused the access token, as opposed to refusing to give one.
func tokenRefused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusUnauthorized && !e.token
}

func tokenError(err error) error {
	e := asError("", err)
	e.token = true
	return e
}

// asError makes an *Error of whatever the SDK returned. The result is a copy: several calls may share a failure.
func asError(op string, err error) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Op: op, Err: withoutURL(err)}
	}
	clone := *e
	clone.Op = op
	return &clone
}

var assertion = regexp.MustCompile(`client_assertion=[^&\s"']*`)

// withoutURL takes the URL out of a network error. It may hold the assertion that stands for our private key, or
// somebody's address in a filter.
func withoutURL(err error) error {
	for u := (*url.Error)(nil); errors.As(err, &u) && u.Err != nil; {
		err = u.Err
	}
	if text := err.Error(); assertion.MatchString(text) {
		return errors.New(assertion.ReplaceAllString(text, "client_assertion=***"))
	}
	return err
}

// redact takes a secret out of what Okta said, which may quote what it was sent.
func (e *Error) redact(secret string) {
	if secret == "" {
		return
	}
	e.Code = strings.ReplaceAll(e.Code, secret, "***")
	e.Summary = strings.ReplaceAll(e.Summary, secret, "***")
	for i := range e.Causes {
		e.Causes[i] = strings.ReplaceAll(e.Causes[i], secret, "***")
	}
}
