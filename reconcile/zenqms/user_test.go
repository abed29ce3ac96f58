package zenqms_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

const bigID = "9007199254740993" // 2^53 + 1, which no float64 holds

var ada = zenqms.NewUser{Email: "ada@example.com", FirstName: "Ada", LastName: "Byron"}

func TestCreate_SendsWhatIsSet(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	_, err := client.Create(t.Context(), ada)
	require.NoError(t, err)
	full := zenqms.NewUser{Email: "bob@example.com", FirstName: "Bob", LastName: "Bell", Title: "Lead", Active: true, ExternalID: "00u1"}
	_, err = client.Create(t.Context(), full)
	require.NoError(t, err)

	calls := account.Calls()
	require.Len(t, calls, 2)
	assert.Equal(t, map[string]any{
		"email": "ada@example.com", "first_name": "Ada", "last_name": "Byron", "is_active": false,
	}, calls[0].Body, "a blank title and link are left out")
	assert.Equal(t, map[string]any{
		"email": "bob@example.com", "first_name": "Bob", "last_name": "Bell", "title": "Lead",
		"is_active": true, "external_id": "00u1",
	}, calls[1].Body)
}

func TestPatch_SendsWhatItNames(t *testing.T) {
	for name, c := range map[string]struct {
		patch zenqms.Patch
		want  map[string]any
	}{
		"email":       {zenqms.Patch{Email: new("a@b.c")}, map[string]any{"email": "a@b.c"}},
		"first name":  {zenqms.Patch{FirstName: new("A")}, map[string]any{"first_name": "A"}},
		"last name":   {zenqms.Patch{LastName: new("B")}, map[string]any{"last_name": "B"}},
		"title":       {zenqms.Patch{Title: new("T")}, map[string]any{"title": "T"}},
		"blank title": {zenqms.Patch{Title: new("")}, map[string]any{"title": ""}},
		"inactive":    {zenqms.Patch{Active: new(false)}, map[string]any{"is_active": false}},
		"link":        {zenqms.Patch{ExternalID: new("00u1")}, map[string]any{"external_id": "00u1"}},
		"no link":     {zenqms.Patch{ExternalID: new("")}, map[string]any{"external_id": nil}},
		"several": {
			zenqms.Patch{Active: new(true), LastName: new("B"), ExternalID: new("00u1")},
			map[string]any{"is_active": true, "last_name": "B", "external_id": "00u1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			account, client := onAccount(t, zenqmstest.Options{})
			account.AddUser(zenqmstest.User{Email: "old@example.com", FirstName: "Old", LastName: "Old"})
			assert.False(t, c.patch.Empty())
			_, err := client.Update(t.Context(), "1", c.patch)
			require.NoError(t, err)
			require.Len(t, account.Calls(), 1)
			assert.Equal(t, c.want, account.Calls()[0].Body)
		})
	}
}

func TestRefusedWithoutACall(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	assert.True(t, zenqms.Patch{}.Empty())
	some := zenqms.Patch{Active: new(true)}
	for name, call := range map[string]func() error{
		"update, no id":      func() error { _, err := client.Update(t.Context(), "", some); return err },
		"update, dots":       func() error { _, err := client.Update(t.Context(), "..", some); return err },
		"update, line break": func() error { _, err := client.Update(t.Context(), "1\n", some); return err },
		"update, empty":      func() error { _, err := client.Update(t.Context(), "1", zenqms.Patch{}); return err },
		"by id":              func() error { _, err := client.ByID(t.Context(), ""); return err },
		"by email":           func() error { _, err := client.ByEmail(t.Context(), " "); return err },
		"by external id":     func() error { _, _, err := client.ByExternalID(t.Context(), ""); return err },
		"page 0":             func() error { _, err := client.List(t.Context(), 0); return err },
		"add roles, no id":   func() error { _, err := client.AddRoles(t.Context(), "", []string{"1"}); return err },
		"add no roles":       func() error { _, err := client.AddRoles(t.Context(), "1", nil); return err },
		"remove blank role":  func() error { _, err := client.RemoveRoles(t.Context(), "1", []string{""}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			err := call()
			require.Error(t, err)
			assert.False(t, zenqms.IsNotFound(err))
			assert.NotErrorAs(t, err, new(*zenqms.Error), "no answer of ZenQMS")
		})
	}
	assert.Empty(t, account.Calls())
}

func TestIDs_AreOpaque(t *testing.T) {
	for name, c := range map[string]struct{ wire, want, path string }{
		"number":         {`7`, "7", "/v2/users/7"},
		"large number":   {bigID, bigID, "/v2/users/" + bigID},
		"text":           {`"7"`, "7", "/v2/users/7"},
		"leading zeroes": {`"007"`, "007", "/v2/users/007"},
		"needs escaping": {`"a/b c?d#é"`, "a/b c?d#é", "/v2/users/a%2Fb%20c%3Fd%23%C3%A9"},
	} {
		t.Run(name, func(t *testing.T) {
			s := onServer(t, saysJSON(http.StatusOK, `{"id": `+c.wire+`, "is_active": true}`))
			u, err := s.client.Update(t.Context(), c.want, zenqms.Patch{Active: new(true)})
			require.NoError(t, err)
			assert.Equal(t, c.want, u.ID)
			assert.Equal(t, c.path, s.seen()[0].path)
		})
	}
}

func TestReading_IsTolerant(t *testing.T) {
	for name, c := range map[string]struct {
		wire string
		want zenqms.User
	}{
		"nulls": {
			`{"id": 1, "email": null, "first_name": null, "last_name": null, "title": null, "is_active": null, "external_id": null, "roles": null}`,
			zenqms.User{ID: "1"},
		},
		"missing fields":     {`{"id": 1, "is_active": true}`, zenqms.User{ID: "1", Active: true}},
		"unknown fields":     {`{"id": 1, "is_active": true, "department": {"id": 3}}`, zenqms.User{ID: "1", Active: true}},
		"numbers for texts":  {`{"id": 1, "is_active": true, "title": 7, "external_id": ` + bigID + `}`, zenqms.User{ID: "1", Active: true, Title: "7", ExternalID: bigID}},
		"blank external id":  {`{"id": 1, "is_active": true, "external_id": ""}`, zenqms.User{ID: "1", Active: true}},
		"roles of all kinds": {`{"id": 1, "is_active": true, "roles": [{"id": 3, "name": "A"}, {"id": "x"}]}`, zenqms.User{ID: "1", Active: true, Roles: []zenqms.Role{{ID: "3", Name: "A"}, {ID: "x"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := onServer(t, saysJSON(http.StatusOK, `{"data": [`+c.wire+`], "more": "things"}`))
			u, err := s.client.ByID(t.Context(), "1")
			require.NoError(t, err)
			assert.Equal(t, c.want, u)
		})
	}
}

// A JSON answer counts whatever its content type says.
func TestReading_IgnoresTheContentType(t *testing.T) {
	s := onServer(t, says(http.StatusOK, "text/html", `{"id": 1, "is_active": true}`))
	_, err := s.client.Update(t.Context(), "1", zenqms.Patch{Active: new(true)})
	require.NoError(t, err)
}

// A row that does not say whether the user is active must not read as
// inactive: a leaver would keep his account. One without an id is nobody.
func TestReading_RefusesRowsThatAreNotWhole(t *testing.T) {
	for _, row := range []string{`{"id": 1, "email": "a@example.com"}`, `{"email": "a@example.com", "is_active": true}`, `null`, `{"id": "", "is_active": true}`} {
		s := onServer(t, saysJSON(http.StatusOK, `{"data": [`+row+`]}`))
		_, err := s.client.List(t.Context(), 1)
		assert.Zero(t, asError(t, err).Status, row)
		_, err = s.client.ByID(t.Context(), "1")
		assert.False(t, zenqms.IsNotFound(err), row)
		_, err = s.client.ByEmail(t.Context(), "a@example.com")
		assert.Error(t, err, row)
	}
}

func TestWrite_AnsweredByLessThanTheUserIsReadAgain(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "blank": " \n", "a message": `{"message": "updated"}`, "an id": `{"id": 1}`, "null": `null`,
	} {
		t.Run(name, func(t *testing.T) {
			account, client := onAccount(t, zenqmstest.Options{})
			account.AddUser(zenqmstest.User{Email: "a@example.com", FirstName: "A", LastName: "B", Title: "T"})
			if body == "" {
				body = " "
			}
			account.Fail(zenqmstest.OnUpdate, 1, zenqmstest.Fault{Body: body})
			u, err := client.Update(t.Context(), "1", zenqms.Patch{Active: new(true)})
			require.NoError(t, err)
			assert.Equal(t, zenqms.User{ID: "1", Email: "a@example.com", FirstName: "A", LastName: "B", Title: "T", Active: true}, u)
		})
	}
}

func TestWrite_WhoseAnswerCannotBeReadMayHaveHappened(t *testing.T) {
	create := func(c *zenqms.Client) error { _, err := c.Create(t.Context(), ada); return err }
	update := func(c *zenqms.Client) error {
		_, err := c.Update(t.Context(), "1", zenqms.Patch{FirstName: new("Ada")})
		return err
	}
	for name, c := range map[string]struct {
		fault zenqmstest.Fault
		call  func(*zenqms.Client) error
		says  string
	}{
		"create, answer lost":       {zenqmstest.Fault{DropAfter: true}, create, "connection broken"},
		"create, a proxy's page":    {zenqmstest.Fault{Body: "<html>"}, create, "HTTP 201, but the answer could not be read (not JSON but text/html)"},
		"create, cut off":           {zenqmstest.Fault{Body: `{"id": 2, "ema`}, create, "HTTP 201"},
		"create, a list":            {zenqmstest.Fault{Body: `[{"id": 2}]`}, create, "HTTP 201"},
		"create, no id":             {zenqmstest.Fault{Body: `{"message": "created"}`}, create, "the user may exist"},
		"create, an odd id":         {zenqmstest.Fault{Body: `{"id": true}`}, create, "HTTP 201"},
		"update, answer lost":       {zenqmstest.Fault{DropAfter: true}, update, "connection broken"},
		"update, a proxy's page":    {zenqmstest.Fault{Body: "<html>"}, update, "HTTP 200, but the answer could not be read"},
		"update, some other user's": {zenqmstest.Fault{Body: `{"id": 8, "is_active": true}`}, update, `the answer is user "8"`},
	} {
		t.Run(name, func(t *testing.T) {
			account, client := onAccount(t, zenqmstest.Options{})
			account.AddUser(zenqmstest.User{Email: "old@example.com", FirstName: "Old", LastName: "Old"})
			account.Fail(zenqmstest.OnAny, 1, c.fault)
			err := c.call(client)
			assert.Zero(t, asError(t, err).Status)
			assert.ErrorContains(t, err, c.says)
			assert.False(t, zenqms.IsNotFound(err))
			written := false
			for _, u := range account.Users() {
				written = written || u.FirstName == "Ada"
			}
			assert.True(t, written, "the write happened")
		})
	}
}

// The search may lag behind a write that was accepted: no user is gone.
func TestWrite_AcceptedIsNeverNotFound(t *testing.T) {
	s := onServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			saysJSON(http.StatusOK, `{}`)(w, r)
			return
		}
		saysJSON(http.StatusOK, `{"data": []}`)(w, r)
	})
	_, err := s.client.Update(t.Context(), "1", zenqms.Patch{Active: new(true)})
	assert.Zero(t, asError(t, err).Status)
	assert.False(t, zenqms.IsNotFound(err))
}
