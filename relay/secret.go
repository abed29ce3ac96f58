package relay

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// maxSecret is the largest file taken for a secret, in bytes.
const maxSecret = 8 << 10

// Secret is what Okta shows to prove that it is Okta: the secret of the event
// hook and, while it is being rotated, the previous one. Only their hashes
// are kept. The files are read again as they change, both together (see
// watched). It is safe for concurrent use.
type Secret struct {
	files *watched[[]digest]
}

type digest = [sha256.Size]byte

// OpenSecret reads the secret from path and the previous one from
// previousPath, "" for none. A previous file that is absent or empty, at first
// or later, means none as well: there is one only during a rotation. Blanks
// around a secret do not count. Errors name the file and what to do, never the
// content.
func OpenSecret(path, previousPath string) (*Secret, error) {
	files, err := watch(path, func() ([]digest, error) { return readSecrets(path, previousPath) })
	if err != nil {
		return nil, fmt.Errorf("read the secret of the event hook: %w", err)
	}
	return &Secret{files}, nil
}

// Accepts tells whether the value of an Authorization header is one of the
// secrets, as it is or behind a scheme such as Bearer. It compares hashes, and
// all of them, so the time it takes says nothing about a secret.
func (s *Secret) Accepts(authorization string) bool {
	_, credentials, _ := strings.Cut(authorization, " ")
	whole, bare := sha256.Sum256([]byte(authorization)), sha256.Sum256([]byte(credentials))
	accepted := 0
	for _, secret := range s.files.get() {
		accepted |= subtle.ConstantTimeCompare(secret[:], whole[:])
		accepted |= subtle.ConstantTimeCompare(secret[:], bare[:])
	}
	return accepted == 1
}

// readSecrets reads the secret and, where there is one, the previous one. They
// are taken together or not at all: a new secret without the one it replaces
// would refuse what Okta still sends. So the secret must be the same before and
// after the other file is read, whichever way the files are being changed.
func readSecrets(path, previousPath string) ([]digest, error) {
	secret, err := readSecret(path)
	if err != nil || previousPath == "" {
		return []digest{secret}, err
	}
	for {
		secrets := []digest{secret}
		previous, err := readSecret(previousPath)
		switch {
		case err == nil:
			secrets = append(secrets, previous)
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errEmpty):
			return nil, err
		}
		before := secret
		if secret, err = readSecret(path); err != nil || secret == before {
			return secrets, err
		}
	}
}

// errEmpty is what is wrong with a file without a secret. Of the previous one it
// means that there is none: systemd's credentials cannot be absent.
var errEmpty = errors.New("is empty")

func readSecret(path string) (sum digest, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return sum, fmt.Errorf("%w (make the file, readable by this user, or correct its name)", err)
	case !info.Mode().IsRegular():
		return sum, fmt.Errorf("%s is not a regular file (name the file that holds the secret)", path)
	case info.Size() > maxSecret:
		return sum, fmt.Errorf("%s is larger than %d bytes (it has to hold the secret and nothing else)", path, maxSecret)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return sum, fmt.Errorf("%w (let this user read the file)", err)
	}
	secret := bytes.TrimSpace(content)
	if len(secret) == 0 {
		return sum, fmt.Errorf("%s %w (put the secret into it)", path, errEmpty)
	}
	return sha256.Sum256(secret), nil
}
