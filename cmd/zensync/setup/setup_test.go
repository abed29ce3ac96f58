package setup

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/config"
)

// person answers questions by what is in them, each time with the next answer.
type person struct {
	answers map[string][]string
	asked   []string
	secret  []string // questions whose answer was not to be seen
}

func (p *person) Ask(_ context.Context, question string) (string, error) {
	p.asked = append(p.asked, question)
	for part, left := range p.answers {
		if strings.Contains(question, part) && len(left) > 0 {
			p.answers[part] = left[1:]
			return left[0], nil
		}
	}
	return "", io.EOF
}

func (p *person) AskSecret(ctx context.Context, question string) (string, error) {
	p.secret = append(p.secret, question)
	return p.Ask(ctx, question)
}

// newSetup is one into an empty folder, all of it given but the key.
func newSetup(t *testing.T) (*Setup, *[]string) {
	t.Helper()
	told := new([]string)
	dir := t.TempDir()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("t0ken\r\n"), 0o600))
	return &Setup{
		Path: filepath.Join(dir, "zensync.yaml"),
		Answers: Answers{OrgURL: "https://example.okta.com", ClientID: "0oa1", GenerateKey: true, TokenFile: token,
			PublicURL: "https://hooks.example.com/okta/events"},
		Tell:     func(format string, args ...any) { *told = append(*told, fmt.Sprintf(format, args...)) },
		CheckKey: func([]byte) error { return nil },
	}, told
}

func names(t *testing.T, s *Setup) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(s.Path))
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func TestWritesWhatConfigReads(t *testing.T) {
	s, told := newSetup(t)
	result, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"hook.secret", "okta.pem", "zenqms.key", "zensync.yaml"}, names(t, s))
	assert.Equal(t, s.Path, result.Files[3], "the configuration comes last")
	assert.Empty(t, result.Kept)
	assert.Empty(t, *told)

	c, err := config.Load(s.Path, config.Checks{})
	require.NoError(t, err)
	require.NoError(t, c.CheckSecrets())
	assert.Equal(t, "https://example.okta.com", c.Okta.OrgURL)
	assert.Equal(t, production, c.ZenQMS.BaseURL)
	assert.Equal(t, result.KeyID, c.Okta.PrivateKeyID)
	token, err := c.ZenQMSKey()
	require.NoError(t, err)
	assert.Equal(t, "t0ken", string(token))
	secret, err := c.HookSecret()
	require.NoError(t, err)
	assert.Len(t, secret, 2*hookSecretBytes)
}

func TestThePublicKeyIsThatOfThePrivateOne(t *testing.T) {
	s, _ := newSetup(t)
	result, err := s.Run(t.Context())
	require.NoError(t, err)
	block, _ := pem.Decode([]byte(read(t, s.beside(keyName))))
	require.NotNil(t, block)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	private := key.(*rsa.PrivateKey)
	assert.Equal(t, keyBits, private.N.BitLen())

	var public jwk
	require.NoError(t, json.Unmarshal(result.PublicKey, &public))
	n, err := base64.RawURLEncoding.DecodeString(public.Modulus)
	require.NoError(t, err)
	assert.Zero(t, new(big.Int).SetBytes(n).Cmp(private.N))
	assert.Equal(t, "AQAB", public.Exponent)
	assert.Equal(t, jwk{"RSA", "sig", "RS256", result.KeyID, public.Exponent, public.Modulus}, public)
	assert.NotContains(t, string(result.PublicKey), "\n")
}

func TestOverwritesNothing(t *testing.T) {
	for _, name := range []string{"zensync.yaml", "okta.pem", "zenqms.key"} {
		s, _ := newSetup(t)
		require.NoError(t, os.WriteFile(s.beside(name), []byte("mine"), 0o600))
		_, err := s.Run(t.Context())
		require.ErrorContains(t, err, s.beside(name)+": there already")
		assert.Equal(t, []string{name}, names(t, s))
		assert.Equal(t, "mine", read(t, s.beside(name)))
	}
}

func TestForceKeepsCopies(t *testing.T) {
	s, told := newSetup(t)
	for _, name := range []string{"zensync.yaml", "okta.pem", "hook.secret"} {
		require.NoError(t, os.WriteFile(s.beside(name), []byte("mine"), 0o644))
	}
	s.Force = true
	result, err := s.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, result.Kept, 2)
	for _, name := range result.Kept {
		assert.Equal(t, "mine", read(t, name))
	}
	assert.Equal(t, "mine", read(t, s.beside("hook.secret")), "Okta may have it")
	assert.Contains(t, strings.Join(*told, "\n"), "stays as it is; `zensync rotate-secret` changes it")
	info, err := os.Stat(s.beside("hook.secret"))
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
	_, err = config.Load(s.Path, config.Checks{})
	require.NoError(t, err)
}

func TestASecretThatIsInItsPlaceStays(t *testing.T) {
	s, _ := newSetup(t)
	s.Answers.TokenFile = s.beside(tokenName)
	require.NoError(t, os.WriteFile(s.Answers.TokenFile, []byte("t0ken\n\n"), 0o644))
	result, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, result.Files, s.Answers.TokenFile)
	assert.Equal(t, "t0ken\n\n", read(t, s.Answers.TokenFile))
	info, err := os.Stat(s.Answers.TokenFile)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
	assert.Empty(t, result.Copied)
}

// A folder where a file has to go cannot be replaced, so the last step fails.
func TestWritesAllOrNothing(t *testing.T) {
	for _, force := range []bool{false, true} {
		s, _ := newSetup(t)
		s.Force = force
		drafts := []draft{{name: s.beside(keyName), content: []byte("new")}, {name: s.Path, content: []byte("new")}}
		require.NoError(t, os.WriteFile(s.beside("other"), []byte("o"), 0o600))
		if force {
			require.NoError(t, os.WriteFile(s.beside(keyName), []byte("mine"), 0o600))
		}
		require.NoError(t, os.Mkdir(s.Path, 0o700))
		before := names(t, s)
		_, _, err := s.write(drafts)
		require.ErrorContains(t, err, "not set up, and nothing was written")
		assert.Equal(t, before, names(t, s))
		if force {
			assert.Equal(t, "mine", read(t, s.beside(keyName)))
		}
	}
}

// Somebody may make a file after it was looked for.
func TestOverwritesNothingThatHasComeMeanwhile(t *testing.T) {
	s, _ := newSetup(t)
	require.NoError(t, os.WriteFile(s.Path, []byte("mine"), 0o600))
	_, _, err := s.write([]draft{{name: s.beside(keyName), content: []byte("new")}, {name: s.Path, content: []byte("new")}})
	require.ErrorIs(t, err, fs.ErrExist)
	assert.Equal(t, []string{"zensync.yaml"}, names(t, s))
	assert.Equal(t, "mine", read(t, s.Path))
}

func TestLeftoversOfASetupThatWasKilledAreNoHindrance(t *testing.T) {
	s, _ := newSetup(t)
	require.NoError(t, os.WriteFile(s.Path+".new", []byte("half"), 0o600))
	_, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, names(t, s), "zensync.yaml.new")
}

func TestRootGivesTheFilesToTheUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const uid, gid = 65534, 65533
	s, _ := newSetup(t)
	s.Owner = Owner{Given: true, UID: uid, GID: gid}
	s.Answers.TokenFile = s.beside(tokenName)
	require.NoError(t, os.WriteFile(s.Answers.TokenFile, []byte("t0ken"), 0o644))
	_, err := s.Run(t.Context())
	require.NoError(t, err)
	for name, want := range map[string]struct{ uid, mode uint32 }{
		"zensync.yaml": {0, 0o640}, "okta.pem": {uid, 0o600}, "zenqms.key": {uid, 0o600}, "hook.secret": {uid, 0o600},
	} {
		info, err := os.Stat(s.beside(name))
		require.NoError(t, err)
		stat := info.Sys().(*syscall.Stat_t)
		assert.Equal(t, want.uid, stat.Uid, name)
		assert.EqualValues(t, gid, stat.Gid, name)
		assert.EqualValues(t, want.mode, info.Mode().Perm(), name)
	}
}

func TestAsksForWhatIsMissing(t *testing.T) {
	s, told := newSetup(t)
	key := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(key, []byte("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"), 0o600))
	good := 0
	s.CheckKey = func([]byte) error {
		if good++; good == 1 {
			return errors.New("it is encrypted")
		}
		return nil
	}
	p := &person{answers: map[string][]string{
		"Okta org": {"http://example.okta.com", "https://example-admin.okta.com/admin/apps"}, "Client ID": {"", "0oa 1", "0oa1"},
		"private key": {key, key}, "Key ID": {"key-1"}, "ZenQMS's API;": {""}, "API token": {"", "t0ken"}, "reaches the relay": {"https://hooks.example.com"},
	}}
	s.Answers, s.Terminal = Answers{}, p
	_, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{
		"is http, and would send secrets in the clear; use https; http is for loopback addresses only",
		"taken for the org https://example.okta.com",
		"is empty; give it a value",
		"is no id; copy it as Okta shows it: letters, digits, - and _",
		key + ": it is encrypted",
		"is empty; put the secret into it",
	}, *told)
	assert.Len(t, p.secret, 2, "the token alone is not shown")
	c, err := config.Load(s.Path, config.Checks{})
	require.NoError(t, err)
	assert.Equal(t, []string{"https://example.okta.com", "0oa1", "key-1", production, "https://hooks.example.com"},
		[]string{c.Okta.OrgURL, c.Okta.ClientID, c.Okta.PrivateKeyID, c.ZenQMS.BaseURL, c.Relay.PublicURL})
}

func TestWrongFlagsAreAskedForAgain(t *testing.T) {
	s, told := newSetup(t)
	s.Answers.OrgURL, s.Answers.TokenFile, s.Answers.KeyID = "http://example.okta.com", "no/such/file", "my key"
	p := &person{answers: map[string][]string{"Okta org": {"https://example.okta.com"}, "API token": {"t0ken"}, "new key": {""}, "ZenQMS's API;": {"sandbox"}}}
	s.Terminal = p
	result, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.Len(t, *told, 3)
	assert.Contains(t, result.KeyID, "zensync-")
	assert.Len(t, p.asked, 4, "what was given is not asked for: %q", p.asked)
}

func TestWithoutATerminalAllThatIsMissingIsNamedAtOnce(t *testing.T) {
	s, _ := newSetup(t)
	s.Answers = Answers{KeyFile: "key.pem"}
	_, err := s.Run(t.Context())
	var wrong *InputError
	require.ErrorAs(t, err, &wrong)
	for _, flag := range []string{"--org-url", "--client-id", "--key-id", "--zenqms-token-file", "--public-url"} {
		assert.Contains(t, err.Error(), flag)
	}
	assert.Empty(t, names(t, s))
}

func TestTheTokenOfStdin(t *testing.T) {
	s, _ := newSetup(t)
	s.Answers.TokenFile, s.Stdin = "-", strings.NewReader("t0ken\n")
	_, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "t0ken\n", read(t, s.beside(tokenName)))

	s, _ = newSetup(t)
	s.Answers.TokenFile, s.Stdin = "-", strings.NewReader("not a token\n")
	_, err = s.Run(t.Context())
	var wrong *InputError
	require.ErrorAs(t, err, &wrong)
	assert.NotContains(t, err.Error(), "not a token")
}

func TestWhoGoesAwayHasWrittenNothing(t *testing.T) {
	s, _ := newSetup(t)
	s.Answers.OrgURL, s.Terminal = "", &person{}
	_, err := s.Run(t.Context())
	require.ErrorContains(t, err, "the answers ended, and nothing was written")
	assert.Empty(t, names(t, s))
}

func TestEveryTargetIsAFileOfTheUnits(t *testing.T) {
	var units string
	for _, unit := range []string{"zensync-relay.service", "zensync-worker.service"} {
		units += read(t, filepath.Join("..", "..", "..", "systemd", unit))
	}
	for _, name := range []string{keyName, tokenName, secretName} {
		assert.Contains(t, units, "LoadCredential="+name+":/etc/zensync/"+name)
	}
	tmpfiles := read(t, filepath.Join("..", "..", "..", "systemd", "tmpfiles.d", "zensync.conf"))
	for _, line := range []string{"zensync.yaml 0640 root zensync", "okta.pem 0600 zensync zensync", "zenqms.key 0600 zensync zensync", "hook.secret 0600 zensync zensync"} {
		assert.True(t, slices.Contains(strings.Split(tmpfiles, "\n"), "z /etc/zensync/"+line), line)
	}
}
