package zenqms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Verdict is what a real account says of an assumption.
type Verdict string

// The verdicts.
const (
	Holds    Verdict = "holds"
	Differs  Verdict = "differs"
	Untested Verdict = "untested" // it could not be tried
)

// Finding is one assumption of this package compared with the account. It
// names nobody, and quotes nothing of what ZenQMS says.
type Finding struct {
	Key        string // short, and the same in every version
	Assumption string
	Verdict    Verdict
	Detail     string // what was seen when it differs, and why it was not tried
	Tolerated  bool   // the client works where it differs, at the cost of more calls
}

// userFields are the names a user's fields are assumed to have.
var userFields = []string{"id", "email", "first_name", "last_name", "title", "is_active", "external_id", "roles"}

// noSuchValue is an external id that no user has.
const noSuchValue = "zensync-check-no-such-user"

// written are the assumptions that only a write could show, and a check makes
// none.
var written = []Finding{
	{Key: "create", Assumption: "a create is answered by the user, and nothing but the mapped fields is needed for it"},
	{Key: "update", Assumption: "an update of some fields leaves the others as they are"},
	{Key: "clear", Assumption: `"external_id": null clears the link`},
	{Key: "taken", Assumption: "an address that is taken is refused with 409, an invalid value with 422 and the name of the field"},
	{Key: "absent", Assumption: "a user that does not exist is 404"},
	{Key: "give_roles", Assumption: "roles are given and taken by id, again without an error"},
	{Key: "pace", Assumption: "429 carries Retry-After"},
}

// Check compares what this package assumes with the account, in some ten
// searches that change nothing. An error is an account that does not answer a
// plain search, or the end of ctx.
func (c *Client) Check(ctx context.Context) ([]Finding, error) {
	first, err := c.rawUsers(ctx, wireQuery{Page: 1, PageSize: pageSize})
	if err != nil {
		return nil, err
	}
	rows := first.Data.list
	findings := []Finding{
		{Key: "header", Assumption: "the key is taken from the header " + c.authHeader, Verdict: Holds},
		checkEnvelope(first), checkFields(rows), checkIDs(rows), checkActive(rows),
	}
	for _, more := range []func(context.Context, []rawRow) Finding{
		c.checkPages, c.checkIDFilter, c.checkEmailFilter, c.checkCase, c.checkExternalIDFilter, c.checkRoles,
	} {
		f := more(ctx, rows)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		findings = append(findings, f)
	}
	for _, f := range written {
		findings = append(findings, f.untested("only a write could show it"))
	}
	return findings, nil
}

func (f Finding) untested(why string) Finding {
	f.Verdict, f.Detail = Untested, why
	return f
}

func (f Finding) differs(format string, args ...any) Finding {
	f.Verdict, f.Detail = Differs, fmt.Sprintf(format, args...)
	return f
}

func (f Finding) holds() Finding {
	f.Verdict = Holds
	return f
}

// failed is the finding of a search that was refused, or not answered so that
// it could be read. ZenQMS's words may name the person who was searched for.
func (f Finding) failed(err error) Finding {
	var e *Error
	switch {
	case isInvalid(err):
		return f.differs("refused")
	case errors.As(err, &e) && e.Status != 0:
		return f.untested(fmt.Sprintf("the search failed with HTTP %d", e.Status))
	}
	return f.untested("the search got no answer that can be read")
}

// nobody is why something was not tried.
const nobody = "the account has no user to try it on"

// rawRow is a user of whom nothing is assumed yet.
type rawRow map[string]json.RawMessage

// text gives a field as text, "" when it is missing, null or neither text nor
// a number.
func (r rawRow) text(field string) string {
	var o opaque
	if raw := r[field]; len(raw) == 0 || json.Unmarshal(raw, &o) != nil {
		return ""
	}
	return o.text
}

// valueOf is the first value that a field has.
func valueOf(rows []rawRow, field string) string {
	for _, r := range rows {
		if value := r.text(field); value != "" {
			return value
		}
	}
	return ""
}

func (c *Client) rawUsers(ctx context.Context, q wireQuery) (wirePage[rawRow], error) {
	const op = "check the API"
	var w wirePage[rawRow]
	err := c.call(ctx, request{op: op, method: methodSearch, path: pathUserSearch, body: q}, &w)
	if err == nil && !w.Data.given {
		err = &Error{Op: op, Message: "the answer has no list named data"}
	}
	return w, err
}

func checkEnvelope(w wirePage[rawRow]) Finding {
	f := Finding{Key: "envelope", Assumption: "a search states page_size and total", Tolerated: true}
	_, size := w.PageSize.count()
	_, total := w.Total.count()
	if !size || !total {
		return f.differs("missing or no number; every listing costs one call more")
	}
	return f.holds()
}

// checkFields wants every field to be there of some user: what is empty may be
// left out.
func checkFields(rows []rawRow) Finding {
	f := Finding{Key: "fields", Assumption: "users have the fields " + strings.Join(userFields, ", ")}
	if len(rows) == 0 {
		return f.untested(nobody)
	}
	missing := slices.DeleteFunc(slices.Clone(userFields), func(field string) bool {
		return slices.ContainsFunc(rows, func(r rawRow) bool { _, ok := r[field]; return ok })
	})
	if len(missing) > 0 {
		return f.differs("missing: %s", strings.Join(missing, ", "))
	}
	return f.holds()
}

func checkIDs(rows []rawRow) Finding {
	f := Finding{Key: "ids", Assumption: "the id of a user is a number or text"}
	if len(rows) == 0 {
		return f.untested(nobody)
	}
	if slices.ContainsFunc(rows, func(r rawRow) bool { return r.text("id") == "" }) {
		return f.differs("a user has none, or it is something else")
	}
	return f.holds()
}

func checkActive(rows []rawRow) Finding {
	f := Finding{Key: "active", Assumption: "every user in a search says whether he is active, as true or false"}
	if len(rows) == 0 {
		return f.untested(nobody)
	}
	if slices.ContainsFunc(rows, func(r rawRow) bool {
		var active flag
		return len(r["is_active"]) == 0 || json.Unmarshal(r["is_active"], &active) != nil
	}) {
		return f.differs("a user does not; nothing can be done with such an answer")
	}
	return f.holds()
}

// checkPages asks for the first two users in pages of one.
func (c *Client) checkPages(ctx context.Context, rows []rawRow) Finding {
	f := Finding{Key: "pages", Assumption: "pages count from 1, hold as many users as asked for, and go on where the last one ended"}
	if len(rows) < 2 {
		return f.untested("the account has not two users to try it on")
	}
	var ids []string
	for page := 1; page <= 2; page++ {
		w, err := c.rawUsers(ctx, wireQuery{Page: page, PageSize: 1})
		if err != nil {
			return f.failed(err)
		}
		if len(w.Data.list) != 1 {
			return f.differs("page %d of one user each has %d", page, len(w.Data.list))
		}
		ids = append(ids, w.Data.list[0].text("id"))
	}
	switch {
	case ids[0] == ids[1]:
		return f.differs("the second page repeats the first")
	case ids[0] != rows[0].text("id") || ids[1] != rows[1].text("id"):
		return f.differs("in pages of one user the order is another than in a page of many")
	}
	return f.holds()
}

func (c *Client) checkIDFilter(ctx context.Context, rows []rawRow) Finding {
	value := valueOf(rows, "id")
	return c.checkFilter(ctx, "id", value, wireQuery{ID: value})
}

func (c *Client) checkEmailFilter(ctx context.Context, rows []rawRow) Finding {
	value := valueOf(rows, "email")
	return c.checkFilter(ctx, "email", value, wireQuery{Email: value})
}

func (c *Client) checkExternalIDFilter(ctx context.Context, rows []rawRow) Finding {
	value := valueOf(rows, "external_id")
	if value == "" && len(rows) > 0 {
		value = noSuchValue
	}
	return c.checkFilter(ctx, "external_id", value, wireQuery{ExternalID: value})
}

// checkFilter searches for a value, and looks whether the answer holds others,
// or not who has it.
func (c *Client) checkFilter(ctx context.Context, field, value string, q wireQuery) Finding {
	f := Finding{Key: "filter_" + field, Assumption: "users can be searched by " + field, Tolerated: true}
	if value == "" {
		return f.untested(nobody)
	}
	q.Page, q.PageSize = 1, 2
	w, err := c.rawUsers(ctx, q)
	if err != nil {
		return f.failed(err)
	}
	others := slices.ContainsFunc(w.Data.list, func(r rawRow) bool { return !strings.EqualFold(r.text(field), value) })
	switch {
	case others:
		return f.differs("ignored or not exact: other users come back")
	case len(w.Data.list) == 0 && value != noSuchValue:
		f.Tolerated = false
		return f.differs("a user that has the value is not found")
	}
	return f.holds()
}

// checkCase searches for an address in capitals.
func (c *Client) checkCase(ctx context.Context, rows []rawRow) Finding {
	f := Finding{Key: "email_case", Assumption: "a search by email takes upper and lower case alike"}
	value := valueOf(rows, "email")
	other := strings.ToUpper(value)
	if other == value {
		other = strings.ToLower(value)
	}
	if other == value {
		return f.untested(nobody)
	}
	w, err := c.rawUsers(ctx, wireQuery{Page: 1, PageSize: 2, Email: other})
	if err != nil {
		return f.failed(err)
	}
	if !slices.ContainsFunc(w.Data.list, func(r rawRow) bool { return strings.EqualFold(r.text("email"), value) }) {
		return f.differs("an address in other case than the account's is not found: who has one cannot be matched")
	}
	return f.holds()
}

func (c *Client) checkRoles(ctx context.Context, _ []rawRow) Finding {
	f := Finding{Key: "roles", Assumption: "roles can be listed, each with an id and a name"}
	roles, err := c.Roles(ctx)
	var e *Error
	switch {
	case errors.As(err, &e) && e.Status != 0:
		return f.differs("refused with HTTP %d", e.Status)
	case err != nil:
		return f.differs("no answer that can be read")
	case slices.ContainsFunc(roles, func(r Role) bool { return r.Name == "" }):
		return f.differs("a role has no name")
	case len(roles) == 0:
		return f.untested("the account has no role")
	}
	return f.holds()
}
