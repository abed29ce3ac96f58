package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/config"
)

// optional matches a line of the sample that is a key commented out.
var optional = regexp.MustCompile(`(?m)^( *)#((?:  )*(?:- )?[a-z_]+:)`)

func TestSampleLoads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zensync.yaml")
	require.NoError(t, os.WriteFile(file, []byte(config.Sample), 0o600))
	_, err := config.Load(file, checks)
	require.NoError(t, err)
}

// keys returns every key a configuration may have, without its sections.
func keys(section reflect.Type) []string {
	if section.Kind() == reflect.Slice {
		section = section.Elem()
	}
	var found []string
	for i := range section.NumField() {
		field := section.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		found = append(found, key)
		if kind := field.Type.Kind(); kind == reflect.Struct || kind == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct {
			found = append(found, keys(field.Type)...)
		}
	}
	return found
}

func TestSampleHoldsEveryKey(t *testing.T) {
	all := optional.ReplaceAllString(config.Sample, "$1$2")
	for _, key := range keys(reflect.TypeFor[config.Config]()) {
		assert.Regexp(t, `(?m)^ *(- )?`+key+`:`, all)
	}

	file := filepath.Join(t.TempDir(), "zensync.yaml")
	require.NoError(t, os.WriteFile(file, []byte(all), 0o600))
	_, err := config.Load(file, checks)
	require.Error(t, err, "a service app and a token exclude each other")
	var wrong *config.Error
	require.ErrorAs(t, err, &wrong)
	require.Len(t, wrong.Problems, 1, "%v", err)
	assert.Equal(t, "okta.api_token_file", wrong.Problems[0].Key)

	withoutToken := regexp.MustCompile(`(?m)^ *api_token_file:.*\n`).ReplaceAllString(all, "")
	require.NoError(t, os.WriteFile(file, []byte(withoutToken), 0o600))
	c, err := config.Load(file, checks)
	require.NoError(t, err)
	assert.Equal(t, []config.Role{{OktaGroup: "QA Reviewers", ZenQMSRole: "Document Reviewer"}}, c.Roles)
	assert.Equal(t, map[string]string{"LOCKED_OUT": "inactive"}, c.Sync.Statuses)

	// What is not an example shows the default.
	defaults := load(t, "")
	assert.Equal(t, defaults.Okta.RateShare, c.Okta.RateShare)
	assert.Equal(t, defaults.ZenQMS.AuthHeader, c.ZenQMS.AuthHeader)
	assert.Equal(t, defaults.ZenQMS.AuthPrefix, c.ZenQMS.AuthPrefix)
	assert.Equal(t, defaults.ZenQMS.MaxRequestsPerSecond, c.ZenQMS.MaxRequestsPerSecond)
	assert.Equal(t, defaults.ZenQMS.Concurrency, c.ZenQMS.Concurrency)
	assert.Equal(t, defaults.Relay.Listen, c.Relay.Listen)
	assert.Equal(t, defaults.Sync.Schedule, c.Sync.Schedule)
	assert.Equal(t, defaults.Sync.BatchSize, c.Sync.BatchSize)
	assert.Equal(t, defaults.Sync.OutOfScope, c.Sync.OutOfScope)
	assert.Equal(t, defaults.Safety, c.Safety)
	assert.Equal(t, defaults.Worker, c.Worker)
	assert.Equal(t, defaults.Store, c.Store)
	assert.Equal(t, defaults.Notify.Digest, c.Notify.Digest)
}
