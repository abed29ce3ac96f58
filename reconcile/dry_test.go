package reconcile

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// The client and what pretends are what the worker needs; what reads only has
// nothing that could write.
var (
	_ ZenQMS   = (*zenqms.Client)(nil)
	_ ZenQMS   = (*dry)(nil)
	_ accounts = (*zenqms.Client)(nil)
)

// TestDryAnswersAsZenQMSWould asks a ZenQMS that is written to, and one that
// only pretends to be, the same in the same order.
func TestDryAnswersAsZenQMSWould(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		options := zenqmstest.Options{IgnoreExternalIDFilter: rapid.Bool().Draw(rt, "the filter is ignored"), PageCap: 2}
		real, model := zenqmstest.New(options), zenqmstest.New(options)
		for range rapid.IntRange(1, 4).Draw(rt, "accounts") { // there is whoever made the key
			u := zenqmstest.User{Email: drawEmail(rt), FirstName: "Ada", Active: rapid.Bool().Draw(rt, "active"), ExternalID: drawExternalID(rt)}
			if _, taken := real.ByEmail(u.Email); !taken {
				real.AddUser(u)
				model.AddUser(u)
			}
		}
		r := &twins{T: rt, dry: newDry(clientOf(rt, real)), model: clientOf(rt, model), ids: []string{"1", "2", "3", "404"}, names: map[string]string{}}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			r.step()
		}
		require.Empty(rt, real.Writes(), "it has written")
	})
}

// twins are two ways to one account.
type twins struct {
	*rapid.T
	dry, model ZenQMS
	ids        []string          // of the model
	names      map[string]string // what dry calls those made meanwhile
}

func clientOf(rt *rapid.T, a *zenqmstest.Account) *zenqms.Client {
	c, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: -1, Transport: a.Transport()})
	require.NoError(rt, err)
	return c
}

func drawEmail(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"a@example.com", "B@example.com", "b@example.com", "c@example.com"}).Draw(rt, "email")
}

func drawExternalID(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"00u1", "00u2", ""}).Draw(rt, "external id")
}

func (r *twins) step() {
	ctx := context.Background()
	id := rapid.SampledFrom(r.ids).Draw(r.T, "id")
	switch rapid.SampledFrom([]string{"create", "update", "update", "update", "by id", "by email", "by external id", "list"}).Draw(r.T, "what") {
	case "create":
		n := zenqms.NewUser{Email: drawEmail(r.T), FirstName: "Bo", LastName: "Cole", Active: true, ExternalID: drawExternalID(r.T)}
		got, err := r.dry.Create(ctx, n)
		want, wantErr := r.model.Create(ctx, n)
		if err == nil && wantErr == nil {
			r.names[want.ID] = got.ID
			r.ids = append(r.ids, want.ID)
		}
		r.same([]zenqms.User{want}, []zenqms.User{got}, wantErr, err)
	case "update":
		p := r.patch()
		got, err := r.dry.Update(ctx, r.name(id), p)
		want, wantErr := r.model.Update(ctx, id, p)
		r.same([]zenqms.User{want}, []zenqms.User{got}, wantErr, err)
	case "by id":
		got, err := r.dry.ByID(ctx, r.name(id))
		want, wantErr := r.model.ByID(ctx, id)
		r.same([]zenqms.User{want}, []zenqms.User{got}, wantErr, err)
	case "by email":
		email := drawEmail(r.T)
		got, err := r.dry.ByEmail(ctx, email)
		want, wantErr := r.model.ByEmail(ctx, email)
		r.same(want, got, wantErr, err)
	case "by external id":
		got, honoured, err := r.dry.ByExternalID(ctx, "00u1")
		want, wantHonoured, wantErr := r.model.ByExternalID(ctx, "00u1")
		if honoured && wantHonoured { // else they need not be all
			r.same(want, got, wantErr, err)
		}
	case "list":
		r.same(r.all(r.model), r.all(r.dry), nil, nil)
	}
}

// name is what dry calls an account of the model.
func (r *twins) name(id string) string {
	if made, ok := r.names[id]; ok {
		return made
	}
	return id
}

func (r *twins) patch() zenqms.Patch {
	var p zenqms.Patch
	email, externalID, title, active := drawEmail(r.T), drawExternalID(r.T), "Chief", rapid.Bool().Draw(r.T, "active")
	which := rapid.IntRange(0, 15).Draw(r.T, "fields")
	if which&1 != 0 {
		p.Email = &email
	}
	if which&2 != 0 {
		p.ExternalID = &externalID
	}
	if which&4 != 0 {
		p.Title = &title
	}
	if which&8 != 0 {
		p.Active = &active
	}
	return p
}

func (r *twins) all(z ZenQMS) []zenqms.User {
	var users []zenqms.User
	for page, more := 1, true; more; page++ {
		p, err := pageOf(context.Background(), z, page)
		require.NoError(r.T, err)
		users, more = append(users, p.Users...), p.More
	}
	return users
}

// pageOf reads one page.
func pageOf(ctx context.Context, z ZenQMS, page int) (zenqms.Page, error) {
	listed, err := z.Fetch(ctx, page)
	if err != nil {
		return zenqms.Page{}, err
	}
	return z.Follow(listed)
}

// same holds the answers to one another: the same users under either's names,
// or the same status.
func (r *twins) same(want, got []zenqms.User, wantErr, err error) {
	require.Equal(r.T, statusOf(wantErr), statusOf(err), "want %v, have %v", wantErr, err)
	require.Equal(r.T, wantErr == nil, err == nil, "want %v, have %v", wantErr, err)
	if err != nil {
		return
	}
	for i := range want {
		want[i].ID = r.name(want[i].ID)
	}
	require.ElementsMatch(r.T, want, got)
}

func TestDryNeedsNoCallForAnAddressOnNoPage(t *testing.T) {
	w := newWorld(t)
	w.acct.AddUser(zenqmstest.User{Email: "held@example.com"})
	d := newDry(w.w.ZenQMS)
	page, err := pageOf(t.Context(), d, 1)
	require.NoError(t, err)
	for n := 2; page.More; n++ {
		page, err = pageOf(t.Context(), d, n)
		require.NoError(t, err)
	}
	w.acct.ResetCalls()
	made, err := d.Create(t.Context(), zenqms.NewUser{Email: "free@example.com"})
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(made.ID, pretendedPrefix))
	assert.Empty(t, w.acct.Calls())
	_, err = d.Create(t.Context(), zenqms.NewUser{Email: "Held@example.com"})
	assert.Equal(t, http.StatusConflict, statusOf(err))
}

func TestDryConcludesNothingFromSomeOfThePages(t *testing.T) {
	w := newWorld(t, func(o *worldOptions) { o.zenqms.PageCap = 1 })
	for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		w.acct.AddUser(zenqmstest.User{Email: email})
	}
	d := newDry(w.w.ZenQMS)
	for _, n := range []int{1, 3, 4, 5} { // the second is left out
		_, err := pageOf(t.Context(), d, n)
		require.NoError(t, err)
	}
	_, err := d.Create(t.Context(), zenqms.NewUser{Email: "b@example.com"})
	assert.Equal(t, http.StatusConflict, statusOf(err))
}
