// Package config reads zensync's one configuration file.
//
// It is strict: an unknown key, a value of the wrong kind or a value that
// cannot work is an error that names file, line, key and remedy, and all of
// them are reported in one go. It knows the defaults, finds the files that
// hold secrets and reads them when asked, so that each command opens only
// those it needs.
//
// It does not act on what it reads: it opens no connection and no database,
// and no value of the file is changed at run time.
package config

import (
	"os"
	"path/filepath"
	"time"
)

// DefaultPath is where an installed zensync keeps its configuration.
const DefaultPath = "/etc/zensync/zensync.yaml"

// Config is the effective configuration: what the file says, and the default
// wherever it says nothing. File names are absolute.
type Config struct {
	Okta   Okta   `yaml:"okta"`
	ZenQMS ZenQMS `yaml:"zenqms"`
	Relay  Relay  `yaml:"relay"`
	Sync   Sync   `yaml:"sync"`
	Roles  []Role `yaml:"roles"`
	Safety Safety `yaml:"safety"`
	Worker Worker `yaml:"worker"`
	Store  Store  `yaml:"store"`
	Notify Notify `yaml:"notify"`

	// Path is the file the configuration came from, as it was named to Load.
	Path string `yaml:"-" json:"-"`

	// at remembers where each key stands, for errors that only show later,
	// when a secret is read.
	at map[string]position
	// written holds the file names as the file spells them: the absolute ones
	// differ between a service with credentials and a shell without.
	written map[string]string
	// checkAddress is Checks.Notify, for the addresses in a file of their own.
	checkAddress func(address string) error
}

// Okta is the org that is read. Either the service app (ClientID, PrivateKeyFile,
// PrivateKeyID) or APITokenFile is set, never both.
type Okta struct {
	OrgURL         string  `yaml:"org_url"`
	ClientID       string  `yaml:"client_id,omitempty"`
	PrivateKeyFile string  `yaml:"private_key_file,omitempty"`
	PrivateKeyID   string  `yaml:"private_key_id,omitempty"`
	APITokenFile   string  `yaml:"api_token_file,omitempty"`
	RateShare      float64 `yaml:"rate_share"` // share of Okta's rate limit, above 0 to 1
}

// ZenQMS is the account that is written.
type ZenQMS struct {
	BaseURL              string  `yaml:"base_url"`
	APIKeyFile           string  `yaml:"api_key_file"`
	AuthHeader           string  `yaml:"auth_header"`
	AuthPrefix           string  `yaml:"auth_prefix"` // with its trailing space
	MaxRequestsPerSecond float64 `yaml:"max_requests_per_second"`
	Concurrency          int     `yaml:"concurrency"` // requests in flight
}

// Relay is the address Okta's event hook calls.
type Relay struct {
	Listen             string `yaml:"listen"`
	PublicURL          string `yaml:"public_url"`
	SecretFile         string `yaml:"secret_file"`
	PreviousSecretFile string `yaml:"previous_secret_file,omitempty"` // a file only while rotating; SecretFile + ".previous" by default
	TLSCertFile        string `yaml:"tls_cert_file,omitempty"`        // both or neither
	TLSKeyFile         string `yaml:"tls_key_file,omitempty"`
}

// Sync says when the full reconcile runs and whom it concerns.
type Sync struct {
	Schedule     string            `yaml:"schedule"`
	BatchSize    int               `yaml:"batch_size"`         // users a page
	Groups       []string          `yaml:"groups,omitempty"`   // none: every user is in scope
	OutOfScope   string            `yaml:"out_of_scope"`       // ignore or deactivate
	Statuses     map[string]string `yaml:"statuses,omitempty"` // Okta status -> active, inactive or ignore
	DefaultTitle string            `yaml:"default_title,omitempty"`
}

// Role gives the members of an Okta group a ZenQMS role. Each is a name or an id.
type Role struct {
	OktaGroup  string `yaml:"okta_group"`
	ZenQMSRole string `yaml:"zenqms_role"`
}

// Safety holds the limits of the brake. A maximum of 0 holds everything of its
// kind. The percentages are of the active links.
type Safety struct {
	MaxDeactivations       int      `yaml:"max_deactivations"`
	MaxDeactivationPercent int      `yaml:"max_deactivation_percent"`
	MaxRoleRemovals        int      `yaml:"max_role_removals"`
	MaxRoleRemovalPercent  int      `yaml:"max_role_removal_percent"`
	MaxActivations         int      `yaml:"max_activations"`
	MaxActivationPercent   int      `yaml:"max_activation_percent"`
	NeverRoles             []string `yaml:"never_roles"`
}

// Worker is the process that drains the outbox.
type Worker struct {
	MaxAttempts int    `yaml:"max_attempts"`
	Listen      string `yaml:"listen"` // health, metrics, status page; Off for none
}

// Off as Worker.Listen is no page at all.
const Off = "off"

// Store is the database and how long it keeps what is over and done.
type Store struct {
	Path string        `yaml:"path"`
	Keep time.Duration `yaml:"keep"`
}

// Notify says who is told. URLs may hold credentials: never print them.
type Notify struct {
	URLs     []string `yaml:"urls"`
	URLsFile string   `yaml:"urls_file,omitempty"` // more of them, one a line
	Digest   string   `yaml:"digest"`              // empty: no digest
}

// Locate returns the file to load: the flag if given, else what the environment
// variable ZENSYNC_CONFIG names, else DefaultPath.
func Locate(flag string) string {
	if flag != "" {
		return flag
	}
	if env := os.Getenv("ZENSYNC_CONFIG"); env != "" {
		return env
	}
	return DefaultPath
}

// Checks are rules whose knowledge lives in other packages. A nil one is skipped.
type Checks struct {
	// Schedule reports what is wrong with a cron specification.
	Schedule func(spec string) error
	// Notify reports what is wrong with an address of notify.urls or of its
	// file, as in "is no URL", and repeats nothing of it.
	Notify func(address string) error
}

// Load reads, completes and checks the file at path. It does not open the files
// that hold secrets. Whatever is wrong with the file is an *Error that lists
// every problem found.
func Load(path string, checks Checks) (*Config, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, unreadable(path, err)
	}

	c := defaults()
	c.Path = path
	d := decoder{report: report{file: path, at: map[string]position{}, bad: map[string]bool{}}}
	if !d.document(source, c) {
		return nil, d.err()
	}
	c.at, c.checkAddress = d.at, checks.Notify
	c.inherit(d.given)
	if c.Worker.Listen == "" {
		c.Worker.Listen = Off
	}
	v := validator{report: &d.report, checks: checks}
	v.config(c)
	c.resolveFiles(base, v.report)
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// defaults returns the configuration of an empty file. What has no default is
// zero; the validator asks for it.
func defaults() *Config {
	return &Config{
		Okta: Okta{RateShare: 0.5},
		ZenQMS: ZenQMS{
			AuthHeader:           "Authorization",
			AuthPrefix:           "Bearer ",
			MaxRequestsPerSecond: 10,
			Concurrency:          8,
		},
		Relay: Relay{Listen: "127.0.0.1:8080"},
		Sync: Sync{
			Schedule:   "17 */6 * * *", // off the hour, when everybody else's cron jobs run
			BatchSize:  100,
			OutOfScope: "ignore",
		},
		Roles: []Role{},
		Safety: Safety{
			MaxDeactivations:       10,
			MaxDeactivationPercent: 5,
			NeverRoles:             []string{"*Super User*"},
		},
		Worker: Worker{MaxAttempts: 12, Listen: "127.0.0.1:9180"},
		Store:  Store{Path: "/var/lib/zensync/zensync.db", Keep: 400 * day},
		Notify: Notify{URLs: []string{}, Digest: "0 7 * * 1"},
	}
}

// inherit fills the limits that default to those of deactivations. given tells
// an explicit 0, which holds everything, from a key that is not there.
func (c *Config) inherit(given func(key string) bool) {
	s := &c.Safety
	for _, limit := range []struct {
		key   string
		value *int
		from  int
	}{
		{"safety.max_role_removals", &s.MaxRoleRemovals, s.MaxDeactivations},
		{"safety.max_role_removal_percent", &s.MaxRoleRemovalPercent, s.MaxDeactivationPercent},
		{"safety.max_activations", &s.MaxActivations, s.MaxDeactivations},
		{"safety.max_activation_percent", &s.MaxActivationPercent, s.MaxDeactivationPercent},
	} {
		if !given(limit.key) {
			*limit.value = limit.from
		}
	}
}
