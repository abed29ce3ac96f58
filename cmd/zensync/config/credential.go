package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// credentials is the directory in which systemd hands a service its secrets
// (systemd.exec(5), CREDENTIALS), or "".
func credentials() string {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Clean(dir)
}

func isCredential(name string) bool {
	dir := credentials()
	return dir != "" && strings.HasPrefix(name, dir+string(filepath.Separator))
}

// resolve finds a file. A credential comes before the file of that name beside
// the configuration, unless that was changed since the copy was made: systemd
// makes copies when the service starts, and a reload is to find what is new. Of
// a credential whose own file is not there our units make an empty line: it
// counts as none.
func resolve(base, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	beside := filepath.Join(base, name)
	dir := credentials()
	if dir == "" || !filepath.IsLocal(name) {
		return beside
	}
	credential := filepath.Join(dir, name)
	made, err := os.Stat(credential)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && made.Size() <= int64(len("\n")):
		return beside
	case err != nil:
		return credential
	}
	if there, err := os.Stat(beside); err == nil && changed(there).After(changed(made)) {
		return beside
	}
	return credential
}

// Copies are the keys of the sections whose files are copies that systemd made
// when it started this service, of files that it cannot see: whatever becomes of
// those, the copies stay as they are.
func (c *Config) Copies(sections ...string) (keys []string) {
	for _, f := range c.files() {
		section, _, _ := strings.Cut(f.key, ".")
		if !slices.Contains(sections, section) || !isCredential(*f.name) {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(c.Path), c.written[f.key])); err != nil {
			keys = append(keys, f.key)
		}
	}
	return keys
}
