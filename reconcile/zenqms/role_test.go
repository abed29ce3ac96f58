package zenqms_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func TestRoles_OfAllPages(t *testing.T) {
	for _, opts := range []zenqmstest.Options{{}, {PageCap: 9}, {Total: func(int) int { return -1 }}} {
		account, client := onAccount(t, opts)
		for i := range 230 {
			account.AddRole(fmt.Sprintf("Role %d", i))
		}
		roles, err := client.Roles(t.Context())
		require.NoError(t, err)
		require.Len(t, roles, 230)
		assert.Equal(t, zenqms.Role{ID: "230", Name: "Role 229"}, roles[229])
	}
}

// A role's id goes back in the kind of JSON it came in, also from a client
// that has seen no role yet, as after a restart.
func TestRoleIDs_KeepTheirKind(t *testing.T) {
	for _, opts := range []zenqmstest.Options{{}, {TextIDs: true}} {
		account, client := onAccount(t, opts)
		account.AddUser(zenqmstest.User{Email: "a@example.com"})
		reviewer, author := account.AddRole("Reviewer"), account.AddRole("Author")

		u, err := client.AddRoles(t.Context(), "1", []string{"1", "2"})
		require.NoError(t, err)
		assert.Equal(t, []zenqms.Role{{ID: "1", Name: "Reviewer"}, {ID: "2", Name: "Author"}}, u.Roles)
		u, err = client.RemoveRoles(t.Context(), "1", []string{"1"})
		require.NoError(t, err)
		assert.Equal(t, []zenqms.Role{{ID: "2", Name: "Author"}}, u.Roles)

		kept, _ := account.User(1)
		assert.Equal(t, []zenqmstest.Role{author}, kept.Roles)
		assert.NotContains(t, kept.Roles, reviewer)
		writes := account.Writes()
		require.Len(t, writes, 2)
		assert.Equal(t, http.MethodDelete, writes[1].Method)
		assert.Equal(t, "/v2/users/1/roles/remove", writes[1].Path)
		assert.Len(t, account.Calls(), 3, "the kind is asked for once")
	}
}

func TestRoleIDs_OnTheWire(t *testing.T) {
	for name, c := range map[string]struct{ known, id, want string }{
		"number":                  {`3`, "3", `{"role_ids":[3]}`},
		"number beyond 2^53":      {`3`, bigID, `{"role_ids":[` + bigID + `]}`},
		"text":                    {`"x"`, "x", `{"role_ids":["x"]}`},
		"text of digits":          {`"3"`, "3", `{"role_ids":["3"]}`},
		"text with zeroes":        {`3`, "007", `{"role_ids":["007"]}`},
		"text beside numbers":     {`3`, "x-1", `{"role_ids":["x-1"]}`},
		"digits, nothing to tell": {`"x"`, "3", `{"role_ids":[3]}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := onServer(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/roles/search" {
					saysJSON(http.StatusOK, `{"data": [{"id": `+c.known+`, "name": "R"}], "total": 1, "page_size": 100}`)(w, r)
					return
				}
				saysJSON(http.StatusOK, `{"id": 1, "is_active": true, "roles": null}`)(w, r)
			})
			_, err := s.client.AddRoles(t.Context(), "1", []string{c.id})
			require.NoError(t, err)
			calls := s.seen()
			assert.JSONEq(t, c.want, calls[len(calls)-1].body)
			assert.Contains(t, calls[len(calls)-1].body, c.want, "digit by digit")
		})
	}
}

func TestRoles_Refusals(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	account.AddUser(zenqmstest.User{Email: "a@example.com"})
	account.AddRole("Reviewer")
	_, err := client.AddRoles(t.Context(), "1", []string{"1", "99"})
	e := asError(t, err)
	assert.Equal(t, http.StatusUnprocessableEntity, e.Status)
	assert.Equal(t, []zenqms.FieldError{{Field: "role_ids", Message: "there is no role with the id 99"}}, e.Fields)
	kept, _ := account.User(1)
	assert.Empty(t, kept.Roles, "all or none")

	_, err = client.RemoveRoles(t.Context(), "2", []string{"1"})
	assert.True(t, zenqms.IsNotFound(err))
}
