package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/zensync/zensync/cmd/zensync/config"
)

// Where ZenQMS's API is, and its sandbox's.
const (
	production = "https://public-api.zenqms.com"
	sandbox    = "https://public-api-sandbox.zenqms.com"
)

// question is one thing to be known.
type question struct {
	flag     string // that may answer it
	given    string // by the flag
	text     string // with which a person is asked
	fallback string // for an empty answer
	secret   bool
	// check returns the answer as it is to be written.
	check func(answer string) (string, error)
}

// ask returns a good answer. A wrong one is asked for again if there is whom to
// ask, and else is an *InputError.
func (s *Setup) ask(ctx context.Context, q question) (string, error) {
	if q.given != "" {
		good, err := q.check(q.given)
		switch {
		case err == nil:
			return good, nil
		case s.Terminal == nil:
			return "", inputError("--%s: %s", q.flag, complaint(err))
		}
		s.Tell("--%s: %s", q.flag, complaint(err))
	}
	if s.Terminal == nil {
		return "", inputError("--%s is missing", q.flag)
	}
	for {
		ask := s.Terminal.Ask
		if q.secret {
			ask = s.Terminal.AskSecret
		}
		answer, err := ask(ctx, q.text)
		switch {
		case errors.Is(err, io.EOF):
			return "", errors.New("not set up: the answers ended, and nothing was written")
		case ctx.Err() != nil:
			return "", errors.New("not set up: interrupted, and nothing was written")
		case err != nil:
			return "", fmt.Errorf("not set up, and nothing was written: %w", err)
		}
		if answer == "" {
			answer = q.fallback
		}
		good, err := q.check(answer)
		if err == nil {
			return good, nil
		}
		s.Tell("%s", complaint(err))
	}
}

// complaint is what is wrong with an answer, without the key, which the
// operator has not seen yet.
func complaint(err error) string {
	var wrong *config.Error
	if errors.As(err, &wrong) && len(wrong.Problems) > 0 {
		return wrong.Problems[0].What + "; " + wrong.Problems[0].Remedy
	}
	return err.Error()
}

func check(key string) func(string) (string, error) {
	return func(answer string) (string, error) { return config.Answer(key, answer) }
}

// checkOrg takes what people copy out of their browser for the org it means, and
// says so.
func (s *Setup) checkOrg(answer string) (string, error) {
	meant := config.OrgAddress(answer)
	good, err := config.Answer("okta.org_url", meant)
	if u, broken := url.Parse(good); err == nil && broken == nil && u.Hostname() != "localhost" && !strings.ContainsAny(u.Hostname(), ".:") {
		return "", errors.New("is no address of an org; copy it out of the browser, as in https://" + u.Hostname() + ".okta.com")
	}
	if err == nil && strings.TrimSuffix(strings.TrimSpace(answer), "/") != good {
		s.Tell("taken for the org %s", good)
	}
	return good, err
}

// idShape is what ids of Okta's consist of.
var idShape = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// checkID wants an id: what is copied may have more with it.
func checkID(key string) func(string) (string, error) {
	return func(answer string) (string, error) {
		good, err := config.Answer(key, answer)
		if err == nil && !idShape.MatchString(good) {
			return "", errors.New("is no id; copy it as Okta shows it: letters, digits, - and _")
		}
		return good, err
	}
}

func checkZenQMS(answer string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "sandbox":
		answer = sandbox
	case "production":
		answer = production
	}
	return config.Answer("zenqms.base_url", answer)
}

// defaultZenQMS is the address where nobody can be asked.
func (s *Setup) defaultZenQMS() string {
	if s.Terminal == nil {
		return production
	}
	return ""
}

// fillKey reads the private key, or makes one.
func (s *Setup) fillKey(ctx context.Context, f *filled) error {
	if !s.Answers.GenerateKey {
		name, err := s.ask(ctx, question{flag: "key-file", given: s.Answers.KeyFile,
			text:  "File with the app's private key in PEM, or just Enter to make a key here: ",
			check: func(name string) (string, error) { return name, s.readKey(name, f) }})
		if err != nil {
			return err
		}
		s.Answers.KeyFile, s.Answers.GenerateKey = name, name == ""
	}
	if s.Answers.GenerateKey {
		return s.makeKey(ctx, f)
	}
	keyID, err := s.ask(ctx, question{flag: "key-id", given: s.Answers.KeyID,
		text: "Key ID (kid) that Okta shows beside the public key: ", check: checkID("okta.private_key_id")})
	f.keyID = keyID
	return err
}

// readKey reads the private key in a file; "" is none.
func (s *Setup) readKey(name string, f *filled) error {
	if name == "" {
		return nil
	}
	content, err := readSecret("okta.private_key_file", name)
	if err != nil {
		return err
	}
	if err := s.CheckKey(content); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.key = append(content, '\n')
	return nil
}

// fillToken reads ZenQMS's token: from a file, from stdin, or as a person types
// it. It is no flag's value, for everybody on the host can see those.
func (s *Setup) fillToken(ctx context.Context, f *filled) error {
	const key = "zenqms.api_key_file"
	take := func(content []byte) (string, error) {
		token, err := config.AnswerSecret(key, content)
		return string(token), err
	}
	if name := s.Answers.TokenFile; name != "" {
		content, err := s.tokenFrom(name)
		if err == nil {
			_, err = take(content)
		}
		switch {
		case err == nil:
			token, err := take(content)
			f.token = []byte(token)
			return err
		case s.Terminal == nil:
			return inputError("--zenqms-token-file: %s", complaint(err))
		}
		s.Tell("--zenqms-token-file: %s", complaint(err))
		s.Answers.TokenFile = ""
	}
	token, err := s.ask(ctx, question{flag: "zenqms-token-file", secret: true,
		text:  "ZenQMS's API token, which is not shown as you type or paste it: ",
		check: func(answer string) (string, error) { return take([]byte(answer)) }})
	f.token = []byte(token)
	return err
}

func (s *Setup) tokenFrom(name string) ([]byte, error) {
	if name != "-" {
		return readSecret("zenqms.api_key_file", name)
	}
	content, err := io.ReadAll(io.LimitReader(s.Stdin, maxSecret))
	if err != nil {
		return nil, fmt.Errorf("read the token from stdin: %w", err)
	}
	return content, nil
}

// maxSecret is the most that is read of a secret, in bytes.
const maxSecret = 64 << 10

// readSecret reads a file that holds what key is to name.
func readSecret(key, name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > maxSecret:
		return nil, fmt.Errorf("%s is larger than %d KiB: name the file that holds the secret and nothing else", name, maxSecret>>10)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	content, err = config.AnswerSecret(key, content)
	if err != nil {
		return nil, fmt.Errorf("%s %s", name, complaint(err))
	}
	return content, nil
}
