package zenqmstest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

func TestByHand(t *testing.T) {
	account := withUsers(zenqmstest.Options{FirstID: 7})
	reviewer := account.AddRole("Reviewer")

	assert.True(t, account.Edit(7, func(u *zenqmstest.User) {
		u.ID, u.Email, u.ExternalID, u.Roles = 99, "lovelace@example.com", "", []zenqmstest.Role{reviewer}
	}))
	u, ok := account.ByEmail("Lovelace@example.com")
	require.True(t, ok)
	assert.Equal(t, int64(7), u.ID, "the id stays")
	assert.Equal(t, []zenqmstest.Role{reviewer}, u.Roles)
	_, ok = account.ByEmail("ada@example.com")
	assert.False(t, ok)
	_, ok = account.ByExternalID("00u1")
	assert.False(t, ok)

	u.Roles[0].Name = "changed"
	again, _ := account.User(7)
	assert.Equal(t, "Reviewer", again.Roles[0].Name, "what is given is a copy")

	assert.True(t, account.Remove(7))
	assert.False(t, account.Remove(7))
	assert.False(t, account.Edit(7, func(*zenqmstest.User) { t.Error("called for a user that is gone") }))
	_, ok = account.User(7)
	assert.False(t, ok)
	assert.Equal(t, 404, call(t, account, "PATCH", "/v2/users/7", `{}`).status)
	assert.Equal(t, []string{"8"}, call(t, account, "POST", "/v2/users/search", `{}`).rows())
	assert.Equal(t, int64(9), account.AddUser(zenqmstest.User{}).ID, "ids are not used twice")
	assert.Len(t, account.Users(), 2)
}

// Two users with one address or link can only come about by hand, and a
// search gives both.
func TestByHand_Doubles(t *testing.T) {
	account := withUsers(zenqmstest.Options{})
	account.AddUser(zenqmstest.User{Email: "ADA@example.com", ExternalID: "00u1"})
	assert.Equal(t, []string{"1", "3"}, call(t, account, "POST", "/v2/users/search", `{"email": "ada@example.com"}`).rows())
	assert.Equal(t, []string{"1", "3"}, call(t, account, "POST", "/v2/users/search", `{"external_id": "00u1"}`).rows())
	account.Edit(1, func(u *zenqmstest.User) { u.Title = "Lead" })
	u, _ := account.ByEmail("ada@example.com")
	assert.Equal(t, int64(1), u.ID, "the oldest, also after an edit")
	account.Remove(1)
	u, _ = account.ByExternalID("00u1")
	assert.Equal(t, int64(3), u.ID)
}

func TestConcurrency(t *testing.T) {
	account := zenqmstest.New(zenqmstest.Options{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				body := fmt.Sprintf(`{"email": "u%d-%d@example.com", "first_name": "A", "last_name": "B"}`, i, j)
				assert.Equal(t, 201, call(t, account, "POST", "/v2/users", body).status)
				account.Edit(int64(j), func(u *zenqmstest.User) { u.Title = "T" })
				account.Users()
			}
		})
	}
	all.Wait()
	assert.Equal(t, 160, account.Len())
}

// The fake must not be what a benchmark measures: a call costs the same
// whether the account holds a thousand users or a million.
func BenchmarkAccount(b *testing.B) {
	for _, users := range []int{1_000, 1_000_000} {
		account := zenqmstest.New(zenqmstest.Options{NoJournal: true})
		for i := range users {
			account.AddUser(zenqmstest.User{
				Email: fmt.Sprintf("u%d@example.com", i), FirstName: "A", LastName: "B", ExternalID: fmt.Sprintf("00u%d", i),
			})
		}
		half := users / 2
		for name, c := range map[string]struct{ method, path, body string }{
			"page":     {"POST", "/v2/users/search", fmt.Sprintf(`{"page": %d, "page_size": 100}`, half/100)},
			"email":    {"POST", "/v2/users/search", fmt.Sprintf(`{"email": "u%d@example.com"}`, half)},
			"external": {"POST", "/v2/users/search", fmt.Sprintf(`{"external_id": "00u%d"}`, half)},
			"update":   {"PATCH", fmt.Sprintf("/v2/users/%d", half), `{"email": "moved@example.com"}`},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, users), func(b *testing.B) {
				for b.Loop() {
					resp, err := account.Transport().RoundTrip(request(b, c.method, c.path, c.body))
					if err != nil || resp.StatusCode != 200 {
						b.Fatal(resp, err)
					}
				}
			})
		}
	}
}
