package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Print writes the effective configuration as YAML, defaults included. It shows
// the names of secret files and nothing of their content; of notify.urls it
// shows the schemes.
func (c *Config) Print(w io.Writer) error {
	text, err := yaml.MarshalWithOptions(c.redacted(),
		yaml.Indent(2), yaml.IndentSequence(true),
		yaml.CustomMarshaler(func(keep time.Duration) ([]byte, error) { return []byte(FormatKeep(keep)), nil }))
	if err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return nil
}

// Hash returns the SHA-256 of the effective values in hex: the same for the same
// configuration, however the file is laid out and wherever relative files are
// found. No secret goes into it.
func (c *Config) Hash() string {
	text, err := json.Marshal(c.portable())
	if err != nil {
		panic("config: text and numbers do not encode: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// portable is redacted with the names of files as the file spells them.
func (c *Config) portable() *Config {
	plain := c.redacted()
	for _, f := range plain.files() {
		if name, ok := c.written[f.key]; ok {
			*f.name = name
		}
	}
	if path, ok := c.written["store.path"]; ok {
		plain.Store.Path = path
	}
	return plain
}

// redacted returns a copy that may be shown to anybody who may see the log.
func (c *Config) redacted() *Config {
	public := *c
	public.Roles = slices.Clone(c.Roles)
	public.Sync.Groups = slices.Clone(c.Sync.Groups)
	public.Sync.Statuses = maps.Clone(c.Sync.Statuses)
	public.Safety.NeverRoles = slices.Clone(c.Safety.NeverRoles)
	public.Notify.URLs = make([]string, len(c.Notify.URLs))
	for i, address := range c.Notify.URLs {
		public.Notify.URLs[i] = "…"
		if scheme, _, ok := strings.Cut(address, ":"); ok {
			public.Notify.URLs[i] = scheme + "://…"
		}
	}
	return &public
}
