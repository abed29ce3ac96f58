package doctor

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// clock hears what a server says of the time, with every answer of its: it
// stands between a client and the network.
type clock struct {
	base http.RoundTripper // nil: a transport of net/http's own
	now  func() time.Time

	mu    sync.Mutex
	heard bool
	ahead time.Duration // by how much the server's clock is ahead of ours
	doubt time.Duration // how wrong that may be
}

// RoundTrip makes a call, and notes the Date of the answer. Of several answers
// the quickest tells most.
func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	base := c.base
	if base == nil {
		base = http.DefaultTransport
	}
	sent := c.now()
	resp, err := base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	took := c.now().Sub(sent)
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return resp, nil // an answer without one is no less an answer
	}
	const second = time.Second // Date is cut to it
	c.mu.Lock()
	defer c.mu.Unlock()
	if doubt := (took + second) / 2; !c.heard || doubt < c.doubt {
		c.heard, c.doubt = true, doubt
		c.ahead = date.Add(second / 2).Sub(sent.Add(took / 2))
	}
	return resp, nil
}

const (
	// offClock is a difference that a host with a time service does not have.
	offClock = 30 * time.Second
	// wrongClock is a difference that servers may not put up with. Okta refuses an
	// assertion that ends more than an hour from now, which is for how long the
	// SDK makes them out: who is a few minutes ahead gets no token.
	wrongClock = 2 * time.Minute
)

// off is how far apart the clocks are at least, in words; "" when they are not.
func (c *clock) off() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.heard || c.ahead.Abs()-c.doubt < offClock {
		return ""
	}
	where := "ahead of"
	if c.ahead > 0 {
		where = "behind"
	}
	return fmt.Sprintf("this host's clock is about %s %s", c.ahead.Abs().Round(5*time.Second), where)
}

// finding is that of one of the two servers.
func (c *clock) finding(server string) Finding {
	const remedy = "set this host's clock, and have it kept right (timedatectl set-ntp true)"
	off := c.off()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.heard:
		return skipped(server + " gave no answer that says what time it is")
	case off == "":
		return ok("this host's clock agrees with that of %s", server)
	case c.ahead.Abs()-c.doubt >= wrongClock:
		return failed(off+" that of "+server, remedy)
	}
	return warning(off+" that of "+server, remedy)
}
