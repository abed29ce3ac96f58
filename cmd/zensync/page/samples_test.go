package page

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// named are the metrics that an expression names.
var named = regexp.MustCompile(`\b(?:zensync|process|go)_[a-z0-9_]+`)

// check holds an expression to metrics that there are.
func check(t *testing.T, names map[string]bool, where, expr string) {
	t.Helper()
	for _, pair := range []string{"()", "{}", "[]"} {
		assert.Equal(t, strings.Count(expr, pair[:1]), strings.Count(expr, pair[1:]), "%s: %s", where, expr)
	}
	found := named.FindAllString(expr, -1)
	require.NotEmpty(t, found, "%s: names no metric: %s", where, expr)
	for _, name := range found {
		assert.True(t, names[name], "%s: there is no metric %s", where, name)
	}
}

func TestAlertRulesNameMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile("../../../scripts/alert-rules.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	require.NoError(t, yaml.UnmarshalWithOptions(text, &file, yaml.Strict()))
	names := setup(t).names()
	seen := map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			require.Regexp(t, `^Zensync[A-Za-z]+$`, rule.Alert)
			assert.False(t, seen[rule.Alert], "%s is there twice", rule.Alert)
			seen[rule.Alert] = true
			check(t, names, rule.Alert, rule.Expr)
			assert.Contains(t, []string{"info", "warning", "critical"}, rule.Labels["severity"], rule.Alert)
			assert.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			if _, err := time.ParseDuration(strings.ReplaceAll(rule.For, "1d", "24h")); err != nil {
				assert.NoError(t, err, rule.Alert)
			}
		}
	}
	assert.Greater(t, len(seen), 10, "this test must see the rules")
}

func TestTheDashboardNamesMetricsThatThereAre(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../../scripts/grafana-dashboard.json"))
	require.NoError(t, err)
	var dashboard struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	f := setup(t)
	names := f.names()
	shown, ids := map[string]bool{}, map[int]bool{}
	for _, panel := range dashboard.Panels {
		assert.False(t, ids[panel.ID], "two panels have the id %d", panel.ID)
		ids[panel.ID] = true
		for _, target := range panel.Targets {
			check(t, names, panel.Title, target.Expr)
			for _, name := range named.FindAllString(target.Expr, -1) {
				shown[name] = true
			}
		}
	}
	for _, one := range ofStore {
		unshown := []string{"zensync_last_reconcile_timestamp_seconds"} // the successful one is
		if !shown[one.name] {
			assert.Contains(t, unshown, one.name, "no panel shows %s", one.name)
		}
	}
}
