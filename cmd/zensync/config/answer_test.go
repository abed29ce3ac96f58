package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/config"
)

func TestAnswer(t *testing.T) {
	for _, c := range []struct{ key, value, want, wrong string }{
		{"okta.org_url", " https://Example.okta.com/ ", "https://example.okta.com", ""},
		{"okta.org_url", "https://login.example.com", "https://login.example.com", ""},
		{"okta.org_url", "http://127.0.0.1:8080", "http://127.0.0.1:8080", ""},
		{"okta.org_url", "http://example.okta.com", "", "is http, and would send secrets in the clear"},
		{"okta.org_url", "https://example-admin.okta.com", "", "is the address of the admin console"},
		{"okta.org_url", "https://example.okta.com/admin", "", "has a path"},
		{"okta.org_url", "example.okta.com", "", "is not an absolute URL"},
		{"okta.org_url", "  ", "", "is empty"},
		{"zenqms.base_url", "https://public-api.zenqms.com/", "https://public-api.zenqms.com", ""},
		{"zenqms.base_url", "https://me:secret@public-api.zenqms.com/", "", "holds a user name or password"},
		{"relay.public_url", "https://hooks.example.com/okta/events", "https://hooks.example.com/okta/events", ""},
		{"relay.public_url", "https://hooks.example.com/?x=1", "", "holds a ? or a #"},
		{"okta.client_id", "0oa1", "0oa1", ""},
	} {
		got, err := config.Answer(c.key, c.value)
		assert.Equal(t, c.want, got, c.value)
		if c.wrong == "" {
			assert.NoError(t, err, c.value)
			continue
		}
		var wrong *config.Error
		require.ErrorAs(t, err, &wrong, c.value)
		require.Len(t, wrong.Problems, 1)
		assert.Equal(t, c.wrong, wrong.Problems[0].What)
		assert.NotContains(t, err.Error(), "secret@")
	}
}

func TestAnswerSecret(t *testing.T) {
	for _, c := range []struct{ key, content, want, wrong string }{
		{"zenqms.api_key_file", "token\r\n", "token", ""},
		{"zenqms.api_key_file", "two words", "", "holds more than one word of plain ASCII"},
		{"zenqms.api_key_file", "\n", "", "is empty"},
		{"okta.private_key_file", pem + "\n", pem, ""},
		{"okta.private_key_file", "{}", "", "holds no PEM block"},
	} {
		got, err := config.AnswerSecret(c.key, []byte(c.content))
		assert.Equal(t, c.want, string(got))
		if c.wrong != "" {
			assert.ErrorContains(t, err, c.wrong)
		}
	}
}

func TestOrgAddress(t *testing.T) {
	for text, want := range map[string]string{
		"https://example.okta.com":                         "https://example.okta.com",
		"example.okta.com":                                 "https://example.okta.com",
		"https://example-admin.okta.com/admin/dashboard?x": "https://example.okta.com",
		"Example-Admin.OktaPreview.com":                    "https://example.oktapreview.com",
		"https://login.example.com/":                       "https://login.example.com",
		"https://team-admin.example.com":                   "https://team-admin.example.com",
		"http://example.okta.com":                          "http://example.okta.com",
		"https://me:secret@example.okta.com":               "https://me:secret@example.okta.com",
		"":                                                 "",
		"no address":                                       "no address",
	} {
		assert.Equal(t, want, config.OrgAddress(text))
	}
}

func TestFilled(t *testing.T) {
	values := map[string]string{
		"okta.org_url": "https://acme.okta.com", "okta.client_id": "0oaacme", "okta.private_key_id": "1234",
		"zenqms.base_url": "https://public-api-sandbox.zenqms.com", "relay.public_url": "https://hooks.acme.com:8443/okta",
		"relay.listen": "127.0.0.1:8081", "store.path": "/srv/zen sync/#1.db",
	}
	text := config.Filled(values)
	file := filepath.Join(t.TempDir(), "zensync.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	c, err := config.Load(file, checks)
	require.NoError(t, err)
	got := c.Values()
	for key, value := range values {
		assert.Equal(t, value, got[key], key)
	}
	assert.Contains(t, text, "# Address of your org", "it keeps the comments")
	assert.Contains(t, text, "\n  org_url: https://acme.okta.com\n")
	assert.Equal(t, config.Sample, config.Filled(nil))

	for _, hostile := range []string{"no", "1e3", "null", "a: b", "a #b", "*x", "'", "\"", "é", "0x1f", "- a", "{a}", "a\nb: c"} {
		require.NoError(t, os.WriteFile(file, []byte(config.Filled(map[string]string{"okta.private_key_id": hostile})), 0o600))
		c, err := config.Load(file, checks)
		require.NoError(t, err, hostile)
		assert.Equal(t, hostile, c.Okta.PrivateKeyID)
	}
}

func TestSecretFiles(t *testing.T) {
	dir := folder(t)
	c := open(t, dir)
	var keys []string
	for _, f := range c.SecretFiles() {
		keys = append(keys, f.Key)
		assert.NoError(t, c.CheckSecret(f.Key))
	}
	assert.Equal(t, []string{"okta.api_token_file", "zenqms.api_key_file", "relay.secret_file"}, keys)
	require.NoError(t, os.WriteFile(c.Relay.PreviousSecretFile, []byte("before"), 0o644))
	assert.Len(t, c.SecretFiles(), 4)
	assert.ErrorContains(t, c.CheckSecret("relay.previous_secret_file"), "open to other users")
}
