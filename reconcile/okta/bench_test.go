package okta

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"
)

// userForBench is a user as Okta sends one, with the links and attributes that nobody asked for.
const userForBench = `{"id":"00u%[1]d","status":"ACTIVE","created":"2026-04-21T05:33:55.000Z",` +
	`"activated":"2026-04-21T05:33:56.000Z","statusChanged":"2026-04-21T05:33:56.000Z","lastLogin":null,` +
	`"lastUpdated":"2026-04-21T05:33:56.000Z","passwordChanged":null,"realmId":"guonkwfhlqM6PFD8m1d7",` +
	`"type":{"id":"otynkw1sdzpoFCZMq1d7"},"profile":{"firstName":"Erika %[1]d","lastName":"M\u00fcller","mobilePhone":null,` +
	`"secondEmail":null,"title":"QA \"Lead\"","department":"Quality","costCenter":17,"login":"u%[1]d@example.com","email":"u%[1]d@example.com"},` +
	`"credentials":{"provider":{"type":"OKTA","name":"OKTA"}},"_links":{` +
	`"suspend":{"href":"https://example.okta.com/api/v1/users/00u%[1]d/lifecycle/suspend","method":"POST"},` +
	`"schema":{"href":"https://example.okta.com/api/v1/meta/schemas/user/oscnkw1sdzpoFCZMq1d7"},` +
	`"resetPassword":{"href":"https://example.okta.com/api/v1/users/00u%[1]d/lifecycle/reset_password","method":"POST"},` +
	`"reactivate":{"href":"https://example.okta.com/api/v1/users/00u%[1]d/lifecycle/reactivate","method":"POST"},` +
	`"self":{"href":"https://example.okta.com/api/v1/users/00u%[1]d"},` +
	`"resetFactors":{"href":"https://example.okta.com/api/v1/users/00u%[1]d/lifecycle/reset_factors","method":"POST"},` +
	`"type":{"href":"https://example.okta.com/api/v1/meta/types/user/otynkw1sdzpoFCZMq1d7"},` +
	`"deactivate":{"href":"https://example.okta.com/api/v1/users/00u%[1]d/lifecycle/deactivate","method":"POST"}}}`

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// pageTransport answers everything with one page of 100 users and a link to the next.
func pageTransport() http.RoundTripper {
	users := make([]string, 100)
	for i := range users {
		users[i] = fmt.Sprintf(userForBench, i)
	}
	body := []byte("[" + strings.Join(users, ",") + "]")
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK, Request: r,
			ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
			Header: http.Header{
				"Content-Type": {"application/json"},
				"Link":         {`<https://example.okta.com/api/v1/users?after=x&limit=100>; rel="next"`},
			},
		}, nil
	})
}

// BenchmarkPage reads pages of 100 users, as this package does and as the SDK's own ListUsers does; the network
// costs nothing. The first is to be the faster: a walk of a large org is bound by it.
func BenchmarkPage(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		c, err := New(Config{OrgURL: "https://example.okta.com", APIToken: "t", Transport: pageTransport()})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			page, err := c.ListUsers(context.Background(), Query{})
			if err != nil || len(page.Users) != 100 {
				b.Fatal(len(page.Users), err)
			}
		}
	})
	b.Run("sdk", func(b *testing.B) {
		_, c, err := sdk.NewClient(context.Background(), sdk.WithOrgUrl("https://example.okta.com"), sdk.WithToken("t"),
			sdk.WithCache(false), sdk.WithHttpClientPtr(&http.Client{Transport: pageTransport()}))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			users, _, err := c.User.ListUsers(context.Background(), query.NewQueryParams(query.WithLimit(100)))
			if err != nil || len(users) != 100 {
				b.Fatal(len(users), err)
			}
		}
	})
}
