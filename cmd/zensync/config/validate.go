package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// Statuses are Okta's user statuses, the keys sync.statuses may have.
// Source: Okta Management API, schema UserStatus.
var Statuses = []string{
	"ACTIVE", "DEPROVISIONED", "LOCKED_OUT", "PASSWORD_EXPIRED",
	"PROVISIONED", "RECOVERY", "STAGED", "SUSPENDED",
}

// validator applies the rules that concern values. A key that is not in the
// file holds its default and passes; a key that could not be decoded is skipped.
type validator struct {
	*report
	checks Checks
}

func (v *validator) config(c *Config) {
	v.okta(&c.Okta)
	v.zenqms(&c.ZenQMS)
	v.relay(&c.Relay)
	v.sync(&c.Sync)
	v.safety(&c.Safety)
	v.roles(c.Roles, c.Safety)
	v.worker(c.Worker, c.Relay)
	v.notify(c.Notify)
}

func (v *validator) okta(o *Okta) {
	v.missing("okta.org_url", "set it to the address of your org, as in https://example.okta.com")
	v.orgURL(&o.OrgURL)
	v.oktaCredentials(o)
	if v.given("okta.rate_share") && !(o.RateShare > 0 && o.RateShare <= 1) {
		v.add("okta.rate_share", "must be more than 0 and at most 1", "0.5 leaves half of Okta's rate limit to others")
	}
}

// oktaCredentials wants a service app or a token, whole and only one.
func (v *validator) oktaCredentials(o *Okta) {
	app := []string{"okta.client_id", "okta.private_key_file", "okta.private_key_id"}
	hasApp, hasToken := v.placed(app...), v.placed("okta.api_token_file")
	switch {
	case hasApp && hasToken:
		v.add("okta.api_token_file", "is set beside a service app",
			"keep either api_token_file or client_id, private_key_file and private_key_id")
	case hasApp:
		for _, key := range app {
			v.missing(key, "a service app needs client_id, private_key_file and private_key_id")
		}
	case !hasToken && !v.bad["okta"]:
		v.add("okta", "has no credentials", "set client_id, private_key_file and private_key_id, or api_token_file")
	}
}

func (v *validator) zenqms(z *ZenQMS) {
	v.missing("zenqms.base_url", "set it to https://public-api.zenqms.com, or for the sandbox to https://public-api-sandbox.zenqms.com")
	v.webURL("zenqms.base_url", &z.BaseURL)
	v.missing("zenqms.api_key_file", "name the file that holds the API key")
	if v.given("zenqms.auth_header") && !isHeaderName(z.AuthHeader) {
		v.add("zenqms.auth_header", "is not the name of an HTTP header", "the usual one is Authorization")
	}
	// Somebody may have put the key itself here: it is not repeated.
	if v.given("zenqms.auth_prefix") && !isAuthPrefix(z.AuthPrefix) {
		v.add("zenqms.auth_prefix", "must be a short word and a blank, or empty",
			`the usual one is "Bearer "; the key itself belongs into the file named by api_key_file`)
	}
	if v.given("zenqms.max_requests_per_second") && !(z.MaxRequestsPerSecond > 0 && z.MaxRequestsPerSecond <= 1000) {
		v.add("zenqms.max_requests_per_second", "must be more than 0 and at most 1000", "the default is 10")
	}
	v.count("zenqms.concurrency", z.Concurrency, 1, 64)
}

func (v *validator) relay(r *Relay) {
	v.listen("relay.listen", r.Listen)
	v.missing("relay.public_url", "set it to the https address Okta calls, as in https://hooks.example.com/okta/events")
	v.webURL("relay.public_url", &r.PublicURL)
	v.missing("relay.secret_file", "name the file that holds the secret of the event hook")
	cert, key := v.placed("relay.tls_cert_file"), v.placed("relay.tls_key_file")
	switch {
	case cert && !key:
		v.add("relay.tls_cert_file", "is set without tls_key_file", "set both, or neither behind a TLS proxy")
	case key && !cert:
		v.add("relay.tls_key_file", "is set without tls_cert_file", "set both, or neither behind a TLS proxy")
	case !cert && v.given("relay.listen") && !isLoopbackAddress(r.Listen):
		v.add("relay.listen", "is reachable from outside without TLS, and the secret would travel in the clear",
			"listen on 127.0.0.1 behind a TLS proxy, or set tls_cert_file and tls_key_file")
	}
}

func (v *validator) sync(s *Sync) {
	v.schedule("sync.schedule", s.Schedule)
	v.count("sync.batch_size", s.BatchSize, 1, 100)
	if v.given("sync.groups") && len(s.Groups) == 0 {
		v.add("sync.groups", "lists no group", "name the groups to sync, or remove the key to sync every user")
	}
	for i := range s.Groups {
		key := fmt.Sprintf("sync.groups[%d]", i)
		if v.given(key) && slices.Contains(s.Groups[:i], s.Groups[i]) {
			v.add(key, "is listed twice", "keep one of the two")
		}
	}
	v.choice("sync.out_of_scope", s.OutOfScope, "ignore", "deactivate")
	for status, meaning := range s.Statuses {
		key := "sync.statuses." + status
		if !slices.Contains(Statuses, status) {
			remedy := "the statuses are " + strings.Join(Statuses, ", ")
			if near := Nearest(status, Statuses); near != "" {
				remedy = "did you mean " + near + "?"
			}
			v.add(key, "is not a status of Okta's", remedy)
			continue
		}
		v.choice(key, meaning, "active", "inactive", "ignore")
	}
}

func (v *validator) safety(s *Safety) {
	v.count("safety.max_deactivations", s.MaxDeactivations, 0, maxCount)
	v.count("safety.max_deactivation_percent", s.MaxDeactivationPercent, 0, 100)
	v.count("safety.max_role_removals", s.MaxRoleRemovals, 0, maxCount)
	v.count("safety.max_role_removal_percent", s.MaxRoleRemovalPercent, 0, 100)
	v.count("safety.max_activations", s.MaxActivations, 0, maxCount)
	v.count("safety.max_activation_percent", s.MaxActivationPercent, 0, 100)
	for i, pattern := range s.NeverRoles {
		key := fmt.Sprintf("safety.never_roles[%d]", i)
		if v.given(key) && !isGlob(pattern) {
			v.add(key, "is not a valid pattern", "use * for any text and ? for one letter; close every [ with ]")
		}
	}
}

func (v *validator) roles(roles []Role, safety Safety) {
	first := map[Role]int{}
	for i, role := range roles {
		key := fmt.Sprintf("roles[%d]", i)
		if v.bad[key] {
			continue
		}
		v.missing(key+".okta_group", "name the Okta group whose members get the role")
		v.missing(key+".zenqms_role", "name the ZenQMS role the members get")
		if !v.given(key+".okta_group") || !v.given(key+".zenqms_role") {
			continue
		}
		if pattern, refused := safety.Refuses(role.ZenQMSRole); refused {
			v.add(key+".zenqms_role", fmt.Sprintf("is refused by safety.never_roles (%s)", show(pattern)),
				"give this role by hand in ZenQMS, or take the pattern out of safety.never_roles")
		}
		pair := Role{strings.ToLower(role.OktaGroup), strings.ToLower(role.ZenQMSRole)}
		if line, twice := first[pair]; twice {
			v.add(key, fmt.Sprintf("is the same pair as on line %d", line), "keep one of the two")
			continue
		}
		first[pair] = v.at[key].line
	}
}

func (v *validator) worker(w Worker, r Relay) {
	v.count("worker.max_attempts", w.MaxAttempts, 1, 1000)
	if w.Listen == Off {
		return
	}
	v.listen("worker.listen", w.Listen)
	if host, _, err := net.SplitHostPort(w.Listen); err == nil && host == "" {
		v.add("worker.listen", "names no host, and would let every machine in", "write 127.0.0.1 before the port, or 0.0.0.0 if every machine is meant")
	}
	if w.Listen == r.Listen && !strings.HasSuffix(w.Listen, ":0") && v.placed("worker.listen", "relay.listen") {
		v.add("worker.listen", "is the same address as relay.listen", "give it a port of its own, as in 127.0.0.1:9180")
	}
}

// placed tells whether any of the keys stands in the file.
func (v *validator) placed(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { _, ok := v.at[key]; return ok })
}

func (v *validator) notify(n Notify) {
	for i := range n.URLs {
		v.notifyURL(fmt.Sprintf("notify.urls[%d]", i), n.URLs[i])
	}
	v.schedule("notify.digest", n.Digest)
}

func (v *validator) schedule(key, spec string) {
	if v.checks.Schedule == nil || !v.given(key) || spec == "" {
		return
	}
	if err := v.checks.Schedule(spec); err != nil {
		v.add(key, "is not a schedule: "+err.Error(), `write five cron fields, as in "17 */6 * * *", or "@every 6h"`)
	}
}

func (v *validator) count(key string, value, least, most int) {
	if !v.given(key) || value >= least && value <= most {
		return
	}
	if most == maxCount {
		v.add(key, fmt.Sprintf("is %d", value), fmt.Sprintf("must be %d or more", least))
		return
	}
	v.add(key, fmt.Sprintf("is %d", value), fmt.Sprintf("must be %d to %d", least, most))
}

func (v *validator) choice(key, value string, choices ...string) {
	if v.given(key) && !slices.Contains(choices, value) {
		v.add(key, "is "+show(value), "must be one of "+strings.Join(choices, ", "))
	}
}

// show quotes a value for an error, short enough for a line.
func show(value string) string {
	const most = 40
	if letters := []rune(value); len(letters) > most {
		value = string(letters[:most]) + "…"
	}
	return fmt.Sprintf("%q", value)
}
