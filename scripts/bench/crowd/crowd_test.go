package crowd

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/zensync/zensync/reconcile/okta"
)

// What is served has to be what a store is filled with: else the walk of it is
// one that has something to do.
func TestWhatIsServedIsWhatIsFilledIn(t *testing.T) {
	const people = 250
	org := New(people)
	org.Change(7)
	server := httptest.NewServer(org)
	defer server.Close()
	client, err := okta.New(okta.Config{OrgURL: server.URL, APIToken: "token"})
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for after := ""; ; {
		page, err := client.ListUsers(context.Background(), okta.Query{Limit: 100, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			p := org.Person(i)
			if u.ID != p.OktaID || !u.Created.Equal(p.Created) || !u.LastUpdated.Equal(p.Updated) || u.Status != p.Status ||
				u.Login != p.Login || u.Email != p.Email || u.FirstName != p.FirstName || u.LastName != p.LastName || u.Title != p.Title {
				t.Fatalf("person %d is %+v, and served as %+v", i, p, u)
			}
			i++
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if i != people {
		t.Errorf("%d of %d are listed", i, people)
	}
	u, err := client.User(context.Background(), ID(7))
	if err != nil || u.Title != "Analyst 1" {
		t.Errorf("by id: %+v, %v", u, err)
	}
}
