package reconcile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// lister reads the list of an account whose pages pass a gate on their way.
type lister struct {
	*testing.T
	acct *zenqmstest.Account
	gate func(page int) // if given, is passed before a page is read

	mu    sync.Mutex
	clock int64         // seconds
	came  map[int]int64 // when a page was asked for, by ZenQMS's reckoning
}

func newLister(t *testing.T, accounts int, o zenqmstest.Options) *lister {
	l := &lister{T: t, acct: zenqmstest.New(o), came: map[int]int64{}}
	for n := range accounts {
		l.acct.AddUser(zenqmstest.User{Email: fmt.Sprintf("p%d@example.com", n), Active: true})
	}
	return l
}

// now is a clock of which no two readings are equal.
func (l *lister) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock++
	return time.Unix(l.clock, 0)
}

func (l *lister) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var query struct{ Page int }
	if err := json.Unmarshal(body, &query); err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.came[query.Page] = l.clock
	l.mu.Unlock()
	if l.gate != nil {
		l.gate(query.Page)
	}
	return l.acct.Transport().RoundTrip(r)
}

func (l *lister) each(keep func([]zenqms.User, time.Time) error) error {
	client, err := zenqms.New(zenqms.Config{BaseURL: "https://zenqms.example.com", APIKey: zenqmstest.DefaultToken,
		MaxRequestsPerSecond: zenqms.NoLimit, Transport: l})
	require.NoError(l, err)
	return eachAccountPage(l.Context(), client, l.now, keep)
}

// list gives the addresses in the order of the pages, and when each page was
// said to have been asked for.
func (l *lister) list() (emails []string, asked []int64, err error) {
	err = l.each(func(users []zenqms.User, at time.Time) error {
		for _, u := range users {
			emails = append(emails, u.Email)
		}
		asked = append(asked, at.Unix())
		return nil
	})
	return emails, asked, err
}

func TestEveryAccountIsReadOnceWhateverZenQMSSaysOfTheirNumber(t *testing.T) {
	const accounts = 431
	for name, c := range map[string]struct {
		options zenqmstest.Options
		calls   int // at most
	}{
		"it":                {zenqmstest.Options{}, 5},
		"it, small pages":   {zenqmstest.Options{PageCap: 50}, 9},
		"nothing":           {zenqmstest.Options{Total: func(int) int { return -1 }}, 6},
		"none":              {zenqmstest.Options{Total: func(int) int { return 0 }}, 6},
		"too few":           {zenqmstest.Options{Total: func(n int) int { return n / 2 }}, 6},
		"too many":          {zenqmstest.Options{Total: func(n int) int { return 10 * n }}, 6 + pagesAhead},
		"as many as can be": {zenqmstest.Options{Total: func(int) int { return 1<<63 - 1 }}, 6 + pagesAhead},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLister(t, accounts, c.options)
			var want []string
			for _, u := range l.acct.Users() {
				want = append(want, u.Email)
			}
			have, _, err := l.list()
			require.NoError(t, err)
			assert.Equal(t, want, have)
			assert.LessOrEqual(t, len(l.acct.Calls()), c.calls, "calls")
		})
	}
}

// An initial sync makes no other call until all pages were read.
func TestPagesOfTheListAreAskedForAtTheSameTime(t *testing.T) {
	l := newLister(t, (2+2*pagesAhead)*100, zenqmstest.Options{})
	require.Greater(t, pagesAhead, 1)
	var came atomic.Int64
	together := make(chan struct{})
	l.gate = func(page int) {
		if page == 1 || page > 1+pagesAhead {
			return
		}
		if came.Add(1) == pagesAhead {
			close(together)
		}
		select { // each of these waits for all of them
		case <-together:
		case <-time.After(10 * time.Second):
			l.Errorf("page %d waits for others that nobody asks for", page)
		}
	}
	emails, asked, err := l.list()
	require.NoError(t, err)
	assert.Len(t, emails, (2+2*pagesAhead)*100)
	for i, at := range asked {
		assert.LessOrEqual(t, at, l.came[i+1], "page %d is said to be younger than it is", i+1)
	}
}

func TestAPageThatCannotBeReadEndsTheListAndIsNamed(t *testing.T) {
	l := newLister(t, 1000, zenqmstest.Options{})
	l.gate = func(page int) {
		if page == 3 {
			l.acct.SetToken("another")
		}
	}
	emails, _, err := l.list()
	require.ErrorContains(t, err, "read the users of ZenQMS, page ")
	assert.Equal(t, credential, judge(err))
	assert.Less(t, len(emails), 1000, "what follows a missing page is no list")

	l = newLister(t, 1000, zenqmstest.Options{})
	full := errors.New("the store is full")
	assert.ErrorIs(t, l.each(func([]zenqms.User, time.Time) error { return full }), full)
	assert.Len(t, l.acct.Calls(), 1, "the first page tells how many there are")
}
