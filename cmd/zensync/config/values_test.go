package config_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValues(t *testing.T) {
	c := load(t, full)
	values := c.Values()
	for key, want := range map[string]any{
		"okta.rate_share":          0.5,
		"zenqms.api_key_file":      "zenqms.key",
		"sync.batch_size":          100,
		"sync.groups":              []string{"QA: all", "*"},
		"sync.statuses":            map[string]string{"LOCKED_OUT": "inactive", "STAGED": "ignore"},
		"roles":                    []string{"# QA -> - Reviewer"},
		"safety.max_deactivations": 10,
		"safety.max_role_removals": 10,
		"store.path":               "data/zensync.db",
		"store.keep":               "36h",
		"notify.urls":              []string{"https://…", "mailto://…"},
	} {
		assert.Equal(t, want, values[key], key)
	}
	for _, absent := range []string{"okta.private_key_file", "relay.tls_cert_file", "path", ""} {
		assert.NotContains(t, values, absent)
	}
	text, err := json.Marshal(values)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "S3CR3T")

	minimal := load(t, "").Values()
	assert.NotContains(t, minimal, "roles")
	assert.NotContains(t, minimal, "notify.urls")
	assert.Contains(t, minimal, "notify.digest", "a default is a value")
}
