package qualify

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/zensync/zensync/reconcile/zenqms"
)

// Sandbox is a ZenQMS that is no fake, and that is there to be tried on.
type Sandbox struct {
	ZenQMS zenqms.Config
	run    string // in every address of this run
	ours   *belongings
}

// NewSandbox takes a ZenQMS for a sandbox if its address says so: its host has
// "sandbox" in its name, or is this machine.
func NewSandbox(cfg zenqms.Config) (*Sandbox, error) {
	u, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && ip.Unmap().IsLoopback()
	if !loopback && !strings.Contains(strings.ToLower(host), "sandbox") {
		return nil, fmt.Errorf("zenqms.base_url is %s, and that is no sandbox: its host has no \"sandbox\" in its name, and is not this machine; "+
			"give --config one that names https://public-api-sandbox.zenqms.com", cfg.BaseURL)
	}
	return &Sandbox{ZenQMS: cfg, run: strings.ToLower(rand.Text()[:6]), ours: &belongings{ids: map[string]bool{}}}, nil
}

// Prefix is how every address that this run makes begins.
func (b *Sandbox) Prefix() string { return "qualify-" + b.run + "-" }

// Account is one that was made in a sandbox.
type Account struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Left  string `json:"left"` // how it was left
}

// leaving is how long the accounts may take to be left in good order.
const leaving = 5 * time.Minute

// leave makes the accounts of this run inactive and takes their external_id.
func (b *Sandbox) leave(ctx context.Context) (all []Account) {
	ctx, cancel := context.WithTimeout(ctx, leaving)
	defer cancel()
	cfg := b.ZenQMS
	cfg.Transport = b.way(http.DefaultTransport, b.Prefix())
	client, err := zenqms.New(cfg)
	for _, id := range b.ours.all() {
		a := Account{ID: id, Left: "inactive, without an external_id"}
		if err == nil {
			var u zenqms.User
			if u, err = client.Update(ctx, id, zenqms.Patch{Active: no(), ExternalID: text("")}); err == nil {
				a.Email = u.Email
			}
		}
		if err != nil {
			a.Left, err = "as it was: "+err.Error(), nil
		}
		all = append(all, a)
	}
	return all
}

// untouched is the requirement of a sandbox: nobody else's account is touched.
func (b *Sandbox) untouched() Result {
	r := Result{ID: "SB-1", Kind: Operation, Text: "No account but those this run has made was to be written to", Verdict: Passed, Began: time.Now().UTC()}
	r.add(Step{Do: "Count the calls that were to write to another account, each of which was refused before it was sent", Want: "0 calls"},
		count(int(b.ours.strange.Load()), "call"))
	return r
}
