package zenqms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// The calls ZenQMS's help pages name. There is none that deletes a user: the
// one DELETE takes roles away.
const (
	methodCreate      = http.MethodPost
	methodUpdate      = http.MethodPatch
	methodSearch      = http.MethodPost
	methodAddRoles    = http.MethodPost
	methodRemoveRoles = http.MethodDelete

	pathRoot        = "/v2/"
	pathUsers       = pathRoot + "users"
	pathUserSearch  = pathRoot + "users/search"
	pathRoleSearch  = pathRoot + "roles/search"
	suffixAddRoles  = "/roles/add"
	suffixDropRoles = "/roles/remove"
)

// pageSize is the most rows ZenQMS gives at once.
const pageSize = 100

func userPath(id string) string { return pathUsers + "/" + url.PathEscape(id) }

// wireQuery is the body of a search.
type wireQuery struct {
	Page       int    `json:"page"`
	PageSize   int    `json:"page_size"`
	ID         string `json:"id,omitempty"`
	Email      string `json:"email,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
}

// wirePage is the answer to a search.
type wirePage[T any] struct {
	Data     rows[T] `json:"data"`
	PageSize opaque  `json:"page_size"`
	Total    opaque  `json:"total"`
}

// rows is a list that tells null, which is empty, from absence: an answer
// without any list is no answer to a search.
type rows[T any] struct {
	given bool
	list  []T
}

// maxRows bounds a list: a hundred times a page. Rows take more room than the
// text they are read from, if that says little.
const maxRows = 100 * pageSize

func (r *rows[T]) UnmarshalJSON(raw []byte) error {
	r.given = true
	if raw[0] != '[' {
		return json.Unmarshal(raw, &r.list) // null, or an error
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	if _, err := in.Token(); err != nil {
		return err
	}
	for in.More() {
		if len(r.list) == maxRows {
			return fmt.Errorf("a list of more than %d rows", maxRows)
		}
		var row T
		if err := in.Decode(&row); err != nil {
			return err
		}
		r.list = append(r.list, row)
	}
	return nil
}

type wireUser struct {
	ID         opaque         `json:"id"`
	Email      opaque         `json:"email"`
	FirstName  opaque         `json:"first_name"`
	LastName   opaque         `json:"last_name"`
	Title      opaque         `json:"title"`
	Active     flag           `json:"is_active"`
	ExternalID opaque         `json:"external_id"`
	Roles      rows[wireRole] `json:"roles"`
}

type wireRole struct {
	ID   opaque `json:"id"`
	Name opaque `json:"name"`
}

// whole tells whether the fields are there without which a user cannot be
// told from another, or an active one from an inactive one.
func (w wireUser) whole() bool { return w.ID.text != "" && w.Active.given }

// kind is how a value came in JSON.
type kind int32

const (
	kindUnknown kind = iota
	kindNumber
	kindText
)

// opaque is a value kept as text, whether it came as a JSON string or number.
// A number keeps the digits it came with: a float would change ids beyond
// 2^53. Null and absence read as "".
type opaque struct {
	text string
	kind kind
}

func (o *opaque) UnmarshalJSON(raw []byte) error {
	*o = opaque{}
	switch c := raw[0]; {
	case c == 'n':
		return nil
	case c == '"':
		o.kind = kindText
		return json.Unmarshal(raw, &o.text)
	case c == '-' || c >= '0' && c <= '9':
		o.kind, o.text = kindNumber, string(raw)
		return nil
	}
	return fmt.Errorf("neither text nor a number where one was expected")
}

// flag is a truth value that tells null, which is false, from absence.
type flag struct{ given, value bool }

func (f *flag) UnmarshalJSON(raw []byte) error {
	f.given, f.value = true, false
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	return json.Unmarshal(raw, &f.value)
}

// wireNew is the body of a create.
func wireNew(n NewUser) map[string]any {
	body := map[string]any{
		"email":      n.Email,
		"first_name": n.FirstName,
		"last_name":  n.LastName,
		"is_active":  n.Active,
	}
	if n.Title != "" {
		body["title"] = n.Title
	}
	if n.ExternalID != "" {
		body["external_id"] = n.ExternalID
	}
	return body
}

// wirePatch is the body of an update: what the patch names and nothing else.
func wirePatch(p Patch) map[string]any {
	body := map[string]any{}
	for name, value := range map[string]*string{
		"email": p.Email, "first_name": p.FirstName, "last_name": p.LastName, "title": p.Title,
	} {
		if value != nil {
			body[name] = *value
		}
	}
	if p.Active != nil {
		body["is_active"] = *p.Active
	}
	if p.ExternalID != nil {
		body["external_id"] = nil
		if *p.ExternalID != "" {
			body["external_id"] = *p.ExternalID
		}
	}
	return body
}
