// Package setup makes a configuration and the files with its secrets out of a
// few answers, so that an administrator need not know how either is written.
//
// It asks nobody but him: whether Okta and ZenQMS agree, package doctor finds
// out. It changes no answer that was good, and overwrites no file unless it is
// told to, and then keeps what was there.
package setup

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zensync/zensync/cmd/zensync/config"
)

// The names of the files with secrets, beside the configuration. They are those
// under which the units hand them to the services.
const (
	keyName    = "okta.pem"
	tokenName  = "zenqms.key"
	secretName = "hook.secret"
)

// Answers are what has to be known. What is empty is asked for.
type Answers struct {
	OrgURL      string
	ClientID    string
	KeyFile     string // a private key there is, or
	GenerateKey bool   // one to be made
	KeyID       string // of a key to be made it may be left out
	ZenQMSURL   string
	TokenFile   string // "-": what Stdin holds
	PublicURL   string
	StorePath   string // "": the default; it is never asked for
}

// Terminal asks a person.
type Terminal interface {
	// Ask asks a question, and returns the answer without the blanks around it.
	// io.EOF: there will be no more answers.
	Ask(ctx context.Context, question string) (string, error)
	// AskSecret is the same, and nobody sees the answer.
	AskSecret(ctx context.Context, question string) (string, error)
}

// Setup is one setup.
type Setup struct {
	Path     string // of the configuration to write
	Answers  Answers
	Force    bool
	Owner    Owner
	Terminal Terminal  // nil: nobody can be asked
	Stdin    io.Reader // for TokenFile "-"
	Tell     func(format string, args ...any)

	// CheckKey says what is wrong with a private key, in PEM.
	CheckKey func(pem []byte) error
}

// Result is what was written.
type Result struct {
	Files     []string // in the order of writing, the configuration last
	Kept      []string // copies of what was there before
	Copied    []string // where secrets were taken from
	PublicKey []byte   // JWK of a key that was made, one line; nil: none was
	KeyID     string
	ClientID  string
	PublicURL string
}

// InputError says that an answer is missing or wrong, and that there is nobody
// to ask.
type InputError struct{ text string }

func (e *InputError) Error() string { return e.text }

func inputError(format string, args ...any) error { return &InputError{fmt.Sprintf(format, args...)} }

// Run asks, checks and writes. After an error nothing was written.
func (s *Setup) Run(ctx context.Context) (*Result, error) {
	if err := s.free(); err != nil {
		return nil, err
	}
	filled, err := s.fill(ctx)
	if err != nil {
		return nil, err
	}
	secret, err := s.hookSecret()
	if err != nil {
		return nil, err
	}
	text := config.Filled(filled.values(s.Answers.StorePath))
	drafts := []draft{
		{name: s.beside(keyName), content: filled.key, from: s.Answers.KeyFile},
		{name: s.beside(tokenName), content: append(filled.token, '\n'), from: s.Answers.TokenFile},
		{name: s.beside(secretName), content: append(secret, '\n'), from: s.beside(secretName)},
		{name: s.Path, content: []byte(text), public: true}, // last: the services start as soon as it is there
	}
	written, kept, err := s.write(drafts)
	if err != nil {
		return nil, err
	}
	var copied []string
	for _, d := range drafts {
		if d.from != "" && d.from != "-" && !sameFile(d.name, d.from) {
			copied = append(copied, d.from)
		}
	}
	return &Result{
		Files: written, Kept: kept, Copied: copied, PublicKey: filled.jwk, KeyID: filled.keyID,
		ClientID: filled.clientID, PublicURL: filled.publicURL,
	}, nil
}

func (s *Setup) beside(name string) string { return filepath.Join(filepath.Dir(s.Path), name) }

// free looks, before anybody has to answer anything, whether there is a folder,
// and nothing in it that would be overwritten.
func (s *Setup) free() error {
	folder := filepath.Dir(s.Path)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s: make it, or install the package, which does; or name another file with --config", folder)
	}
	if s.Force {
		return nil
	}
	var there []string
	for _, f := range []struct{ name, from string }{
		{s.Path, ""}, {s.beside(keyName), s.Answers.KeyFile}, {s.beside(tokenName), s.Answers.TokenFile},
	} {
		if _, err := os.Lstat(f.name); err == nil && !sameFile(f.name, f.from) {
			there = append(there, f.name)
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("%s: there already, and nothing is overwritten without --force, which keeps a copy beside; `zensync doctor` says what is wrong with what is there",
			strings.Join(there, ", "))
	}
	return nil
}

// sameFile tells whether an answer is the very file that is to be written.
func sameFile(name, from string) bool {
	a, err := os.Stat(name)
	if err != nil || from == "" || from == "-" {
		return false
	}
	b, err := os.Stat(from)
	return err == nil && os.SameFile(a, b)
}

// hookSecretBytes is how many random bytes the secret of the hook is made of.
const hookSecretBytes = 32

// hookSecret makes one. One that is there stays, whatever --force says: Okta may
// have it, and to change it is for rotate-secret.
func (s *Setup) hookSecret() ([]byte, error) {
	name := s.beside(secretName)
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		random := make([]byte, hookSecretBytes)
		_, _ = rand.Read(random) // it never fails
		return []byte(hex.EncodeToString(random)), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret of the event hook that is there: %w", err)
	}
	secret, err := config.AnswerSecret("relay.secret_file", content)
	if err != nil {
		return nil, fmt.Errorf("%s is there, and is none: %w; remove it, and a new one is made", name, err)
	}
	s.Tell("the secret of the event hook in %s stays as it is; `zensync rotate-secret` changes it", name)
	return secret, nil
}

// filled is what the answers came to.
type filled struct {
	orgURL, clientID, keyID, zenqmsURL, publicURL string
	key, jwk, token                               []byte
}

// values are the keys of the configuration that are not as in the sample.
func (f *filled) values(storePath string) map[string]string {
	values := map[string]string{
		"okta.org_url": f.orgURL, "okta.client_id": f.clientID, "okta.private_key_id": f.keyID,
		"zenqms.base_url": f.zenqmsURL, "relay.public_url": f.publicURL,
	}
	if storePath != "" {
		values["store.path"] = storePath
	}
	return values
}

// fill asks for what was not given. With nobody to ask, all that is missing is
// named at once.
func (s *Setup) fill(ctx context.Context) (*filled, error) {
	if s.Answers.KeyFile != "" && s.Answers.GenerateKey {
		return nil, inputError("give either --key-file or --generate-key")
	}
	if s.Terminal == nil {
		if err := s.missing(); err != nil {
			return nil, err
		}
	}
	f := &filled{}
	for _, q := range []struct {
		question
		to *string
	}{
		{question{flag: "org-url", given: s.Answers.OrgURL, text: "Address of your Okta org, as in https://example.okta.com: ", check: s.checkOrg}, &f.orgURL},
		{question{flag: "client-id", given: s.Answers.ClientID, text: "Client ID of the API Services app made for zensync (0oa...): ", check: checkID("okta.client_id")}, &f.clientID},
	} {
		var err error
		if *q.to, err = s.ask(ctx, q.question); err != nil {
			return nil, err
		}
	}
	if err := s.fillKey(ctx, f); err != nil {
		return nil, err
	}
	var err error
	if f.zenqmsURL, err = s.ask(ctx, question{flag: "zenqms-url", given: cmp.Or(s.Answers.ZenQMSURL, s.defaultZenQMS()), fallback: production,
		text: "Address of ZenQMS's API; `sandbox` for " + sandbox + " [" + production + "]: ", check: checkZenQMS}); err != nil {
		return nil, err
	}
	if err := s.fillToken(ctx, f); err != nil {
		return nil, err
	}
	f.publicURL, err = s.ask(ctx, question{flag: "public-url", given: s.Answers.PublicURL,
		text: "Address at which Okta reaches the relay, as in https://hooks.example.com/okta/events: ", check: check("relay.public_url")})
	return f, err
}

// missing names what nobody can be asked for.
func (s *Setup) missing() error {
	a := s.Answers
	var flags []string
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"--org-url", a.OrgURL != ""}, {"--client-id", a.ClientID != ""},
		{"--key-file with --key-id, or --generate-key", a.GenerateKey || a.KeyFile != "" && a.KeyID != ""},
		{"--zenqms-token-file (- for stdin)", a.TokenFile != ""}, {"--public-url", a.PublicURL != ""},
	} {
		if !f.given {
			flags = append(flags, f.name)
		}
	}
	if len(flags) == 0 {
		return nil
	}
	return inputError("this is no terminal, so nothing can be asked: give %s", strings.Join(flags, "; "))
}
