package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// file is a configured file.
type file struct {
	key  string
	name *string
	kind kind
}

// kind is what a file holds, and thereby how it is checked when read.
type kind int

const (
	token       kind = iota // one line, sent in a header
	privateKey              // PEM
	certificate             // PEM, no secret
	addresses               // of those who are told, one a line
)

// The keys of the hook's secret, which is rotated.
const (
	secretKey         = "relay.secret_file"
	previousSecretKey = "relay.previous_secret_file"
)

// files lists every key that names a file with something to read. The store is
// not one: it is created where it is missing.
func (c *Config) files() []file {
	return []file{
		{"okta.private_key_file", &c.Okta.PrivateKeyFile, privateKey},
		{"okta.api_token_file", &c.Okta.APITokenFile, token},
		{"zenqms.api_key_file", &c.ZenQMS.APIKeyFile, token},
		{secretKey, &c.Relay.SecretFile, token},
		{previousSecretKey, &c.Relay.PreviousSecretFile, token},
		{"relay.tls_cert_file", &c.Relay.TLSCertFile, certificate},
		{"relay.tls_key_file", &c.Relay.TLSKeyFile, privateKey},
		{recipientsKey, &c.Notify.URLsFile, addresses},
	}
}

// resolveFiles makes the file names absolute. Relative ones are looked up among
// systemd's credentials, then beside the configuration, the directory base.
func (c *Config) resolveFiles(base string, r *report) {
	c.written = map[string]string{"store.path": c.Store.Path}
	if !filepath.IsAbs(c.Store.Path) {
		c.Store.Path = filepath.Join(base, c.Store.Path)
	}
	for _, f := range c.files() {
		if *f.name == "" || r.bad[f.key] {
			continue
		}
		name := *f.name
		c.written[f.key] = name
		*f.name = resolve(base, name)
		if _, err := os.Stat(*f.name); err != nil && looksLikeSecret(name) {
			r.add(f.key, "looks like the secret itself, not like the name of a file",
				"put the secret into a file and write the name of that file here")
		}
	}
	c.resolvePrevious(r)
}

// resolvePrevious puts the previous secret beside the present one unless the
// file says otherwise. It has to be a file of its own, for a rotation
// overwrites and removes it.
func (c *Config) resolvePrevious(r *report) {
	previous := &c.Relay.PreviousSecretFile
	if *previous == "" && c.Relay.SecretFile != "" {
		*previous = c.Relay.SecretFile + ".previous"
		c.written[previousSecretKey] = c.written[secretKey] + ".previous"
	}
	for _, f := range c.files() {
		if f.key != previousSecretKey && *f.name != "" && *f.name == *previous {
			r.add(previousSecretKey, "is the file of "+f.key, "name a file of its own, or remove the key")
		}
	}
}

// exists tells whether there is a file. Of a credential whose own file is not
// there our units make an empty line: it counts as none.
func exists(name string) bool {
	info, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist) && (err != nil || info.Size() > int64(len("\n")))
}

// looksLikeSecret tells a pasted key, token or address from a file name, for errors and
// listings repeat file names. It may be asked only of names that do not exist.
func looksLikeSecret(name string) bool {
	for _, sign := range []string{"-----BEGIN", "SSWS ", "Bearer ", "\n", "://"} {
		if strings.Contains(name, sign) {
			return true
		}
	}
	base := filepath.Base(name)
	if strings.HasPrefix(base, "eyJ") || len(base) > 80 { // a JWT; no sane file name is that long
		return true
	}
	return len(base) >= 20 && filepath.Ext(base) == "" && strings.ContainsFunc(base, unicode.IsDigit)
}
