package okta

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strings"
)

// A cursor is what a Page's Next holds: the query of Okta's link to the next page, as Okta wrote it, and what it
// takes to notice that a walk goes round in circles without remembering every page (Brent's algorithm: compare with
// one earlier page, which is chosen anew after 1, 2, 4, 8... steps).
type cursor struct {
	query string
	mark  uint64 // fingerprint of the earlier page's query
	steps int    // since mark was set
	span  int    // mark is set anew after so many steps
}

// String writes a cursor as parseCursor reads it. The cursor before the first page is "".
func (c cursor) String() string {
	if c.query == "" {
		return ""
	}
	return fmt.Sprintf("%x.%x.%x?%s", c.mark, c.steps, c.span, c.query)
}

func parseCursor(text string) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	var c cursor
	head, query, _ := strings.Cut(text, "?")
	if _, err := fmt.Sscanf(head, "%x.%x.%x", &c.mark, &c.steps, &c.span); err != nil || query == "" {
		return cursor{}, errors.New("not the Next of a page")
	}
	c.query = query
	return c, nil
}

// advance goes on to the page that has the query given.
func (c cursor) advance(query string) (cursor, error) {
	h := fnv.New64a()
	h.Write([]byte(query)) // a hash never fails to write
	print := h.Sum64()
	if query == c.query || c.span > 0 && print == c.mark {
		return cursor{}, errors.New("the next page is one that came before: the list would never end")
	}
	c.query = query
	if c.steps++; c.steps >= c.span {
		c.mark, c.steps, c.span = print, 0, max(1, 2*c.span)
	}
	return c, nil
}

// readPage fetches one page of a list, has it decoded, and gives the cursor of the next.
func (c *Client) readPage(ctx context.Context, r request, after string) (next string, err error) {
	at, err := parseCursor(after)
	if err != nil {
		return "", fmt.Errorf("okta: %s: %w", r.op, err)
	}
	link, err := url.ParseQuery(at.query)
	if err != nil {
		return "", fmt.Errorf("okta: %s: %w", r.op, err)
	}
	for key, values := range link { // over our own, which a link need not repeat
		r.params[key] = values
	}
	decode := r.decode
	r.decode = func(body []byte) error {
		if body[0] != '[' { // such as null: not to be mistaken for a list of nothing
			return errors.New("an answer that is not a list")
		}
		return decode(body)
	}
	header, err := c.call(ctx, r)
	if err != nil {
		return "", err
	}
	query, err := nextLink(header)
	if err == nil && query != "" {
		at, err = at.advance(query)
	}
	switch {
	case err != nil:
		return "", asError(r.op, err)
	case query == "":
		return "", nil
	}
	return at.String(), nil
}

// mostPages is what no list that is read as a whole has: somebody's groups, the groups of a name, the users of an
// address. At 200 a page that is 200,000 of them.
const mostPages = 1000

// readAll fetches all pages of a list; each is decoded in turn.
func (c *Client) readAll(ctx context.Context, r request) error {
	after := ""
	for range mostPages {
		next, err := c.readPage(ctx, r, after)
		if err != nil {
			return err
		}
		if after = next; after == "" {
			return nil
		}
	}
	return tooLong(r.op)
}

func tooLong(op string) error {
	return &Error{Op: op, Err: fmt.Errorf("more than %d pages: the list would never end", mostPages)}
}

// nextLink gives the query of the link to the next page, or "" on the last. Its host and path are left aside: an
// org behind a domain of its own may be linked to under another name.
func nextLink(h http.Header) (string, error) {
	for _, line := range h["Link"] {
		for line != "" {
			var target, params string
			target, params, line = cutLink(line)
			if !isNext(params) {
				continue
			}
			u, err := url.Parse(target)
			if err != nil || u.RawQuery == "" {
				return "", errors.New("the link to the next page cannot be read")
			}
			return u.RawQuery, nil
		}
	}
	return "", nil
}

// cutLink takes the first link off a Link header, which may hold several with commas between them (RFC 8288): its
// target, its parameters, and the rest of the line.
func cutLink(line string) (target, params, rest string) {
	_, line, _ = strings.Cut(line, "<")
	target, line, _ = strings.Cut(line, ">")
	quoted := false
	for i, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			return target, line[:i], line[i+1:]
		}
	}
	return target, line, ""
}

func isNext(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(strings.TrimSpace(key), "rel") {
			continue
		}
		for rel := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(rel, "next") {
				return true
			}
		}
	}
	return false
}
