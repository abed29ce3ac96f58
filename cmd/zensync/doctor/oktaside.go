package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/zensync/zensync/reconcile/okta"
)

const (
	// scopesTab is where the scopes are granted.
	scopesTab = "Okta's Admin Console, Applications > the app > Okta API Scopes"
	// oktaRole is where the role is given.
	oktaRole = "Okta's Admin Console, Applications > the app > Admin roles"
)

// oktaToken asks for an access token and, with it, for one user.
func (v *visit) oktaToken(ctx context.Context) []Finding {
	cfg, err := v.in.OktaConfig()
	if err != nil {
		return []Finding{failed(err.Error(), "correct the file that it names")}
	}
	v.oktaTime.now = v.now
	cfg.Transport, cfg.Timeout = &v.oktaTime, answerWithin
	if v.okta, err = okta.New(cfg); err != nil {
		return []Finding{failed(err.Error(), "correct the configuration, or the file that it names")}
	}
	page, err := v.okta.ListUsers(ctx, okta.Query{Limit: 1})
	v.oktaErr, v.oktaSaw = err, len(page.Users)
	var share *okta.ErrShare
	switch {
	case err == nil && cfg.APIToken != "":
		return []Finding{warning("Okta takes the API token, which acts as the administrator who made it",
			"for more than a trial use an API Services app (README, Set up Okta)")}
	case err == nil:
		return []Finding{ok("Okta gives an access token")}
	case errors.As(err, &share):
		return []Finding{warning(err.Error(), "try again in a minute")}
	case okta.IsCredential(err):
		return []Finding{v.refused(ctx, err)}
	case okta.StatusOf(err) == http.StatusForbidden:
		return []Finding{ok("Okta gives an access token")} // okta.users says what it is not good for
	case okta.StatusOf(err) == http.StatusTooManyRequests:
		return []Finding{warning(words(err), "others use up Okta's limit; try again in a minute")}
	case okta.StatusOf(err) > 0:
		return []Finding{failed(words(err), "if this lasts, see status.okta.com; check okta.org_url, and whether a proxy is in the way")}
	}
	return []Finding{failed(words(err), "check okta.org_url, DNS, the firewall, and that outbound HTTPS is allowed ($HTTPS_PROXY is used where it is set)")}
}

// words are what Okta said, without the remedy that the error itself knows.
func words(err error) string {
	var e *okta.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	var parts []string
	if e.Status != 0 {
		parts = append(parts, fmt.Sprintf("Okta answers %d %s", e.Status, http.StatusText(e.Status)))
	} else {
		parts = append(parts, "Okta gives no usable answer")
	}
	for _, part := range append([]string{e.Code, e.Summary}, e.Causes...) {
		if part != "" {
			parts = append(parts, strings.TrimSuffix(part, "."))
		}
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// refused says why Okta takes our credentials not, or not for all scopes.
func (v *visit) refused(ctx context.Context, err error) Finding {
	seen := words(err)
	if okta.IsScope(err) {
		return v.scopes(ctx)
	}
	switch okta.CodeOf(err) {
	case "invalid_dpop_proof":
		return failed(seen+": DPoP is on", `Okta's Admin Console, Applications > the app > General > General Settings: untick "Require Demonstrating Proof of Possession (DPoP) header in token requests"`)
	case "invalid_client":
		return failed(v.withClock(seen), v.clientRemedy(err))
	}
	return failed(v.withClock(seen), "make a new API token in Okta (Security > API > Tokens) and put it into okta.api_token_file, or check the app: is it active, and is its key still there?")
}

// oktaScopes looks which scopes are granted: a token may be given for some alone.
func (v *visit) oktaScopes(ctx context.Context) []Finding {
	if v.in.Okta.APITokenFile != "" {
		return []Finding{skipped("an API token has none: it may do what its owner may")}
	}
	return []Finding{v.scopes(ctx)}
}

// groupScope is the one scope that is of no use where no groups are mapped.
const groupScope = "okta.groups.read"

func (v *visit) scopes(ctx context.Context) Finding {
	all := strings.Join(okta.Scopes(), ", ")
	denied, err := v.okta.DeniedScopes(ctx)
	seen := "not granted to the app: " + strings.Join(denied, ", ")
	switch {
	case err != nil:
		return failed("which scopes are granted cannot be told: "+words(err), "grant exactly "+all+": "+scopesTab)
	case len(denied) == 0:
		return ok("granted: %s", all)
	case v.oktaErr == nil && len(denied) == 1 && denied[0] == groupScope && len(v.in.Sync.Groups)+len(v.in.Pairs) == 0:
		return warning(seen, "grant it before sync.groups or roles name a group: "+scopesTab)
	}
	return failed(seen, "grant it: "+scopesTab)
}

func (v *visit) withClock(seen string) string {
	if off := v.oktaTime.off(); off != "" {
		seen += "; and " + off + " Okta's"
	}
	return seen
}

// clientRemedy tells the ways apart in which the app and what we know of it
// disagree, by Okta's words, of which it documents those about kid and signature
// alone: where none help, all ways are named.
func (v *visit) clientRemedy(err error) string {
	var e *okta.Error
	errors.As(err, &e)
	said := strings.ToLower(e.Summary)
	key := fmt.Sprintf("the public key with the key ID %q is registered with the app (General > Client Credentials) and belongs to %s",
		v.in.Okta.PrivateKeyID, v.in.Okta.PrivateKeyFile)
	has := func(word string) bool { return strings.Contains(said, word) }
	switch {
	case v.oktaTime.off() != "" || has("expir"):
		return "set this host's clock, and have it kept right (timedatectl set-ntp true)"
	case has("active"):
		return "activate the app: Okta's Admin Console, Applications > Inactive"
	case has("kid"), has("jwk"), has("public key"), has("signature"):
		return "see to it that " + key
	case has("client_id"), has("client id"):
		return "compare okta.client_id with the Client ID of the app (General > Client Credentials)"
	case has("audience"), has("endpoint"):
		return "okta.org_url has to be the address at which Okta itself answers: try https://YOURORG.okta.com"
	}
	return "check that okta.client_id is the app's Client ID, that the app is active, and that " + key
}

func (v *visit) oktaClock(context.Context) []Finding {
	return []Finding{v.oktaTime.finding("Okta")}
}

// oktaUsers says whether the app may read users, as okta.token has tried.
func (v *visit) oktaUsers(context.Context) []Finding {
	switch {
	case okta.IsScope(v.oktaErr):
		return []Finding{failed(words(v.oktaErr), "grant the scope okta.users.read: "+scopesTab)}
	case okta.StatusOf(v.oktaErr) == http.StatusForbidden:
		return []Finding{failed(words(v.oktaErr)+": the scope is granted, an admin role is missing",
			"give the app a role that covers all users: "+oktaRole)}
	case v.oktaErr != nil:
		return []Finding{warning(words(v.oktaErr), "try again in a minute")}
	case v.oktaSaw == 0:
		return []Finding{warning("Okta lists no user at all", "unless the org is empty, the app's role covers nobody: "+oktaRole)}
	}
	return []Finding{ok("users can be read; whether the role covers all of them cannot be told from here")}
}

// oktaHooks says whether the app may see event hooks.
func (v *visit) oktaHooks(ctx context.Context) []Finding {
	hooks, err := v.okta.Hooks(ctx)
	switch {
	case okta.IsScope(err):
		return []Finding{ok("event hooks cannot be listed with the scopes there are; zensync does without, by the id of its own")}
	case okta.StatusOf(err) == http.StatusForbidden:
		return []Finding{warning(words(err)+": either the app has no admin role for event hooks, and `zensync deploy` will fail, or listing them takes the scope okta.eventHooks.read, which zensync does without",
			"give the app the role Super Administrator, or a custom one that may manage event hooks: "+oktaRole)}
	case err != nil:
		return []Finding{warning(words(err), "try again in a minute")}
	}
	same, live := 0, 0
	for _, h := range hooks {
		if h.Name == v.deployment().HookName() {
			same++
		}
		if h.Status == "ACTIVE" && h.Verification == "VERIFIED" {
			live++
		}
	}
	if same > 1 {
		return []Finding{warning(fmt.Sprintf("%d event hooks are called %q: each event comes that often", same, v.deployment().HookName()),
			"delete those that are not hook.id of `zensync status`: Okta's Admin Console, Workflow > Event Hooks")}
	}
	// https://developer.okta.com/docs/guides/hooks-best-practices
	const most = 25
	if live >= most && same == 0 {
		return []Finding{failed(fmt.Sprintf("the org has %d active event hooks, and Okta allows %d", live, most), "deactivate one that is not used: Workflow > Event Hooks")}
	}
	return []Finding{ok("event hooks can be listed (whether they can be made, only `zensync deploy` shows)")}
}

// oktaRate says how much of the rate limit there is, as the answers so far have
// told.
func (v *visit) oktaRate(ctx context.Context) []Finding {
	if _, err := v.okta.ListUsers(ctx, okta.Query{Limit: 1}); err != nil {
		return []Finding{warning(words(err), "try again in a minute")}
	}
	rate := v.okta.Rate()
	if rate.Limit == 0 {
		return []Finding{skipped("Okta's answers say nothing of a rate limit")}
	}
	seen := fmt.Sprintf("the list of users: %d of %d calls a minute are left, of which zensync uses up to %g", rate.Remaining, rate.Limit, float64(rate.Limit)*v.in.Okta.RateShare)
	if float64(rate.Remaining) < float64(rate.Limit)*(1-v.in.Okta.RateShare) {
		return []Finding{warning(seen+": others have used so much that zensync waits", "see who does: Okta's Admin Console, Reports > Rate Limits")}
	}
	return []Finding{ok("%s", seen)}
}
