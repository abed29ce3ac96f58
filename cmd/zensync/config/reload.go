package config

// setting is a key, and where its value is.
type setting struct {
	key   string
	value *string
}

// fixed are the keys whose values cannot change while a service runs.
func (c *Config) fixed() []setting {
	return []setting{
		{"okta.org_url", &c.Okta.OrgURL},
		{"zenqms.base_url", &c.ZenQMS.BaseURL},
		{"relay.listen", &c.Relay.Listen},
		{"relay.tls_cert_file", &c.Relay.TLSCertFile},
		{"relay.tls_key_file", &c.Relay.TLSKeyFile},
		{"worker.listen", &c.Worker.Listen},
		{"store.path", &c.Store.Path},
	}
}

// Keep takes over from the configuration that a service runs with what cannot
// change while it runs, and returns the keys of which it asks something else:
// those take a restart.
func (c *Config) Keep(running *Config) (restart []string) {
	values := running.fixed()
	for i, s := range c.fixed() {
		if *s.value == *values[i].value {
			continue
		}
		restart = append(restart, s.key)
		*s.value = *values[i].value
		if name, is := running.written[s.key]; is {
			c.written[s.key] = name
		} else {
			delete(c.written, s.key)
		}
	}
	return restart
}
