package oktatest_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/reconcile/okta/oktatest/oktaspec"
)

func TestUser_IsServedAsOktaWritesHim(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 250e6, time.UTC)
	a := start(t, oktatest.Options{Now: func() time.Time { return now }})
	u := a.org.AddUser(oktatest.Profile{Login: "li", Email: `li"o@example.com`, FirstName: "Lió"}, oktatest.Active)
	require.Regexp(t, `^00u[0-9A-Za-z]{17}$`, u.ID)

	got := a.get("/api/v1/users/" + u.ID).object(t)
	delete(got, "type")
	assert.Equal(t, map[string]any{
		"id": u.ID, "status": "ACTIVE",
		"created": "2026-03-01T12:00:00.250Z", "activated": "2026-03-01T12:00:00.250Z",
		"statusChanged": "2026-03-01T12:00:00.250Z", "lastUpdated": "2026-03-01T12:00:00.250Z",
		"lastLogin": nil, "passwordChanged": nil,
		"profile": map[string]any{
			"login": "li", "email": `li"o@example.com`, "firstName": "Lió", "lastName": nil,
			"mobilePhone": nil, "secondEmail": nil,
		},
		"credentials": map[string]any{"provider": map[string]any{"type": "OKTA", "name": "OKTA"}},
		"_links":      map[string]any{"self": map[string]any{"href": orgURL + "/api/v1/users/" + u.ID}},
	}, got)

	a.org.SetTransitioning(u.ID, oktatest.Deprovisioned)
	assert.Equal(t, "DEPROVISIONED", a.get("/api/v1/users/" + u.ID).object(t)["transitioningToStatus"])
}

func TestUser_TitleIsAbsentThenNull(t *testing.T) {
	a := start(t, oktatest.Options{})
	u := a.org.Seed(oktatest.Profile{Email: "ann@example.com"}, oktatest.Active)
	profile := func() map[string]any {
		return a.get("/api/v1/users/" + u.ID).object(t)["profile"].(map[string]any)
	}
	assert.NotContains(t, profile(), "title")
	a.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "Chemist" })
	assert.Equal(t, "Chemist", profile()["title"])
	a.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "" })
	assert.Contains(t, profile(), "title")
	assert.Nil(t, profile()["title"])
	a.org.UpdateProfile(u.ID, func(p *oktatest.Profile) {
		p.Extra = map[string]any{"site": []string{"Basel"}, "secondEmail": "x@example.com"}
	})
	assert.Equal(t, []any{"Basel"}, profile()["site"])
	assert.Equal(t, "x@example.com", profile()["secondEmail"])
}

func TestUser_ByIDLoginAndMe(t *testing.T) {
	a := start(t, oktatest.Options{})
	p := person("ann")
	p.Login = "Ann.Example"
	u := a.org.Seed(p, oktatest.Deprovisioned)
	for _, key := range []string{u.ID, "ann.example", "Ann.Example"} {
		r := a.get("/api/v1/users/" + key)
		assert.Equal(t, http.StatusOK, r.status, key)
		assert.Equal(t, u.ID, r.object(t)["id"])
	}
	for _, key := range []string{"00unobody", "ann@example.com", "me"} {
		r := a.get("/api/v1/users/" + key)
		assert.Equal(t, http.StatusNotFound, r.status, key)
		assert.Equal(t, "E0000007", r.code(t))
		assert.Equal(t, "Not found: Resource not found: "+key+" (User)", r.object(t)["errorSummary"])
	}
	a.org.SetActor(oktatest.Actor{ID: u.ID, Type: "User"})
	assert.Equal(t, u.ID, a.get("/api/v1/users/me").object(t)["id"])
}

func TestUser_OktaResponseOmits(t *testing.T) {
	a := start(t, oktatest.Options{})
	u := a.org.Seed(person("ann"), oktatest.Active)
	a.org.SetTransitioning(u.ID, oktatest.Deprovisioned)
	req, err := http.NewRequest(http.MethodGet, orgURL+"/api/v1/users/"+u.ID, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", a.auth)
	req.Header.Set("Content-Type", `application/json; okta-response="omitCredentials,omitCredentialsLinks, omitTransitioningToStatus"`)
	resp, err := a.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var got map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
	assert.NotContains(t, got, "credentials")
	assert.NotContains(t, got, "transitioningToStatus")
}

func TestUsers_PagesOfThePlainListOmitDeprovisioned(t *testing.T) {
	a := start(t, oktatest.Options{PageSizeMax: 3})
	var live []string
	for i := range 8 {
		status := oktatest.Active
		if i%4 == 1 {
			status = oktatest.Deprovisioned
		}
		u := a.org.Seed(person(string(rune('a'+i))+"n"), status)
		if status == oktatest.Active {
			live = append(live, u.ID)
		}
	}
	ids, pages := a.walk("/api/v1/users")
	assert.Equal(t, live, ids)
	assert.Equal(t, 2, pages, "six users, three a page: no third page")

	ids, pages = a.walk("/api/v1/users?limit=2")
	assert.Equal(t, live, ids)
	assert.Equal(t, 3, pages)

	first := a.get("/api/v1/users?limit=2")
	a.org.Delete(live[0])
	a.org.Delete(live[2])
	added := a.org.AddUser(person("zoe"), oktatest.Active)
	ids, _ = a.walk(first.next(t))
	assert.Equal(t, append(live[3:], added.ID), ids, "a cursor holds its place while users come and go")
}

func TestUsers_LimitIsClampedTo200(t *testing.T) {
	a := start(t, oktatest.Options{})
	for i := range 201 {
		a.org.Seed(person("u"+string(rune('a'+i/26))+string(rune('a'+i%26))), oktatest.Active)
	}
	for _, path := range []string{"/api/v1/users", "/api/v1/users?limit=5000"} {
		r := a.get(path)
		assert.Len(t, r.ids(t), 200)
		assert.NotEmpty(t, r.next(t))
		assert.Len(t, r.header.Values("Link"), 2)
	}
}

func TestUsers_BadCursorAndLimit(t *testing.T) {
	org := oktatest.New(oktatest.Options{Token: apiToken})
	for _, query := range []string{"after=3", "after=zzzz", "limit=0", "limit=x"} {
		req, err := http.NewRequest(http.MethodGet, orgURL+"/api/v1/users?"+query, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "SSWS "+apiToken)
		resp, err := org.Transport().RoundTrip(req)
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode, query)
	}
}

func TestUsers_ChangesMoveTheTimesThatOktaMoves(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	org := oktatest.New(oktatest.Options{Now: func() time.Time { return now }})
	u := org.Seed(person("ann"), oktatest.Active)
	g := org.AddGroup("QA")
	get := func() oktatest.User {
		v, ok := org.User(u.ID)
		require.True(t, ok)
		return v
	}
	org.AddMember(g, u.ID)
	assert.Equal(t, u, get(), "a membership moves nothing")

	org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.Title = "QA" })
	moved := get()
	assert.True(t, moved.LastUpdated.After(u.LastUpdated), "even when the clock stands still")
	assert.Equal(t, u.StatusChanged, moved.StatusChanged)

	org.SetStatus(u.ID, oktatest.Suspended)
	assert.True(t, get().LastUpdated.After(moved.LastUpdated))
	assert.Equal(t, get().LastUpdated, get().StatusChanged)

	coarse := oktatest.New(oktatest.Options{WholeSeconds: true, Now: func() time.Time { return now.Add(700 * time.Millisecond) }})
	v := coarse.Seed(person("ann"), oktatest.Active)
	coarse.UpdateProfile(v.ID, func(p *oktatest.Profile) { p.Title = "QA" })
	w, _ := coarse.User(v.ID)
	assert.Equal(t, now, w.LastUpdated, "two changes within a second share their time")
}

func TestUsers_DeletedAreGoneEverywhere(t *testing.T) {
	a := start(t, oktatest.Options{})
	u := a.org.Seed(person("ann"), oktatest.Active)
	g := a.org.AddGroup("QA")
	a.org.AddMember(g, u.ID)
	a.org.DropAll()

	a.org.DeleteInitiated(u.ID)
	r := a.get("/api/v1/users/" + u.ID)
	assert.Equal(t, "DEPROVISIONED", r.object(t)["status"], "still to be read")
	assert.Equal(t, []string{"user.lifecycle.deactivate", "user.lifecycle.delete.initiated"}, types(a.org.Pending()))

	a.org.Delete(u.ID)
	assert.Equal(t, http.StatusNotFound, a.get("/api/v1/users/"+u.ID).status)
	assert.Equal(t, http.StatusNotFound, a.get("/api/v1/users/ann@example.com").status)
	assert.Empty(t, a.filter("filter", `profile.email eq "ann@example.com"`))
	assert.Empty(t, a.filter("search", `status eq "DEPROVISIONED"`))
	assert.Empty(t, a.get("/api/v1/groups/"+g+"/users").ids(t))
	assert.Len(t, a.org.Pending(), 2, "the deletion is told once")
	assert.Empty(t, a.org.Users())
	assert.NotPanics(t, func() { a.org.AddUser(person("ann"), oktatest.Active) }, "his login is free again")
}

func TestUsers_MisuseIsLoud(t *testing.T) {
	org := oktatest.New(oktatest.Options{})
	org.Seed(person("ann"), oktatest.Active)
	bob := org.Seed(person("bob"), oktatest.Active)
	assert.PanicsWithValue(t, `oktatest: login "ANN@example.com" is taken`, func() {
		org.Seed(oktatest.Profile{Login: "ANN@example.com"}, oktatest.Active)
	})
	assert.Panics(t, func() { org.UpdateProfile(bob.ID, func(p *oktatest.Profile) { p.Login = "ann@example.com" }) })
	assert.Panics(t, func() { org.SetStatus("00unobody", oktatest.Active) })
	assert.Panics(t, func() { org.DeleteGroup(org.Everyone()) })
	assert.NotPanics(t, func() { org.Users() }, "no lock is left behind")
}

func TestLoad_ServesRealUsersAsTheyCame(t *testing.T) {
	raw, err := os.ReadFile("testdata/users.json")
	require.NoError(t, err)
	var want []map[string]any
	require.NoError(t, json.Unmarshal(raw, &want))

	a := start(t, oktatest.Options{})
	users, err := a.org.Load(raw)
	require.NoError(t, err)
	require.Len(t, users, len(want))
	assert.Empty(t, types(a.org.Pending()))

	var got []map[string]any
	list := a.get("/api/v1/users")
	require.NoError(t, json.Unmarshal(list.body, &got))
	assert.Equal(t, want, got)

	for i, u := range users {
		a.org.UpdateProfile(u.ID, func(p *oktatest.Profile) { p.LastName = "Changed" })
		a.org.SetStatus(u.ID, oktatest.Suspended)
		changed := a.get("/api/v1/users/" + u.ID).object(t)
		assert.NotEqual(t, want[i]["lastUpdated"], changed["lastUpdated"])
		want[i]["profile"].(map[string]any)["lastName"] = "Changed"
		for _, moved := range []string{"status", "lastUpdated", "statusChanged", "activated"} {
			want[i][moved] = changed[moved]
		}
		assert.Equal(t, want[i], changed, "nothing else of it is lost")
	}
	for _, object := range want {
		one, err := json.Marshal(object)
		require.NoError(t, err)
		oktaspec.Schema(t, "User", one)
	}
}

func TestLoad_TakesAllOrNone(t *testing.T) {
	const ann = `{"id":"00u1","status":"ACTIVE","profile":{"login":"ann"}}`
	for name, raw := range map[string]string{
		"no list":       `{}`,
		"no id":         `[` + ann + `,{"status":"ACTIVE"}]`,
		"id twice":      `[` + ann + `,{"id":"00u1","status":"ACTIVE"}]`,
		"login twice":   `[` + ann + `,{"id":"00u2","status":"ACTIVE","profile":{"login":"ANN"}}]`,
		"time unusable": `[` + ann + `,{"id":"00u2","status":"ACTIVE","created":"yesterday"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			org := oktatest.New(oktatest.Options{})
			_, err := org.Load([]byte(raw))
			require.Error(t, err)
			assert.Empty(t, org.Users())
		})
	}
}

func types(events []oktatest.Event) []string {
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Type)
	}
	return kinds
}
