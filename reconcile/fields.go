package reconcile

import (
	"slices"
	"strings"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// The names of the mapped fields (rule M1), as ZenQMS's API spells them.
const (
	fieldExternalID = "external_id"
	fieldEmail      = "email"
	fieldFirstName  = "first_name"
	fieldLastName   = "last_name"
	fieldTitle      = "title"
	fieldActive     = "is_active"
	fieldRoles      = "roles"
)

// texts are the fields that a refusal without a name holds back (rule L4).
var texts = []string{fieldEmail, fieldFirstName, fieldLastName, fieldTitle}

// diff is what of a live user's wish differs in an account: rules M4 (a blank
// title never overwrites) and M5 (only what differs; an address in another
// case does not).
func diff(a zenqms.User, w wish, oktaID string) zenqms.Patch {
	var p zenqms.Patch
	if a.ExternalID != oktaID {
		p.ExternalID = &oktaID
	}
	if store.Address(a.Email) != store.Address(w.Email) {
		p.Email = &w.Email
	}
	if strings.TrimSpace(a.FirstName) != w.FirstName {
		p.FirstName = &w.FirstName
	}
	if strings.TrimSpace(a.LastName) != w.LastName {
		p.LastName = &w.LastName
	}
	if w.Title != "" && strings.TrimSpace(a.Title) != w.Title {
		p.Title = &w.Title
	}
	if a.Active != w.Active {
		p.Active = &w.Active
	}
	return p
}

// patchText is where a patch keeps a text field, nil for a name that is none.
func patchText(p *zenqms.Patch, field string) **string {
	switch field {
	case fieldExternalID:
		return &p.ExternalID
	case fieldEmail:
		return &p.Email
	case fieldFirstName:
		return &p.FirstName
	case fieldLastName:
		return &p.LastName
	case fieldTitle:
		return &p.Title
	}
	return nil
}

// has tells whether a patch sends a field.
func has(p zenqms.Patch, field string) bool {
	if field == fieldActive {
		return p.Active != nil
	}
	text := patchText(&p, field)
	return text != nil && *text != nil
}

// without is a patch less some of its fields.
func without(p zenqms.Patch, fields ...string) zenqms.Patch {
	for _, field := range fields {
		if field == fieldActive {
			p.Active = nil
		} else if text := patchText(&p, field); text != nil {
			*text = nil
		}
	}
	return p
}

// with is a patch and what another adds to it.
func with(p, more zenqms.Patch) zenqms.Patch {
	if more.Active != nil {
		p.Active = more.Active
	}
	for _, field := range append([]string{fieldExternalID}, texts...) {
		if has(more, field) {
			*patchText(&p, field) = *patchText(&more, field)
		}
	}
	return p
}

// only is a patch less all fields but these.
func only(p zenqms.Patch, fields ...string) zenqms.Patch {
	var drop []string
	for _, field := range append([]string{fieldExternalID, fieldActive}, texts...) {
		if !slices.Contains(fields, field) {
			drop = append(drop, field)
		}
	}
	return without(p, drop...)
}

// changes is what a patch changed in an account, for the log.
func changes(before zenqms.User, p zenqms.Patch) map[string]store.Change {
	all := map[string]store.Change{}
	text := func(field, old string, value *string) {
		if value != nil {
			all[field] = store.Change{Old: orNull(old), New: orNull(*value)}
		}
	}
	text(fieldExternalID, before.ExternalID, p.ExternalID)
	text(fieldEmail, before.Email, p.Email)
	text(fieldFirstName, before.FirstName, p.FirstName)
	text(fieldLastName, before.LastName, p.LastName)
	text(fieldTitle, before.Title, p.Title)
	if p.Active != nil {
		all[fieldActive] = store.Change{Old: before.Active, New: *p.Active}
	}
	return all
}

// creation is what a create set, for the log.
func creation(n zenqms.NewUser) map[string]store.Change {
	all := map[string]store.Change{fieldActive: {New: n.Active}}
	for field, value := range map[string]string{fieldExternalID: n.ExternalID, fieldEmail: n.Email,
		fieldFirstName: n.FirstName, fieldLastName: n.LastName, fieldTitle: n.Title} {
		if value != "" {
			all[field] = store.Change{New: value}
		}
	}
	return all
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
