// Package notify tells people what they have to see to: it knows which causes
// there are, in words for a person, whom of notify.urls was told of which, and
// how a message gets there.
//
// An address holds credentials. It never leaves this package: not in an error,
// not in a log, and not in the store.
//
// It decides nothing about syncing and asks nobody: whatever it tells stands in
// the store already.
package notify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// patience is how long an address may take for one message. Not every service
// of shoutrrr's has a limit of its own.
const patience = 20 * time.Second

// Address is one of notify.urls, or of its file.
type Address struct {
	Key     string // how the configuration names it, as in notify.urls[0]
	Service string // as in slack
	url     string
	busy    chan struct{} // holds a token while a message is on its way
}

// NewAddress is the address that the configuration has at key.
func NewAddress(key, address string) Address {
	service, _, _ := strings.Cut(address, ":")
	return Address{Key: key, Service: service, url: address, busy: make(chan struct{}, 1)}
}

// String keeps the address itself out of whatever prints an Address.
func (a Address) String() string { return a.Key + " (" + a.Service + ")" }

// channel names the address in the store: whatever its place, and without
// telling it.
func (a Address) channel() string {
	sum := sha256.Sum256([]byte(a.url))
	return fmt.Sprintf("%s %x", a.Service, sum[:2])
}

// Services of shoutrrr's send by http.DefaultClient, which nothing else that
// leaves this host is sent by. One that followed a redirect would take the page of a login for
// an answer, and a message that nobody got for sent; or carry names elsewhere.
func init() {
	http.DefaultClient.CheckRedirect = func(*http.Request, []*http.Request) error {
		return errors.New("the server sends the message on to another address, which is not followed: write that one, if it is right")
	}
}

// Message is what is told: a line, and what there is to say and do.
type Message struct{ Title, Text string }

// errSlow says that a service has not answered in time.
var errSlow = fmt.Errorf("no answer within %s", patience)

// Send delivers a message. Its error holds nothing of the address. A message
// that is still on its way when its time is up is waited for no longer, but it
// may arrive; the address takes no other one before it has failed or arrived.
func (a Address) Send(m Message) error {
	select {
	case a.busy <- struct{}{}:
	default:
		return errors.New("an earlier message is still on its way")
	}
	sent := make(chan error, 1)
	go func() {
		defer func() { <-a.busy }()
		sent <- a.deliver(m)
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err := <-sent:
		return err
	case <-late.C:
		return errSlow
	}
}

func (a Address) deliver(m Message) (err error) {
	defer recovered(&err)
	service, config, err := serviceOf(a.url)
	if err != nil {
		return err
	}
	if err := service.Initialize(config, nil); err != nil {
		return withoutAddress(err, a.url)
	}
	if err := service.SetTemplateString(adaptiveCard, adaptiveCardBody); err != nil {
		return err
	}
	text, params := m.Text, types.Params{}
	template := config.Query().Get("template")
	if template == adaptiveCard {
		text = strings.ReplaceAll(text, "\n", "\n\n") // its Markdown joins lines
	}
	if slices.Contains(untitled, service.GetID()) || service.GetID() == "generic" && template == "" {
		text = m.Title + "\n" + text
	} else {
		params.SetTitle(m.Title)
	}
	return withoutAddress(service.Send(text, &params), a.url)
}

// untitled are the services that have no title, or refuse a message with one.
var untitled = []string{"googlechat", "notifiarr", "pagerduty", "rocketchat", "signal", "wecom"}

// Teams' Workflows take a message as an adaptive card alone, which shoutrrr's
// service for Teams does not make: it is for the older connectors. So the
// generic service knows this template by name.
const (
	adaptiveCard     = "adaptivecard"
	adaptiveCardBody = `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":` +
		`{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.2","body":[` +
		`{"type":"TextBlock","weight":"Bolder","wrap":true,"text":{{printf "%q" .title}}},` +
		`{"type":"TextBlock","wrap":true,"text":{{printf "%q" .message}}}]}}]}`
)

// Check tells what is wrong with an address, without repeating any of it. It
// connects to nothing.
func Check(address string) (err error) {
	defer recovered(&err)
	service, config, err := serviceOf(address)
	if err != nil {
		return err
	}
	if !loopback(config.Hostname()) && inTheClear(address) {
		return errors.New("would send names in the clear: leave out disabletls and http, which are for loopback addresses only")
	}
	if service.GetID() == "matrix" { // it logs in to be initialised
		return nil
	}
	return withoutAddress(service.Initialize(config, nil), address)
}

// serviceOf is the service an address is of, and the address as that service
// wants it. Its error holds nothing of the address.
func serviceOf(address string) (types.Service, *url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return nil, nil, errors.New("is not an absolute URL")
	}
	name, _, custom := strings.Cut(u.Scheme, "+")
	switch name {
	case "http", "https":
		return nil, nil, fmt.Errorf("names no service: for a webhook write generic+%s://", name)
	case "mailto":
		return nil, nil, errors.New("names no server: for mail write smtp://USER:PASSWORD@HOST:587/?from=ADDRESS&to=ADDRESS")
	case "logger":
		return nil, nil, errors.New("tells nobody: the process log has it all anyway")
	}
	known := new(router.ServiceRouter)
	service, err := known.NewService(name)
	if err != nil {
		services := slices.DeleteFunc(known.ListServices(), func(s string) bool { return s == "logger" })
		slices.Sort(services)
		return nil, nil, fmt.Errorf("is of no known service: there are %s", strings.Join(services, ", "))
	}
	if !custom {
		return service, overTLS(service, u), nil
	}
	converter, ok := service.(types.CustomURLService)
	if !ok {
		return nil, nil, fmt.Errorf("is not of a form that %s has: write %s://", service.GetID(), service.GetID())
	}
	if u, err = converter.GetConfigURLFromCustom(u); err == nil && u == nil {
		err = errors.New("is not of a form that this service has")
	}
	return service, u, withoutAddress(err, address)
}

// overTLS is the address of a mail server with the demand that it does TLS,
// unless the address says something of that itself: shoutrrr would go on in the
// clear where a server, or who stands between, offers none.
func overTLS(service types.Service, u *url.URL) *url.URL {
	const key = "requirestarttls"
	if service.GetID() != "smtp" || loopback(u.Hostname()) {
		return u
	}
	query := u.Query()
	for said := range query {
		if strings.EqualFold(said, key) {
			return u
		}
	}
	query.Set(key, "yes")
	demanding := *u
	demanding.RawQuery = query.Encode()
	return &demanding
}

// inTheClear tells whether an address asks for no TLS, in any of the ways that
// services have for it.
func inTheClear(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if strings.HasSuffix(u.Scheme, "+http") {
		return true
	}
	for key, values := range u.Query() {
		no := slices.Contains([]string{"yes", "true", "1"}, strings.ToLower(values[0]))
		switch strings.ToLower(key) {
		case "disabletls":
			if no {
				return true
			}
		case "scheme":
			if strings.EqualFold(values[0], "http") {
				return true
			}
		}
	}
	return false
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// recovered makes an error of a panic: what reads addresses is not our code,
// and must not end the worker.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = errors.New("the service cannot make sense of the address")
	}
}
