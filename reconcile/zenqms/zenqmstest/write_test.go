package zenqmstest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func TestCreate(t *testing.T) {
	account := withUsers(zenqmstest.Options{})
	got := call(t, account, "POST", "/v2/users", `{"email": "Carl@example.com", "first_name": "Carl", "last_name": "Gauß", "title": "Dr", "is_active": false, "external_id": "00u3"}`)
	assert.Equal(t, 201, got.status)
	assert.Equal(t, map[string]any{
		"id": json.Number("3"), "email": "Carl@example.com", "first_name": "Carl", "last_name": "Gauß",
		"title": "Dr", "is_active": false, "external_id": "00u3", "roles": []any{},
	}, got.body)
	u, ok := account.ByEmail("carl@EXAMPLE.com")
	require.True(t, ok)
	assert.Equal(t, zenqmstest.User{ID: 3, Email: "Carl@example.com", FirstName: "Carl", LastName: "Gauß", Title: "Dr", ExternalID: "00u3"}, u)

	got = call(t, account, "POST", "/v2/users", `{"email": "d@example.com", "first_name": "D", "last_name": "E"}`)
	assert.Equal(t, true, got.body["is_active"], "active unless told otherwise")
	assert.Nil(t, got.body["external_id"])
}

func TestWrite_Refusals(t *testing.T) {
	const some = `"email": "c@example.com", "first_name": "C", "last_name": "D"`
	strictTitle := zenqmstest.Options{RequireTitle: true}
	unique := zenqmstest.Options{UniqueExternalIDs: true}
	for name, c := range map[string]struct {
		opts         zenqmstest.Options
		method, body string
		status       int
		fields       []string
	}{
		"all missing":           {zenqmstest.Options{}, "POST", `{}`, 422, []string{"email", "first_name", "last_name"}},
		"all blank":             {zenqmstest.Options{}, "POST", `{"email": " ", "first_name": "", "last_name": "\t"}`, 422, []string{"email", "first_name", "last_name"}},
		"wrong kinds":           {zenqmstest.Options{}, "POST", `{"email": 1, "first_name": null, "last_name": [], "title": {}, "is_active": "yes", "external_id": 7}`, 422, []string{"email", "external_id", "first_name", "is_active", "last_name", "title"}},
		"unknown fields":        {zenqmstest.Options{}, "POST", `{` + some + `, "id": 7, "roles": []}`, 422, []string{"id", "roles"}},
		"not ASCII":             {zenqmstest.Options{}, "POST", `{"email": "é@example.com", "first_name": "C", "last_name": "D"}`, 422, []string{"email"}},
		"no address":            {zenqmstest.Options{}, "POST", `{"email": "example.com", "first_name": "C", "last_name": "D"}`, 422, []string{"email"}},
		"two ats":               {zenqmstest.Options{}, "POST", `{"email": "a@b@c", "first_name": "C", "last_name": "D"}`, 422, []string{"email"}},
		"a space":               {zenqmstest.Options{}, "POST", `{"email": "a @b.c", "first_name": "C", "last_name": "D"}`, 422, []string{"email"}},
		"blank external id":     {zenqmstest.Options{}, "POST", `{` + some + `, "external_id": ""}`, 422, []string{"external_id"}},
		"no title":              {zenqmstest.Options{}, "POST", `{` + some + `}`, 201, nil},
		"no title, required":    {strictTitle, "POST", `{` + some + `}`, 422, []string{"title"}},
		"blank title, required": {strictTitle, "POST", `{` + some + `, "title": " "}`, 422, []string{"title"}},
		"taken":                 {zenqmstest.Options{}, "POST", `{"email": "ADA@example.com", "first_name": "C", "last_name": "D"}`, 409, nil},
		"taken and invalid":     {zenqmstest.Options{}, "POST", `{"email": "ada@example.com", "first_name": "C"}`, 422, []string{"last_name"}},
		"link in use":           {zenqmstest.Options{}, "POST", `{` + some + `, "external_id": "00u1"}`, 201, nil},
		"link in use, unique":   {unique, "POST", `{` + some + `, "external_id": "00u1"}`, 409, nil},

		"patch nothing":           {zenqmstest.Options{}, "PATCH", `{}`, 200, nil},
		"patch one":               {strictTitle, "PATCH", `{"is_active": true}`, 200, nil},
		"patch blank title":       {zenqmstest.Options{}, "PATCH", `{"title": ""}`, 200, nil},
		"patch blank title, req.": {strictTitle, "PATCH", `{"title": ""}`, 422, []string{"title"}},
		"patch blank name":        {zenqmstest.Options{}, "PATCH", `{"first_name": " "}`, 422, []string{"first_name"}},
		"patch null name":         {zenqmstest.Options{}, "PATCH", `{"last_name": null}`, 422, []string{"last_name"}},
		"patch null active":       {zenqmstest.Options{}, "PATCH", `{"is_active": null}`, 422, []string{"is_active"}},
		"patch not ASCII":         {zenqmstest.Options{}, "PATCH", `{"email": "é@example.com"}`, 422, []string{"email"}},
		"patch unknown":           {zenqmstest.Options{}, "PATCH", `{"department": "QA"}`, 422, []string{"department"}},
		"patch taken":             {zenqmstest.Options{}, "PATCH", `{"email": "ada@example.com"}`, 409, nil},
		"patch own, other case":   {zenqmstest.Options{}, "PATCH", `{"email": "BOB@example.com"}`, 200, nil},
		"patch link in use":       {zenqmstest.Options{}, "PATCH", `{"external_id": "00u1"}`, 200, nil},
		"patch link, unique":      {unique, "PATCH", `{"external_id": "00u1"}`, 409, nil},
	} {
		t.Run(name, func(t *testing.T) {
			account := withUsers(c.opts)
			before := account.Users()
			path := map[string]string{"POST": "/v2/users", "PATCH": "/v2/users/2"}[c.method]
			got := call(t, account, c.method, path, c.body)
			assert.Equal(t, c.status, got.status)
			assert.Equal(t, c.fields, got.fields())
			if c.status >= 400 {
				assert.Equal(t, before, account.Users(), "a refusal changes nothing")
			}
			if c.status == 409 {
				assert.Regexp(t, "(?i)ada@example.com|00u1", got.body["message"], "it says what is taken")
			}
		})
	}
}

func TestWrite_AllowDoubles(t *testing.T) {
	const ada = `{"email": "ADA@example.com", "first_name": "C", "last_name": "D"}`
	account := withUsers(zenqmstest.Options{})
	require.Equal(t, 409, call(t, account, "POST", "/v2/users", ada).status)
	account.AllowDoubles()
	assert.Equal(t, 201, call(t, account, "POST", "/v2/users", ada).status)
}

// An address that does not conform by itself must not stand in the way of
// deactivating its user: only what is sent is checked.
func TestUpdate_ChecksOnlyWhatIsSent(t *testing.T) {
	account := zenqmstest.New(zenqmstest.Options{RequireTitle: true})
	account.AddUser(zenqmstest.User{Email: "é", Active: true})
	assert.Equal(t, 200, call(t, account, "PATCH", "/v2/users/1", `{"is_active": false}`).status)
	u, _ := account.User(1)
	assert.False(t, u.Active)
}

func TestUpdate_MovesTheUserInEverySearch(t *testing.T) {
	account := withUsers(zenqmstest.Options{})
	got := call(t, account, "PATCH", "/v2/users/1", `{"email": "new@example.com", "external_id": "00u9", "title": "Lead"}`)
	assert.Equal(t, "Lead", got.body["title"])
	assert.Equal(t, []string{"1"}, call(t, account, "POST", "/v2/users/search", `{"email": "NEW@example.com"}`).rows())
	assert.Equal(t, []string{"1"}, call(t, account, "POST", "/v2/users/search", `{"external_id": "00u9"}`).rows())
	assert.Empty(t, call(t, account, "POST", "/v2/users/search", `{"email": "ada@example.com"}`).rows())
	assert.Empty(t, call(t, account, "POST", "/v2/users/search", `{"external_id": "00u1"}`).rows())

	got = call(t, account, "PATCH", "/v2/users/1", `{"external_id": null}`)
	assert.Nil(t, got.body["external_id"])
	_, linked := account.ByExternalID("00u9")
	assert.False(t, linked)
}

func TestRoles(t *testing.T) {
	account := withUsers(zenqmstest.Options{})
	reviewer, author := account.AddRole("Reviewer"), account.AddRole("Author")
	for _, c := range []struct {
		method, body string
		status       int
		held         []zenqmstest.Role
	}{
		{"POST", `{"role_ids": [1, 2]}`, 200, []zenqmstest.Role{reviewer, author}},
		{"POST", `{"role_ids": [2]}`, 200, []zenqmstest.Role{reviewer, author}},
		{"POST", `{"role_ids": [9]}`, 422, []zenqmstest.Role{reviewer, author}},
		{"DELETE", `{"role_ids": [1, 9]}`, 422, []zenqmstest.Role{reviewer, author}},
		{"DELETE", `{"role_ids": ["1"]}`, 422, []zenqmstest.Role{reviewer, author}},
		{"DELETE", `{"role_ids": [1.5]}`, 422, []zenqmstest.Role{reviewer, author}},
		{"DELETE", `{"role_ids": []}`, 422, []zenqmstest.Role{reviewer, author}},
		{"DELETE", `{"role_ids": 1}`, 422, []zenqmstest.Role{reviewer, author}},
		{"DELETE", `{}`, 422, []zenqmstest.Role{reviewer, author}},
		{"DELETE", `{"role_ids": [1], "all": true}`, 422, []zenqmstest.Role{reviewer, author}},
		{"DELETE", `{"role_ids": [1]}`, 200, []zenqmstest.Role{author}},
		{"DELETE", `{"role_ids": [1]}`, 200, []zenqmstest.Role{author}},
	} {
		path := map[string]string{"POST": "/v2/users/1/roles/add", "DELETE": "/v2/users/1/roles/remove"}[c.method]
		assert.Equal(t, c.status, call(t, account, c.method, path, c.body).status, c.body)
		u, _ := account.User(1)
		assert.Equal(t, c.held, u.Roles, c.body)
	}
	assert.Equal(t, 404, call(t, account, "POST", "/v2/users/9/roles/add", `{"role_ids": [1]}`).status)

	assert.True(t, account.RenameRole(author.ID, "Writer"))
	u, _ := account.User(1)
	assert.Equal(t, "Writer", u.Roles[0].Name)
	assert.True(t, account.RemoveRole(author.ID))
	u, _ = account.User(1)
	assert.Empty(t, u.Roles)
	assert.Equal(t, []zenqmstest.Role{reviewer}, account.Roles())
	assert.False(t, account.RemoveRole(author.ID))
	assert.False(t, account.RenameRole(author.ID, "x"))
}

func TestTextIDs(t *testing.T) {
	account := withUsers(zenqmstest.Options{TextIDs: true})
	account.AddRole("Reviewer")
	assert.Equal(t, 422, call(t, account, "POST", "/v2/users/1/roles/add", `{"role_ids": [1]}`).status)
	got := call(t, account, "POST", "/v2/users/1/roles/add", `{"role_ids": ["1"]}`)
	assert.Equal(t, "1", got.body["id"])
	assert.Equal(t, []any{map[string]any{"id": "1", "name": "Reviewer"}}, got.body["roles"])
}
