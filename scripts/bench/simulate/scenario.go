// Package simulate answers how long an initial sync takes with given limits,
// without waiting for it: the worker, the walk, the clients with their paces
// and the retries are those of the program, on a real store, and what is
// imitated are Okta and ZenQMS, with the delays, limits and failures that a
// Scenario names, and the time. It passes only while everybody waits, as
// testing/synctest has it, and so not for what this machine reckons or writes
// to its disk: that comes on top, and `-only initial` measures it.
//
// The clock is to be had in tests only, so a simulation is a test: that of
// this package which is given scenarios in a file.
package simulate

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Scenario is an org, an account, and how the two answer. Times are in
// nanoseconds in JSON.
type Scenario struct {
	Users int `json:"users"`
	// New and Link are shares of the users, from 0 to 1: who has no account in
	// ZenQMS, and who has one that lacks the link alone. The rest is in step.
	New  float64 `json:"new"`
	Link float64 `json:"link"`

	OktaLatency   time.Duration `json:"okta_latency"`
	ZenQMSLatency time.Duration `json:"zenqms_latency"`
	// What zensync is told: zenqms.concurrency, zenqms.max_requests_per_second
	// (below 0: no limit) and okta.rate_share.
	Concurrency int     `json:"concurrency"`
	PerSecond   float64 `json:"max_requests_per_second"`
	Share       float64 `json:"rate_share"`
	// What the other sides allow, beyond which they answer 429; 0 is no limit.
	// Okta counts lists of users and reads of one apart, both by the minute.
	OktaLists       int `json:"okta_lists_per_minute"`
	OktaReads       int `json:"okta_reads_per_minute"`
	ZenQMSPerSecond int `json:"zenqms_per_second"`
	// Shares of calls, from 0 to 1, that fail: by a 5xx, in turn 500, 502, 503
	// and no answer at all, or by a 429 that asks for a second's pause.
	OktaErrors     float64 `json:"okta_errors"`
	OktaRefusals   float64 `json:"okta_refusals"`
	ZenQMSErrors   float64 `json:"zenqms_errors"`
	ZenQMSRefusals float64 `json:"zenqms_refusals"`

	Seed uint64 `json:"seed"` // of what fails
}

// Usual is zensync as it is configured unless told otherwise, between the
// least that Okta has published for an org that pays (600 lists and 1,000
// reads a minute, okta-facts: "Rate limits") and a ZenQMS that takes 50 ms and
// states no limit. Nobody has an account yet.
func Usual(users int) Scenario {
	return Scenario{Users: users, New: 1, OktaLatency: 200 * time.Millisecond, ZenQMSLatency: 50 * time.Millisecond,
		Concurrency: 8, PerSecond: 10, Share: 0.5, OktaLists: 600, OktaReads: 1000, Seed: 1}
}

// Check refuses what cannot be.
func (s Scenario) Check() error {
	for name, share := range map[string]float64{"new": s.New, "link": s.Link, "new and link together": s.New + s.Link,
		"okta-errors and okta-refusals together": s.OktaErrors + s.OktaRefusals, "zenqms-errors and zenqms-refusals together": s.ZenQMSErrors + s.ZenQMSRefusals} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("%s: %v is no share from 0 to 1", name, share)
		}
	}
	if s.OktaErrors < 0 || s.OktaRefusals < 0 || s.ZenQMSErrors < 0 || s.ZenQMSRefusals < 0 {
		return errors.New("a share of calls that fail is below 0")
	}
	if s.Users < 1 || s.Concurrency < 1 || s.PerSecond == 0 {
		return errors.New("there have to be users, a concurrency, and a max_requests_per_second, which is below 0 for no limit")
	}
	if s.OktaLatency < 0 || s.ZenQMSLatency < 0 || s.OktaLists < 0 || s.OktaReads < 0 || s.ZenQMSPerSecond < 0 {
		return errors.New("latencies and limits are not below 0")
	}
	return nil
}

// Outcome is what came of a scenario. Times are in nanoseconds in JSON.
type Outcome struct {
	Scenario Scenario      `json:"scenario"`
	Took     time.Duration `json:"took"`    // until the last call: nothing was left to do or to try again
	Reading  time.Duration `json:"reading"` // of that, until all was read and decided
	Okta     Calls         `json:"okta"`
	ZenQMS   Calls         `json:"zenqms"`
	Accounts int           `json:"accounts"` // in ZenQMS, at the end
	Linked   int           `json:"linked"`   // in the store
	Failed   int           `json:"failed"`   // users given up
	Real     time.Duration `json:"real"`     // what the simulation took
}

// Calls are those that reached a side.
type Calls struct {
	All     int `json:"all"`
	Failed  int `json:"failed"`  // 5xx, or no answer
	Refused int `json:"refused"` // 429
	Lists   int `json:"lists"`   // pages of a list, or searches
}

// kind is what a person finds in ZenQMS.
type kind int

const (
	isNew kind = iota
	lacksLink
	inStep
)

// kind spreads the kinds evenly over the people.
func (s Scenario) kind(i int) kind {
	const golden = 0.6180339887498949 // its multiples fall into any interval in proportion
	_, at := math.Modf(float64(i) * golden)
	switch {
	case at < s.New:
		return isNew
	case at < s.New+s.Link:
		return lacksLink
	}
	return inStep
}

// counts are how many people there are of each kind.
func (s Scenario) counts() (n [inStep + 1]int) {
	for i := range s.Users {
		n[s.kind(i)]++
	}
	return n
}
