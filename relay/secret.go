package relay

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"os"
	"strings"
)

// maxSecret is the largest file taken for a secret, in bytes.
const maxSecret = 8 << 10

// Secret is what Okta shows to prove that it is Okta: the secret of the event
// hook and, while it is being rotated, the previous one. Only their hashes
// are kept. The files are read again as they change (see watched). It is safe
// for concurrent use.
type Secret struct {
	files []*watched[[sha256.Size]byte]
}

// OpenSecret reads the secret from path and the previous one from
// previousPath, "" for none. Blanks around a secret do not count. Errors name
// the file and what to do, never the content.
func OpenSecret(path, previousPath string) (*Secret, error) {
	paths := []string{path}
	if previousPath != "" {
		paths = append(paths, previousPath)
	}
	s := &Secret{}
	for _, p := range paths {
		file, err := watch(p, func() ([sha256.Size]byte, error) { return readSecret(p) })
		if err != nil {
			return nil, fmt.Errorf("read the secret of the event hook: %w", err)
		}
		s.files = append(s.files, file)
	}
	return s, nil
}

// Accepts tells whether the value of an Authorization header is one of the
// secrets, as it is or behind a scheme such as Bearer. It compares hashes, and
// all of them, so the time it takes says nothing about a secret.
func (s *Secret) Accepts(authorization string) bool {
	_, credentials, _ := strings.Cut(authorization, " ")
	whole, bare := sha256.Sum256([]byte(authorization)), sha256.Sum256([]byte(credentials))
	accepted := 0
	for _, file := range s.files {
		secret := file.get()
		accepted |= subtle.ConstantTimeCompare(secret[:], whole[:])
		accepted |= subtle.ConstantTimeCompare(secret[:], bare[:])
	}
	return accepted == 1
}

func readSecret(path string) (sum [sha256.Size]byte, err error) {
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
		return sum, fmt.Errorf("%s is empty (put the secret into it)", path)
	}
	return sha256.Sum256(secret), nil
}
