package zenqms_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// populate adds n users, the last of whom has the address, external id and
// name "last".
func populate(account *zenqmstest.Account, n int) {
	for i := 1; i < n; i++ {
		account.AddUser(zenqmstest.User{
			Email: fmt.Sprintf("u%d@example.com", i), FirstName: "U", LastName: "V", ExternalID: fmt.Sprintf("00u%d", i),
		})
	}
	account.AddUser(zenqmstest.User{Email: "last@example.com", FirstName: "U", LastName: "V", ExternalID: "last"})
}

func listAll(t *testing.T, client *zenqms.Client) (ids []string) {
	t.Helper()
	for page, more := 1, true; more; page++ {
		require.Less(t, page, 1000, "does not end")
		p, err := client.List(t.Context(), page)
		require.NoError(t, err)
		assert.Equal(t, page, p.Page)
		for _, u := range p.Users {
			ids = append(ids, u.ID)
		}
		more = p.More
	}
	return ids
}

func TestList_GivesEveryUserOnceAndEnds(t *testing.T) {
	const n = 250
	for name, c := range map[string]struct {
		opts  zenqmstest.Options
		calls int // what the extra safety costs, 0: whatever it takes
	}{
		"as assumed":                {zenqmstest.Options{}, 3},
		"no total":                  {zenqmstest.Options{Total: func(int) int { return -1 }}, 4},
		"total always 0":            {zenqmstest.Options{Total: func(int) int { return 0 }}, 3},
		"total is the page's":       {zenqmstest.Options{Total: func(int) int { return 100 }}, 3},
		"total far too large":       {zenqmstest.Options{Total: func(int) int { return 1 << 40 }}, 4},
		"shorter pages":             {zenqmstest.Options{PageCap: 7}, 0},
		"shorter pages, no total":   {zenqmstest.Options{PageCap: 7, Total: func(int) int { return -1 }}, 0},
		"shorter pages, total of 1": {zenqmstest.Options{PageCap: 7, Total: func(int) int { return 1 }}, 0},
		"ids are text":              {zenqmstest.Options{TextIDs: true}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			account, client := onAccount(t, c.opts)
			populate(account, n)
			ids := listAll(t, client)
			assert.Len(t, ids, n)
			slices.Sort(ids)
			assert.Len(t, slices.Compact(ids), n)
			if c.calls != 0 {
				assert.Len(t, account.Calls(), c.calls)
			}
			assert.Len(t, listAll(t, client), n, "and again")
		})
	}
}

// bare answers searches as the worst of servers would: pages of the given
// size without page_size, and what else extra says.
func bare(users, size int, extra string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		saysJSON(http.StatusOK, rowsJSON(1, min(size, users), extra))(w, r)
	}
}

func rowsJSON(first, last int, extra string) string {
	var rows []string
	for id := first; id <= last; id++ {
		rows = append(rows, fmt.Sprintf(`{"id": %d, "is_active": true}`, id))
	}
	return `{"data": [` + strings.Join(rows, ",") + `]` + extra + `}`
}

func TestList_EndsWhenThePageIsIgnored(t *testing.T) {
	for _, extra := range []string{``, `, "total": 100000`, `, "total": 100000, "page_size": 100`, `, "total": "many"`} {
		s := onServer(t, bare(1000, 100, extra))
		assert.Len(t, listAll(t, s.client), 100, extra)
		assert.Len(t, s.seen(), 2, extra)
	}
}

// Pages that lead back to an earlier one would be asked for without an end.
func TestList_PagesThatGoRoundInCirclesAreAnError(t *testing.T) {
	for name, next := range map[string]func(page int) int{
		"two in turn":             func(page int) int { return page % 2 },
		"five in turn":            func(page int) int { return page % 5 },
		"three in turn, from six": func(page int) int { return min(page, 6+page%3) },
	} {
		s := onServer(t, nil)
		s.handle = func(w http.ResponseWriter, _ *http.Request) {
			first := 1 + 100*next(len(s.seen()))
			saysJSON(http.StatusOK, rowsJSON(first, first+99, ""))(w, nil)
		}
		var err error
		for page, more := 1, true; more && err == nil; page++ {
			require.Less(t, page, 50, "%s: does not end", name)
			var p zenqms.Page
			p, err = s.client.List(t.Context(), page)
			more = p.More
		}
		assert.ErrorContains(t, err, "the list would never end", name)
		assert.Zero(t, asError(t, err).Status, "E4: tried again, as what is no answer")
		for what, ask := range map[string]func() error{
			"by id":    func() error { _, err := s.client.ByID(t.Context(), "x"); return err },
			"by email": func() error { _, err := s.client.ByEmail(t.Context(), "a@example.com"); return err },
			"roles":    func() error { _, err := s.client.Roles(t.Context()); return err },
		} {
			before := len(s.seen())
			err := ask()
			assert.ErrorContains(t, err, "the list would never end", "%s, %s: nobody is concluded not to exist", name, what)
			assert.False(t, zenqms.IsNotFound(err))
			assert.Less(t, len(s.seen())-before, 50)
		}
	}
}

// pagesOf serves numbered users in pages of the given size.
func pagesOf(t *testing.T, users, size int, extra string, clamp bool) *server {
	var s *server
	s = onServer(t, func(w http.ResponseWriter, r *http.Request) {
		calls := s.seen()
		var q struct{ Page int }
		assert.NoError(t, json.Unmarshal([]byte(calls[len(calls)-1].body), &q))
		if last := (users + size - 1) / size; clamp {
			q.Page = min(q.Page, last)
		}
		saysJSON(http.StatusOK, rowsJSON((q.Page-1)*size+1, min(q.Page*size, users), extra))(w, r)
	})
	return s
}

func TestList_ShortPagesThatDoNotSaySo(t *testing.T) {
	for _, extra := range []string{``, `, "total": 450`, `, "total": 3`, `, "total": 450, "page_size": 100`} {
		s := pagesOf(t, 450, 50, extra, false)
		assert.Len(t, listAll(t, s.client), 450, extra)
	}
}

func TestList_PagesBeyondTheLastGiveTheLast(t *testing.T) {
	s := pagesOf(t, 250, 50, `, "total": 10000`, true)
	assert.Len(t, listAll(t, s.client), 250)
}

func TestList_OfNobody(t *testing.T) {
	for _, body := range []string{`{"data": []}`, `{"data": null}`, `{"data": [], "total": 5}`} {
		s := onServer(t, saysJSON(http.StatusOK, body))
		assert.Empty(t, listAll(t, s.client), body)
		assert.Len(t, s.seen(), 1)
	}
}

// An answer without a list must not read as an empty account.
func TestSearch_WithoutAListIsNoAnswer(t *testing.T) {
	for _, body := range []string{`{}`, `{"users": []}`, `null`, `{"data": {}}`, `{"data": "none"}`, `[]`, ``} {
		s := onServer(t, saysJSON(http.StatusOK, body))
		_, err := s.client.List(t.Context(), 1)
		assert.Zero(t, asError(t, err).Status, body)
		_, err = s.client.ByID(t.Context(), "1")
		assert.False(t, zenqms.IsNotFound(err), body)
		_, err = s.client.ByEmail(t.Context(), "a@example.com")
		assert.Error(t, err, body)
		_, honoured, err := s.client.ByExternalID(t.Context(), "00u1")
		assert.Error(t, err, body)
		assert.False(t, honoured)
		_, err = s.client.Roles(t.Context())
		assert.Error(t, err, body)
	}
}

func TestL1_OnlyRowsThatCarryTheValueCount(t *testing.T) {
	for name, ignore := range map[string]bool{"filters honoured": false, "filters ignored": true} {
		t.Run(name, func(t *testing.T) {
			account, client := onAccount(t, zenqmstest.Options{IgnoreFilters: ignore})
			populate(account, 250)

			u, err := client.ByID(t.Context(), "250")
			require.NoError(t, err)
			assert.Equal(t, "last@example.com", u.Email)
			_, err = client.ByID(t.Context(), "251")
			assert.True(t, zenqms.IsNotFound(err))
			assert.ErrorContains(t, err, "read user 251: 404 not found: no user has this id")

			found, err := client.ByEmail(t.Context(), " LAST@Example.com ")
			require.NoError(t, err)
			require.Len(t, found, 1)
			assert.Equal(t, "250", found[0].ID)
			found, err = client.ByEmail(t.Context(), "ast@example.com")
			require.NoError(t, err)
			assert.Empty(t, found)

			found, honoured, err := client.ByExternalID(t.Context(), "last")
			require.NoError(t, err)
			assert.Equal(t, !ignore, honoured)
			assert.Len(t, found, map[bool]int{false: 1, true: 0}[ignore])
		})
	}
}

func TestByEmail_GivesAllThatCarryIt(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	populate(account, 5)
	account.AddUser(zenqmstest.User{Email: "Last@example.com", FirstName: "X", LastName: "Y"})
	found, err := client.ByEmail(t.Context(), "last@example.com")
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.NotEqual(t, found[0].ID, found[1].ID)
}

func TestByExternalID_TellsWhetherTheFilterServes(t *testing.T) {
	for name, c := range map[string]struct {
		opts     zenqmstest.Options
		honoured bool
	}{
		"honoured": {zenqmstest.Options{}, true},
		"ignored":  {zenqmstest.Options{IgnoreExternalIDFilter: true}, false},
		"refused":  {zenqmstest.Options{RefuseExternalIDFilter: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			account, client := onAccount(t, c.opts)
			populate(account, 250)
			for _, id := range []string{"last", "nobody"} {
				_, honoured, err := client.ByExternalID(t.Context(), id)
				require.NoError(t, err)
				assert.Equal(t, c.honoured, honoured)
			}
			assert.Len(t, account.Calls(), 2, "an ignored filter costs no listing")
		})
	}

	account, client := onAccount(t, zenqmstest.Options{})
	account.AddUser(zenqmstest.User{Email: "a@example.com", ExternalID: "x"})
	account.AddUser(zenqmstest.User{Email: "b@example.com", ExternalID: "x"})
	account.AddUser(zenqmstest.User{Email: "c@example.com", ExternalID: "X"})
	found, honoured, err := client.ByExternalID(t.Context(), "x")
	require.NoError(t, err)
	assert.True(t, honoured)
	assert.Len(t, found, 2, "several are possible; upper and lower case differ")

	for _, status := range []int{http.StatusBadRequest, http.StatusUnprocessableEntity} {
		account.Fail(zenqmstest.OnSearch, 1, zenqmstest.Fault{Status: status})
		_, honoured, err = client.ByExternalID(t.Context(), "x")
		require.NoError(t, err)
		assert.False(t, honoured)
	}
	for _, status := range []int{401, 403, 404, 500, 503} {
		account.Fail(zenqmstest.OnSearch, 1, zenqmstest.Fault{Status: status})
		_, honoured, err = client.ByExternalID(t.Context(), "x")
		require.Error(t, err, "%d says nothing about the filter", status)
		assert.False(t, honoured)
	}
}
