package config

import (
	"slices"
	"strings"
)

// Keep takes over from the configuration that a service runs with what cannot
// change while it runs, and returns the keys of which it asks something else:
// those take a restart. With the address of a side its whole section stays, for
// its credential is not meant for another server.
func (c *Config) Keep(running *Config) (restart []string) {
	var keep []func()
	for _, fixed := range []struct {
		key   string
		value func(*Config) *string
		keep  func()
	}{
		{"okta.org_url", func(c *Config) *string { return &c.Okta.OrgURL }, func() { c.Okta = running.Okta; c.keepWritten(running, "okta.") }},
		{"zenqms.base_url", func(c *Config) *string { return &c.ZenQMS.BaseURL }, func() { c.ZenQMS = running.ZenQMS; c.keepWritten(running, "zenqms.") }},
		{"relay.listen", func(c *Config) *string { return &c.Relay.Listen }, func() { c.Relay.Listen = running.Relay.Listen }},
		{"relay.tls_cert_file", func(c *Config) *string { return &c.Relay.TLSCertFile }, func() { c.keepTLS(running) }},
		{"relay.tls_key_file", func(c *Config) *string { return &c.Relay.TLSKeyFile }, func() { c.keepTLS(running) }},
		{"worker.listen", func(c *Config) *string { return &c.Worker.Listen }, func() { c.Worker.Listen = running.Worker.Listen }},
		{"store.path", func(c *Config) *string { return &c.Store.Path }, func() { c.Store.Path = running.Store.Path; c.keepWritten(running, "store.") }},
	} {
		if *fixed.value(c) != *fixed.value(running) {
			restart = append(restart, fixed.key)
			keep = append(keep, fixed.keep)
		}
	}
	for _, keep := range keep { // only then: to keep one key may be to keep another
		keep()
	}
	return restart
}

func (c *Config) keepTLS(running *Config) {
	c.Relay.TLSCertFile, c.Relay.TLSKeyFile = running.Relay.TLSCertFile, running.Relay.TLSKeyFile
	c.keepWritten(running, "relay.tls_")
}

// keepWritten takes over how file names are spelled, of keys that begin so.
func (c *Config) keepWritten(running *Config, prefix string) {
	for key := range c.written {
		if strings.HasPrefix(key, prefix) {
			delete(c.written, key)
		}
	}
	for key, name := range running.written {
		if strings.HasPrefix(key, prefix) {
			c.written[key] = name
		}
	}
}

// Copies are the keys of the sections whose files are copies that systemd made
// when it started this service: whatever becomes of the files they were made
// of, they stay as they are.
func (c *Config) Copies(sections ...string) (keys []string) {
	for _, f := range c.files() {
		section, _, _ := strings.Cut(f.key, ".")
		if slices.Contains(sections, section) && isCredential(*f.name) {
			keys = append(keys, f.key)
		}
	}
	return keys
}
