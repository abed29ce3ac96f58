package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zensync/zensync/cmd/zensync/rotation"
	"github.com/zensync/zensync/reconcile"
	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// deployment is what `zensync deploy` would set up, as far as the hook depends
// on it.
func (v *visit) deployment() reconcile.Deployment {
	return reconcile.Deployment{
		Policy: v.in.Policy, HookURL: v.in.Relay.PublicURL,
		Groups: make([]store.MappedGroup, len(v.in.Sync.Groups)), Roles: make([]store.RolePair, len(v.in.Roles)),
	}
}

const (
	// anew is what makes a hook right, whatever it lacks.
	anew = "with the relay up, `zensync deploy` makes it so"
	// eventHooks is where an administrator finds it.
	eventHooks = "Okta's Admin Console, Workflow > Event Hooks"
)

// hook looks at the event hook: that it is there, gets events, and gets the
// right ones to the right place.
func (v *visit) hook(ctx context.Context) []Finding {
	var id, status, verified string
	if err := v.store.View(ctx, func(tx *store.Tx) (err error) {
		for key, value := range map[string]*string{store.HookID: &id, store.HookStatus: &status, store.HookVerified: &verified} {
			if *value, err = tx.Setting(key); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return []Finding{failed(err.Error(), restored)}
	}
	if !v.working() {
		return []Finding{skipped("nothing is deployed: `zensync deploy` makes the event hook")}
	}
	if id == "" {
		return []Finding{failed("the store knows of no event hook", anew)}
	}
	hook, err := v.okta.Hook(ctx, id)
	switch {
	case okta.IsNotFound(err):
		return []Finding{failed(fmt.Sprintf("Okta has no event hook %s any more", id), "with the relay up, `zensync deploy` makes a new one")}
	case okta.StatusOf(err) == http.StatusForbidden:
		seen := fmt.Sprintf("Okta does not let this app read the event hook %s; what it said of it last: %s, verified %s", id, orDash(status), orDash(verified))
		return []Finding{warning(seen, "look at it: "+eventHooks)}
	case err != nil:
		return []Finding{warning(words(err), "try again in a minute")}
	}
	return v.judgeHook(hook)
}

func (v *visit) judgeHook(hook okta.Hook) []Finding {
	found := []Finding{ok("Okta has the event hook %s, %q", hook.ID, hook.Name)}
	add := func(name string, good bool, seen, remedy string) {
		f := ok("%s", seen)
		if !good {
			f = failed(seen, remedy)
		}
		found = append(found, f.of("hook."+name))
	}
	add("status", hook.Status == "ACTIVE", hook.Status, "activate it: "+eventHooks+"; or "+anew)
	add("verified", hook.Verification == "VERIFIED", hook.Verification, anew)
	seen := "it calls " + hook.URL
	if hook.URL != v.in.Relay.PublicURL {
		seen += ", and relay.public_url is " + v.in.Relay.PublicURL
	}
	add("url", hook.URL == v.in.Relay.PublicURL, seen, anew)
	var missing []string
	want := v.deployment().Events()
	for _, event := range want {
		if !slices.Contains(hook.Events, event) {
			missing = append(missing, event)
		}
	}
	seen = fmt.Sprintf("it is subscribed to all %d kinds of events that are needed", len(want))
	if len(missing) > 0 {
		seen = "it is not subscribed to " + strings.Join(missing, ", ")
	}
	add("events", len(missing) == 0, seen, anew)
	return found
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// startRelay is what to do when there is no relay.
const startRelay = "`systemctl start zensync-relay`, or `zensync relay`, or `zensync run`"

// relay looks whether one is up. Before the first deploy nobody misses it.
func (v *visit) relay(context.Context) []Finding {
	if holder, alive := v.store.Alive(store.RelayPart); alive {
		return []Finding{ok("it is up, as `zensync %s`", holder)}
	}
	if !v.working() {
		return []Finding{skipped("none is up; `zensync deploy` needs one")}
	}
	return []Finding{failed("none is up: what Okta sends is lost until the next reconcile", startRelay)}
}

func (v *visit) door() rotation.Relay {
	return rotation.Relay{Listen: v.in.Relay.Listen, PublicURL: v.in.Relay.PublicURL, CertFile: v.in.Relay.TLSCertFile}
}

// otherSecret is what to do about a relay that refuses our secret.
const otherSecret = "the relay has another secret than relay.secret_file; as a service it has that of its start: `systemctl restart zensync-relay`, and look whether it says that it cannot read the file"

// reason is an error without the URL that net/http puts before it.
func reason(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// relayHere asks the relay where it listens, as Okta does when it verifies.
func (v *visit) relayHere(ctx context.Context) []Finding {
	secret, err := v.in.HookSecret()
	if err != nil {
		return []Finding{failed(err.Error(), "check the file")}
	}
	took, err := v.door().TakesHere(ctx, string(secret))
	switch {
	case err != nil:
		return []Finding{warning(fmt.Sprintf("no relay answers at relay.listen, %s: %v", v.in.Relay.Listen, reason(err)),
			"if systemd holds its socket, ListenStream= of zensync-relay.socket says where it is")}
	case !took:
		return []Finding{failed("the relay at "+v.in.Relay.Listen+" refuses the secret: it would refuse every event", otherSecret)}
	}
	return []Finding{ok("the relay at %s takes the secret", v.in.Relay.Listen)}
}

// relayOutside asks at the public address. From here that proves little of what
// Okta sees, and the finding says so.
func (v *visit) relayOutside(ctx context.Context) []Finding {
	secret, err := v.in.HookSecret()
	if err != nil {
		return []Finding{failed(err.Error(), "check the file")}
	}
	at := v.in.Relay.PublicURL
	took, err := v.door().TakesOutside(ctx, string(secret))
	switch {
	case err != nil:
		return []Finding{warning(fmt.Sprintf("from this host nothing that is a relay answers at %s: %v. That does not prove that Okta does not reach it", at, reason(err)),
			"unless this network cannot reach its own public address: check DNS, the proxy before the relay, its certificate and the firewall; `zensync deploy` has Okta try")}
	case !took:
		return []Finding{failed("what answers at "+at+" refuses the secret: it would refuse every event", otherSecret+"; a proxy before it has to leave the header Authorization as it is")}
	}
	return []Finding{ok("the relay answers at %s, with a certificate this host trusts if it is https. That does not prove that Okta reaches it from the internet: hook.verified is Okta's word", at)}
}
