package zenqms

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// Verdict is what a real account says of an assumption.
type Verdict string

// The verdicts.
const (
	Holds    Verdict = "holds"
	Differs  Verdict = "differs"
	Untested Verdict = "untested" // the account has nothing to test it on
)

// Finding is one assumption of this package compared with the account.
type Finding struct {
	Assumption string
	Verdict    Verdict
	Detail     string // what was seen, when the assumption does not hold
}

// userFields are the names a user's fields are assumed to have.
var userFields = []string{"id", "email", "first_name", "last_name", "title", "is_active", "external_id", "roles"}

// noSuchValue is an external id that no user has.
const noSuchValue = "zensync-check-no-such-user"

// Check compares what this package assumes with the account, in a handful of
// searches that change nothing. What only a write could show (the answers to
// creates and updates) is not among it. An error is an account that does not
// answer a plain search.
func (c *Client) Check(ctx context.Context) ([]Finding, error) {
	raw, err := c.rawUsers(ctx, wireQuery{Page: 1, PageSize: 2})
	if err != nil {
		return nil, err
	}
	findings := []Finding{checkEnvelope(raw), checkFields(raw.Data.list)}
	for _, filter := range []string{"id", "email", "external_id"} {
		finding, err := c.checkFilter(ctx, filter, raw.Data.list)
		if err != nil {
			return nil, err
		}
		findings = append(findings, finding)
	}
	roles := Finding{Assumption: "roles can be listed", Verdict: Holds}
	if _, err := c.Roles(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		roles.Verdict, roles.Detail = Differs, err.Error()
	}
	return append(findings, roles), nil
}

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
	f := Finding{Assumption: "a search states page_size and total", Verdict: Holds}
	_, size := w.PageSize.count()
	_, total := w.Total.count()
	if !size || !total {
		f.Verdict, f.Detail = Differs, "missing or no number; every listing costs one call more"
	}
	return f
}

func checkFields(rows []rawRow) Finding {
	f := Finding{Assumption: "users have the fields " + strings.Join(userFields, ", "), Verdict: Holds}
	if len(rows) == 0 {
		f.Verdict = Untested
		return f
	}
	missing := slices.DeleteFunc(slices.Clone(userFields), func(field string) bool {
		_, ok := rows[0][field]
		return ok
	})
	if len(missing) > 0 {
		f.Verdict, f.Detail = Differs, "missing: "+strings.Join(missing, ", ")
	}
	return f
}

// checkFilter searches for the value of some user, or of nobody, and looks
// whether the answer holds others.
func (c *Client) checkFilter(ctx context.Context, filter string, rows []rawRow) (Finding, error) {
	f := Finding{Assumption: "users can be searched by " + filter, Verdict: Holds}
	value := ""
	for _, r := range rows {
		if value == "" {
			value = r.text(filter)
		}
	}
	q := wireQuery{Page: 1, PageSize: 2}
	switch {
	case len(rows) == 0, value == "" && filter != "external_id":
		f.Verdict = Untested
		return f, nil
	case filter == "id":
		q.ID = value
	case filter == "email":
		q.Email = value
	case value == "":
		value = noSuchValue
		fallthrough
	default:
		q.ExternalID = value
	}
	w, err := c.rawUsers(ctx, q)
	if isInvalid(err) {
		f.Verdict, f.Detail = Differs, "refused"
		return f, nil
	}
	if err != nil {
		return f, err
	}
	others := slices.ContainsFunc(w.Data.list, func(r rawRow) bool { return !strings.EqualFold(r.text(filter), value) })
	switch {
	case others:
		f.Verdict, f.Detail = Differs, "ignored or not exact: other users come back"
	case len(w.Data.list) == 0 && value != noSuchValue:
		f.Verdict, f.Detail = Differs, "a user that has the value is not found"
	}
	return f, nil
}
