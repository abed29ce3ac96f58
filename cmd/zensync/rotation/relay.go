package rotation

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zensync/zensync/relay"
)

const (
	// answerWithin is how long Okta waits for an answer, and so do we.
	answerWithin = 3 * time.Second
	// maxAnswer is how much of an answer is read, in bytes; the relay's has some 50.
	maxAnswer = 4 << 10
	// pause is between two questions. A relay looks at its files once in
	// LookEvery: asked earlier, it would refuse a new secret, and log that.
	pause = relay.LookEvery + 100*time.Millisecond
)

// Relay is the relay that is up, asked as Okta asks it.
type Relay struct {
	Listen    string      // relay.listen; where it does not answer, it is asked at PublicURL
	PublicURL string      // relay.public_url
	CertFile  string      // relay.tls_cert_file, "" without TLS
	Alive     func() bool // whether a relay of this store is up

	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: a net.Dialer's; for tests
}

// errDown says that there is no relay to ask.
var errDown = errors.New("no relay is up here: start one with `zensync relay`, `zensync run` or `systemctl start zensync-relay`")

// takes tells whether the relay takes a secret. An error says that it gave no
// answer to that.
func (r Relay) takes(ctx context.Context, secret string) (bool, error) {
	if !r.Alive() {
		return false, errDown
	}
	took, err := r.TakesHere(ctx, secret)
	if err == nil || ctx.Err() != nil {
		return took, err
	}
	// It may be up in another network namespace, as in a container.
	took, publicErr := r.TakesOutside(ctx, secret)
	if publicErr != nil {
		return false, fmt.Errorf("the relay does not answer at %s (%w) nor at %s (%w)", r.Listen, err, r.PublicURL, publicErr)
	}
	return took, nil
}

// TakesHere tells whether what listens at Listen is a relay that takes a secret.
// An error says that it gave no answer to that.
func (r Relay) TakesHere(ctx context.Context, secret string) (bool, error) {
	direct := r.direct()
	defer direct.CloseIdleConnections()
	url, err := r.directURL()
	if err != nil {
		return false, err
	}
	return ask(ctx, direct, url, secret)
}

// TakesOutside is the same of PublicURL, as this host reaches it, with a
// certificate that this host trusts.
func (r Relay) TakesOutside(ctx context.Context, secret string) (bool, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	return ask(ctx, &http.Client{CheckRedirect: stay, Transport: transport}, r.PublicURL, secret)
}

// directURL is the public URL with the scheme that the relay itself speaks.
func (r Relay) directURL() (string, error) {
	request, err := http.NewRequest(http.MethodGet, r.PublicURL, nil)
	if err != nil {
		return "", err
	}
	if request.URL.Scheme = "http"; r.CertFile != "" {
		request.URL.Scheme = "https"
	}
	return request.URL.String(), nil
}

// direct is a client that connects to relay.listen whatever the URL says. What
// it trusts is the relay's own certificate and no other: that is made out to a
// name which does not lead here, and perhaps by nobody this host knows.
func (r Relay) direct() *http.Client {
	dial := r.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &http.Client{CheckRedirect: stay, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dial(ctx, network, r.Listen)
		},
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: r.isOwn},
	}}
}

// isOwn accepts a connection to who has the certificate of the configuration.
func (r Relay) isOwn(state tls.ConnectionState) error {
	text, err := os.ReadFile(r.CertFile)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil || !bytes.Equal(block.Bytes, state.PeerCertificates[0].Raw) {
		return fmt.Errorf("it has another certificate than %s", r.CertFile)
	}
	return nil
}

// stay follows no redirect: the secret is for the relay alone.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// ask verifies the relay as Okta does, with a secret.
func ask(ctx context.Context, client *http.Client, url, secret string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, err
	}
	challenge := rand.Text()
	request.Header.Set("Authorization", secret)
	request.Header.Set("X-Okta-Verification-Challenge", challenge)
	response, err := client.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusUnauthorized {
		return false, nil
	}
	var answer struct{ Verification string }
	err = json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer)
	if response.StatusCode != http.StatusOK || err != nil || answer.Verification != challenge {
		return false, fmt.Errorf("what answers there, with status %d, is no relay", response.StatusCode)
	}
	return true, nil
}

// errNotInTime says that the relay's word on a secret did not become what was
// waited for.
var errNotInTime = errors.New("not in time")

// await waits until the relay takes a secret, or does not take it, as want
// says. Before it gives up it has asked at least once. slow is called, once,
// when it takes long.
func (r Relay) await(ctx context.Context, secret string, want bool, within time.Duration, slow func()) error {
	begun := time.Now()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	told := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		took, err := r.takes(ctx, secret)
		if err == nil && took == want {
			return nil
		}
		switch waited := time.Since(begun); {
		case ctx.Err() != nil:
			return ctx.Err()
		case waited+pause > within && err != nil:
			return err
		case waited+pause > within:
			return errNotInTime
		case waited > slowAfter && !told:
			told = true
			slow()
		}
	}
}

// slowAfter is when a relay has had time enough to look at its files.
const slowAfter = 3 * pause
