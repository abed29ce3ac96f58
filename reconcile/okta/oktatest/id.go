package oktatest

import (
	"crypto/rand"
	"fmt"
)

const (
	base36 = "0123456789abcdefghijklmnopqrstuvwxyz"
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newID returns the next id: a three-letter kind and 17 alphanumerics, the
// length of Okta's ids. As with Okta's, the leading digits grow with time, the
// middle looks random, and the end names the cell. The sequence is the same in
// every org that begins with the same Options.FirstID.
func (o *Org) newID(kind string) string {
	o.nextID++
	const cell = "1d7"
	id := make([]byte, 0, 20)
	id = append(id, kind...)
	// 36^6 ids; the start value only makes them look like those of a living org.
	for n, unit := o.nextID+1_400_000_000, uint64(60_466_176); unit > 0; unit /= 36 {
		id = append(id, base36[n/unit%36])
	}
	for i, n := 0, scramble(o.nextID); i < 8; i, n = i+1, n/62 {
		id = append(id, base62[n%62])
	}
	return string(append(id, cell...))
}

// scramble is the finalizer of SplitMix64: close numbers in, distant ones out.
func scramble(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// newUUID returns a random UUID, version 4. Event ids must differ between two
// orgs: a receiver that outlives one of them remembers what it has seen.
func newUUID() string {
	var b [16]byte
	// crypto/rand.Read never returns an error.
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
