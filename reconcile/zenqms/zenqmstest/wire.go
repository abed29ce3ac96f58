package zenqmstest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

// FieldError is what the account has against one field.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// reply is an answer before it is sent.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func jsonReply(status int, body any) reply {
	raw, err := json.Marshal(body)
	if err != nil {
		panic("zenqmstest: encoding an answer: " + err.Error())
	}
	return reply{
		status: status,
		header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		body:   raw,
	}
}

func refuse(status int, message string, fields ...FieldError) reply {
	return jsonReply(status, refusalJSON{Message: message, Errors: fields})
}

type refusalJSON struct {
	Message string       `json:"message"`
	Errors  []FieldError `json:"errors,omitempty"`
}

type pageJSON struct {
	Data     any  `json:"data"`
	Page     int  `json:"page"`
	PageSize int  `json:"page_size"`
	Total    *int `json:"total,omitempty"`
}

type userJSON struct {
	ID         any        `json:"id"`
	Email      string     `json:"email"`
	FirstName  string     `json:"first_name"`
	LastName   string     `json:"last_name"`
	Title      string     `json:"title"`
	Active     bool       `json:"is_active"`
	ExternalID *string    `json:"external_id"`
	Roles      []roleJSON `json:"roles"`
}

type roleJSON struct {
	ID   any    `json:"id"`
	Name string `json:"name"`
}

func (a *Account) wireID(id int64) any {
	if a.opts.TextIDs {
		return strconv.FormatInt(id, 10)
	}
	return id
}

func (a *Account) wireUser(u User) userJSON {
	w := userJSON{
		ID: a.wireID(u.ID), Email: u.Email, FirstName: u.FirstName, LastName: u.LastName,
		Title: u.Title, Active: u.Active, Roles: []roleJSON{},
	}
	if u.ExternalID != "" {
		w.ExternalID = &u.ExternalID
	}
	for _, r := range u.Roles {
		w.Roles = append(w.Roles, a.wireRole(r))
	}
	return w
}

func (a *Account) wireRole(r Role) roleJSON { return roleJSON{ID: a.wireID(r.ID), Name: r.Name} }

// decodeObject reads one JSON object and nothing after it, numbers kept as
// they are written.
func decodeObject(raw []byte) (map[string]any, bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var body map[string]any
	if err := dec.Decode(&body); err != nil || body == nil {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, false
	}
	return body, true
}
