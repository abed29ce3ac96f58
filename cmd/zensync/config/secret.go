package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// maxSecret is the largest file taken for a secret. A certificate chain, the
// longest of them, has some 10 KiB.
const maxSecret = 64 << 10

// OktaKey reads the private key of the Okta service app, a PEM block.
func (c *Config) OktaKey() ([]byte, error) {
	return c.secret("okta.private_key_file", "set client_id, private_key_file and private_key_id")
}

// OktaToken reads the Okta API token.
func (c *Config) OktaToken() ([]byte, error) {
	return c.secret("okta.api_token_file", "name the file that holds the API token")
}

// ZenQMSKey reads the ZenQMS API key.
func (c *Config) ZenQMSKey() ([]byte, error) {
	return c.secret("zenqms.api_key_file", "name the file that holds the API key")
}

// HookSecret reads the secret of the event hook.
func (c *Config) HookSecret() ([]byte, error) {
	return c.secret(secretKey, "name the file that holds the secret of the event hook")
}

// PreviousHookSecret reads the secret that is still accepted while rotating. It
// returns nil and no error when there is no such file: there is one only during
// a rotation.
func (c *Config) PreviousHookSecret() ([]byte, error) {
	if name := c.Relay.PreviousSecretFile; name != "" && !exists(name) {
		return nil, nil
	}
	secret, err := c.secret(previousSecretKey, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return secret, err
}

// CheckSecrets reads every configured file once and reports all that fail as
// one *Error. It keeps nothing.
func (c *Config) CheckSecrets() error {
	r := c.report()
	used := c.SecretFiles()
	for _, f := range c.files() {
		if slices.ContainsFunc(used, func(u SecretFile) bool { return u.Key == f.key }) {
			c.read(f, r)
		}
	}
	return r.err()
}

// SecretFile is a file that the configuration names.
type SecretFile struct {
	Key    string // as in zenqms.api_key_file
	Name   string
	Public bool // a certificate, which is no secret
}

// SecretFiles are those that are in use: of a previous secret, only the one of a
// rotation under way, and beside notify.urls only a file of addresses that is
// there.
func (c *Config) SecretFiles() []SecretFile {
	var used []SecretFile
	for _, f := range c.files() {
		optional := f.key == previousSecretKey || f.key == recipientsKey && len(c.Notify.URLs) > 0
		if *f.name != "" && (!optional || exists(*f.name)) {
			used = append(used, SecretFile{Key: f.key, Name: *f.name, Public: f.kind == certificate})
		}
	}
	return used
}

// CheckSecret reads one of SecretFiles, and keeps nothing.
func (c *Config) CheckSecret(key string) error {
	_, err := c.secret(key, "")
	return err
}

// CheckRotatable tells whether the files of the hook's secret can be replaced:
// those that systemd hands to a service are copies, which go with it.
func (c *Config) CheckRotatable() error {
	r := c.report()
	for _, f := range c.files() {
		if (f.key == secretKey || f.key == previousSecretKey) && isCredential(*f.name) {
			r.add(f.key, *f.name+" is the copy that systemd made for the service",
				"run this outside the service, as the owner of the file itself, where the name is found beside the configuration")
			break // the other one goes with it
		}
	}
	return r.err()
}

// secret reads the file that key names, afresh at every call, so that a changed
// file is seen. Trailing line ends are cut off. The error is an *Error and holds
// nothing of the content.
func (c *Config) secret(key, remedy string) ([]byte, error) {
	r := c.report()
	for _, f := range c.files() {
		if f.key != key {
			continue
		}
		if *f.name == "" {
			r.add(key, "is not set", remedy)
			return nil, r.err()
		}
		return c.read(f, r), r.err()
	}
	panic("config: no file is called " + key)
}

func (c *Config) report() *report {
	return &report{file: c.Path, at: c.at, bad: map[string]bool{}}
}

// read returns the content of f. What is wrong with it is reported.
func (c *Config) read(f file, r *report) []byte {
	content := read(f, r)
	if f.kind == addresses {
		c.checkRecipients(f, content, r)
	}
	return content
}

// read returns the content of f, or nil after reporting what is wrong with it
// as a file of its kind.
func read(f file, r *report) []byte {
	name := *f.name
	handle, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO must not hang us
	if err != nil {
		r.add(f.key, "cannot open "+name+": "+plain(err), openRemedy(err))
		r.problems[len(r.problems)-1].cause = err
		return nil
	}
	defer handle.Close()
	info, err := handle.Stat()
	if err != nil {
		r.add(f.key, "cannot read "+name+": "+plain(err), "check the file")
		return nil
	}
	if what, remedy := f.mode(info); what != "" {
		r.add(f.key, name+" "+what, remedy)
		return nil
	}
	content, err := io.ReadAll(io.LimitReader(handle, maxSecret+1))
	if err != nil {
		r.add(f.key, "cannot read "+name+": "+plain(err), "check the file")
		return nil
	}
	if len(content) > maxSecret {
		r.add(f.key, fmt.Sprintf("%s is larger than %d KiB", name, maxSecret>>10), "name the file that holds the secret and nothing else")
		return nil
	}
	content = bytes.TrimRight(content, "\r\n")
	if what, remedy := f.content(content); what != "" {
		r.add(f.key, name+" "+what, remedy)
		return nil
	}
	return content
}

func openRemedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "create the file or correct the name"
	case errors.Is(err, fs.ErrPermission):
		return "let the user zensync runs as read it, and nobody else"
	}
	return "check the file"
}

// mode says what is wrong with the kind of file and its permissions. systemd
// guards its credentials itself, with modes of its own.
func (f file) mode(info fs.FileInfo) (what, remedy string) {
	if info.IsDir() {
		return "is a directory", "name the file in it"
	}
	if !info.Mode().IsRegular() {
		return "is not a regular file", "name a regular file"
	}
	if open := info.Mode().Perm() & 0o077; open != 0 && f.kind != certificate && !isCredential(*f.name) {
		return fmt.Sprintf("is open to other users (mode %04o)", info.Mode().Perm()), "chmod 600 " + *f.name
	}
	return "", ""
}

// content says what is wrong with the content, without repeating any of it.
func (f file) content(content []byte) (what, remedy string) {
	if len(bytes.TrimSpace(content)) == 0 {
		return "is empty", "put the secret into it"
	}
	switch f.kind {
	case addresses: // each line is looked at by itself
		return "", ""
	case privateKey, certificate:
		if !bytes.Contains(content, []byte("-----BEGIN ")) {
			return "holds no PEM block", "it begins with -----BEGIN and ends with -----END; copy all of it"
		}
		return "", ""
	}
	if bytes.ContainsFunc(content, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "holds more than one word of plain ASCII", "put the secret alone on one line, without blanks"
	}
	return "", ""
}
