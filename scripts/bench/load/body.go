package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
)

// people is how many users the hooks are about: those of a middling org.
const people = 10_000

// Placeholders of the same length as what takes their place.
const (
	uuidPlace = "00000000-0000-4000-8000-000000000000"
	userPlace = "00u00000000000place0"
)

// request is an HTTP request that is written once and only changed in place
// after that: each time it is about another event and another user.
type request struct {
	bytes       []byte
	uuids, user []int // where they stand
	dice        *rand.Rand
}

// newRequest is a hook as Okta sends one, with a single event.
func newRequest(address, secret string) *request {
	org := oktatest.New(oktatest.Options{})
	body := org.Envelope(oktatest.Event{
		UUID: uuidPlace, Published: time.Now(), Type: "user.account.update_profile",
		Actor:   oktatest.Actor{ID: "00uadmin000000000000", Type: "User", AlternateID: "admin@example.com", DisplayName: "Ada Admin"},
		Targets: []oktatest.Target{{ID: userPlace, Type: "User", AlternateID: "someone@example.com", DisplayName: "Some One"}},
		Changed: []string{"title"},
	})
	head := strings.Join([]string{
		"POST /okta/events HTTP/1.1", "Host: " + address, "Authorization: " + secret, "Accept: application/json",
		"Content-Type: application/json", "User-Agent: Okta-Integrations", fmt.Sprintf("Content-Length: %d", len(body)), "", "",
	}, "\r\n")
	r := &request{bytes: append([]byte(head), body...), dice: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
	r.uuids, r.user = places(r.bytes, uuidPlace), places(r.bytes, userPlace)
	return r
}

// places are the offsets of a text in b.
func places(b []byte, text string) (all []int) {
	for at := 0; ; {
		next := bytes.Index(b[at:], []byte(text))
		if next < 0 {
			return all
		}
		all = append(all, at+next)
		at += next + len(text)
	}
}

// next is the request with a uuid that no other has and one of the people.
func (r *request) next() []byte {
	uuid := fmt.Appendf(nil, "%08x-%04x-4%03x-8%03x-%012x", r.dice.Uint32(), r.dice.Uint32()&0xffff,
		r.dice.Uint32()&0xfff, r.dice.Uint32()&0xfff, r.dice.Uint64()&0xffff_ffff_ffff)
	user := fmt.Appendf(nil, "00u%017d", r.dice.IntN(people))
	for _, at := range r.uuids {
		copy(r.bytes[at:], uuid)
	}
	for _, at := range r.user {
		copy(r.bytes[at:], user)
	}
	return r.bytes
}
