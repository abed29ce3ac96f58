package qualify

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/store"
)

// What the cases look at. Each gives a text that reads the same at every run.

// plain puts names in the place of ids, and takes the prefix off addresses.
func (s *stand) plain(t string) string {
	for id, name := range s.names {
		t = strings.ReplaceAll(t, id, name)
	}
	if s.prefix != "" {
		t = strings.ReplaceAll(t, s.prefix, "")
	}
	return t
}

// show is an account in words.
func (s *stand) show(u zenqms.User) string {
	title, active, link := u.Title, "inactive", "not linked"
	if title == "" {
		title = "no title"
	}
	if u.Active {
		active = "active"
	}
	if u.ExternalID != "" {
		link = "linked to " + u.ExternalID
	}
	parts := []string{u.Email, strings.TrimSpace(u.FirstName + " " + u.LastName), title, active, link}
	if roles := rolesIn(u); roles != "no roles" {
		parts = append(parts, roles)
	}
	return s.plain(strings.Join(parts, ", "))
}

func rolesIn(u zenqms.User) string {
	if len(u.Roles) == 0 {
		return "no roles"
	}
	var names []string
	for _, r := range u.Roles {
		names = append(names, r.Name)
	}
	sort.Strings(names)
	return "roles " + strings.Join(names, " and ")
}

// accountFor is the account that carries somebody's Okta id.
func (s *stand) accountFor(name string) string {
	u, found := s.accountOf(name)
	if !found {
		return "no account"
	}
	return s.show(u)
}

// accountCalled is an account made by hand.
func (s *stand) accountCalled(name string) string {
	u, err := s.admin.ByID(s.ctx, s.accounts[name])
	if zenqms.IsNotFound(err) {
		return "no such account"
	}
	s.must(err)
	return s.show(u)
}

// activity tells of each whether his account is active.
func (s *stand) activity(names ...string) string {
	var all []string
	for _, name := range names {
		u, found := s.accountOf(name)
		state := "inactive"
		switch {
		case !found:
			state = "no account"
		case u.Active:
			state = "active"
		}
		all = append(all, name+" "+state)
	}
	return strings.Join(all, ", ")
}

// holders counts the accounts with an address.
func (s *stand) holders(name string) string {
	found, err := s.admin.ByEmail(s.ctx, s.address(name))
	s.must(err)
	return count(len(found), "account")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sent is what the program has sent since the last time it was asked, in the
// order of the words, for users are worked on side by side.
func (s *stand) sent() string {
	writes, _ := s.ledger.taken()
	if len(writes) == 0 {
		return "nothing"
	}
	var all []string
	for _, w := range writes {
		all = append(all, s.plain(w.words()))
	}
	sort.Strings(all)
	return strings.Join(all, "; ")
}

// forget leaves out of account what was sent and asked until now.
func (s *stand) forget() {
	s.ledger.taken()
	s.org.ResetCalls()
}

func (w write) words() string {
	var fields []string
	for _, key := range slices.Sorted(maps.Keys(w.body)) {
		value, _ := json.Marshal(w.body[key]) // it came out of JSON
		fields = append(fields, key+"="+strings.Trim(string(value), `"`))
	}
	act := map[string]string{"POST ": "create", "PATCH ": "change", "POST roles/add": "give roles", "DELETE roles/remove": "take roles"}[w.method+" "+w.rest]
	if act == "" {
		act = w.method + " " + w.rest
	}
	if strings.HasSuffix(act, "roles") {
		fields = nil // roles are told by the accounts: their ids are numbers
	}
	if len(fields) == 0 {
		return act
	}
	return act + " " + strings.Join(fields, " ")
}

// skip is why somebody is skipped, in a word, and what of him is held back.
func (s *stand) skip(name string) string {
	var skip store.Skip
	var found bool
	s.view(func(tx *store.Tx) (err error) {
		skip, found, err = tx.Skip(s.id(name))
		return err
	})
	switch {
	case !found:
		return "not skipped"
	case len(skip.Fields) > 0:
		return string(skip.Code) + " (" + strings.Join(skip.Fields, ", ") + ")"
	}
	return string(skip.Code)
}

// reason is the reason in whole.
func (s *stand) reason(name string) string {
	var skip store.Skip
	s.view(func(tx *store.Tx) (err error) {
		skip, _, err = tx.Skip(s.id(name))
		return err
	})
	return s.plain(skip.Reason)
}

// held lists what waits for a person.
func (s *stand) held() string {
	var all []string
	s.view(func(tx *store.Tx) error {
		holds, err := tx.Holds(0)
		for _, h := range holds {
			all = append(all, s.plain(string(h.Action)+" of "+h.OktaID))
		}
		return err
	})
	return listOf(all)
}

func listOf(all []string) string {
	if len(all) == 0 {
		return "nothing"
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}

// rows are the rows of a report by column.
func rows(tx *store.Tx, name string, args store.ReportArgs) (all []map[string]any, err error) {
	r, err := store.ReportByName(name)
	if err != nil {
		return nil, err
	}
	columns, cells, err := tx.Report(r, args)
	for _, cell := range cells {
		row := map[string]any{}
		for i, column := range columns {
			row[column] = cell[i]
		}
		all = append(all, row)
	}
	return all, err
}

// report gives some columns of a report, a row each.
func (s *stand) report(name string, args store.ReportArgs, columns ...string) string {
	var all []string
	s.view(func(tx *store.Tx) error {
		found, err := rows(tx, name, args)
		for _, row := range found {
			var cells []string
			for _, c := range columns {
				if row[c] != nil {
					cells = append(cells, fmt.Sprint(row[c]))
				}
			}
			all = append(all, s.plain(strings.Join(cells, " ")))
		}
		return err
	})
	return listOf(all)
}

// logOf are the last rows of the log about somebody, the latest first.
func (s *stand) logOf(name string, n int64) string {
	var all []string
	s.view(func(tx *store.Tx) error {
		found, err := rows(tx, "log", store.ReportArgs{User: s.id(name), Limit: n})
		for _, row := range found {
			all = append(all, fmt.Sprint(row["action"], " ", row["outcome"]))
		}
		return err
	})
	return strings.Join(all, ", ")
}

// seen puts several sights together.
func seen(parts ...string) string { return strings.Join(parts, "; ") }

// contains tells whether a text has all of some parts.
func contains(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// is gives the words of the error that was to come, and of any other all.
func is(err, want error) string {
	switch {
	case err == nil:
		return "it was done"
	case errors.Is(err, want):
		return want.Error()
	}
	return err.Error()
}
