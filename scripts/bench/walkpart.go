package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	sdk "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
	"github.com/zensync/zensync/scripts/bench/measure"
	"github.com/zensync/zensync/store"
)

// pageSize is how many users a page has: sync.batch_size unless told otherwise.
const pageSize = 100

// calls is how many calls of ZenQMS may be under way: zenqms.concurrency unless
// told otherwise.
const calls = 8

// work is a part: a worker on the store at path, between an Okta and a ZenQMS,
// until ctx ends. It says when it is about to begin.
func work(ctx context.Context, args []string, say func(any) error) (_ any, err error) {
	path, oktaURL, zenqmsURL := args[0], args[1], args[2]
	oktaClient, err := okta.New(okta.Config{OrgURL: oktaURL, APIToken: "token"})
	if err != nil {
		return nil, err
	}
	zenqmsClient, err := zenqms.New(zenqms.Config{BaseURL: zenqmsURL, APIKey: zenqmstest.DefaultToken, MaxRequestsPerSecond: zenqms.NoLimit, MaxInFlight: calls})
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	worker := &reconcile.Worker{DB: db, Okta: oktaClient, ZenQMS: zenqmsClient, Concurrency: calls, MaxAttempts: 12, BatchSize: pageSize,
		Brake: reconcile.Brake{Deactivations: reconcile.Limit{Max: 10, Percent: 5}},
		Log:   slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if err := say("ready"); err != nil {
		return nil, err
	}
	if err := worker.Run(ctx); err != nil {
		return nil, err
	}
	peak, err := peakMemory("self")
	return measure.Figures{"peak MiB": peak}, err
}

// listUsers is a part: the SDK's own client reads everybody, page by page.
func listUsers(ctx context.Context, args []string, _ func(any) error) (any, error) {
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, err
	}
	_, client, err := sdk.NewClient(ctx, sdk.WithOrgUrl(args[0]), sdk.WithToken("token"), sdk.WithCache(false),
		sdk.WithHttpClientPtr(http.DefaultClient), sdk.WithTestingDisableHttpsCheck(true))
	if err != nil {
		return nil, err
	}
	began := time.Now()
	users, resp, err := client.User.ListUsers(ctx, query.NewQueryParams(query.WithLimit(pageSize)))
	n := len(users)
	for err == nil && resp.HasNextPage() {
		var next []*sdk.User // reused, the SDK would write into the users of the page before
		resp, err = resp.Next(ctx, &next)
		n += len(next)
	}
	took := time.Since(began)
	if err != nil {
		return nil, err
	}
	if n != want {
		return nil, fmt.Errorf("the SDK listed %d of %d users", n, want)
	}
	peak, err := peakMemory("self")
	return measure.Figures{"took s": took.Seconds(), "users/s": float64(n) / took.Seconds(), "peak MiB": peak}, err
}
