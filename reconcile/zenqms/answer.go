package zenqms

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Bounds of what is kept of ZenQMS's words, in characters, and of the fields
// it may name.
const (
	maxMessage      = 500
	maxFieldMessage = 200
	maxFields       = 20
)

// refusal reads an answer that is no success.
func (c *Client) refusal(req request, ans *answer) *Error {
	e := &Error{
		Op:         req.op,
		Status:     ans.status,
		RetryAfter: retryAfter(ans.header, time.Now()),
	}
	if e.Status == http.StatusTooManyRequests && e.RetryAfter == 0 {
		e.RetryAfter = defaultPause
	}
	if e.Status >= 300 && e.Status <= 399 {
		e.Message = c.redirect(ans)
		return e
	}
	body, isJSON := parseRefusal(ans.body)
	switch {
	case isJSON:
		e.Message = c.words(body.message, maxMessage)
		for _, f := range body.fields[:min(len(body.fields), maxFields)] {
			e.Fields = append(e.Fields, FieldError{
				Field:   c.words(f.Field, maxFieldMessage),
				Message: c.words(f.Message, maxFieldMessage),
			})
		}
	case len(bytes.TrimSpace(ans.body)) > 0:
		e.Message = c.foreign(ans)
	}
	ofUser := req.aboutUser && (isJSON || e.Message == "")
	if e.Status == http.StatusNotFound && !ofUser {
		// Not a user but the call itself is unknown there. Read as "no such
		// user", a wrong base URL would drop every link.
		e.Status = 0
		e.Message = strings.TrimSuffix("HTTP 404 for "+req.path+", so this is not ZenQMS's API; check the base URL: "+e.Message, ": ")
	}
	return e
}

// unreadable is a success whose answer could not be read.
func (c *Client) unreadable(op string, ans *answer, err error) *Error {
	e := &Error{Op: op, Err: c.cleaned(err)}
	e.Message = fmt.Sprintf("HTTP %d, but the answer could not be read", ans.status)
	if !json.Valid(ans.body) {
		e.Message += " (" + c.foreign(ans) + ")"
	}
	return e
}

func (c *Client) redirect(ans *answer) string {
	to := "another address"
	if u, err := url.Parse(ans.header.Get("Location")); err == nil && u.Host != "" {
		to = c.words(u.Host, maxFieldMessage)
	}
	return "redirects to " + to + ", which was not followed, as the API key must go nowhere else; if that is the API's new address, make it the base URL"
}

// foreign describes an answer that is not JSON, most often a proxy's. Only
// plain text is quoted: a page of HTML tells nobody anything.
func (c *Client) foreign(ans *answer) string {
	media, _, err := mime.ParseMediaType(ans.header.Get("Content-Type"))
	if err != nil {
		media = "no content type"
	}
	text := "not JSON but " + c.words(media, maxFieldMessage)
	if media == "text/plain" {
		text += ": " + c.words(string(ans.body[:min(len(ans.body), 4*maxMessage)]), maxFieldMessage)
	}
	return text
}

// refusalBody is a refusal's JSON, in whichever of the usual shapes it came.
type refusalBody struct {
	message string
	fields  []FieldError
}

// parseRefusal reads {"message", "errors": [{"field", "message"}]}, and also
// the shapes next to it: "error", "detail" or "title" for the message, and a
// list of texts or an object of field to texts for the errors.
func parseRefusal(raw []byte) (refusalBody, bool) {
	var body struct {
		Message, Error, Detail, Title, Errors any
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return refusalBody{}, false
	}
	var out refusalBody
	for _, v := range []any{body.Message, body.Error, body.Detail, body.Title} {
		if nested, ok := v.(map[string]any); ok {
			v = nested["message"]
		}
		text, _ := v.(string)
		out.message = cmp.Or(out.message, text)
	}
	switch errs := body.Errors.(type) {
	case []any:
		for _, v := range errs {
			out.fields = append(out.fields, fieldError(v))
		}
	case map[string]any:
		for _, field := range slices.Sorted(maps.Keys(errs)) {
			out.fields = append(out.fields, FieldError{Field: field, Message: joined(errs[field])})
		}
	}
	return out, true
}

func fieldError(v any) FieldError {
	m, ok := v.(map[string]any)
	if !ok {
		return FieldError{Message: joined(v)}
	}
	field, _ := m["field"].(string)
	return FieldError{Field: field, Message: joined(m["message"])}
}

// joined makes one text of a text or a list of texts.
func joined(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		texts := make([]string, 0, len(v))
		for _, item := range v {
			texts = append(texts, joined(item))
		}
		return strings.Join(texts, ", ")
	}
	return ""
}

// hide makes what takes the key out of a text, in the spellings in which a
// server may echo it.
func hide(key string) *strings.Replacer {
	quoted, _ := json.Marshal(key) // of a string: cannot fail
	var pairs []string
	for _, spelling := range []string{
		key, url.QueryEscape(key), url.PathEscape(key), html.EscapeString(key), strings.Trim(string(quoted), `"`),
	} {
		pairs = append(pairs, spelling, "[API key]")
	}
	return strings.NewReplacer(pairs...)
}

// words makes a remote text safe to show: no key, one line, no control or
// invisible characters, at most limit characters.
func (c *Client) words(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
	s = c.secrets.Replace(strings.Join(strings.Fields(s), " "))
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit-1]) + "…"
	}
	return s
}
