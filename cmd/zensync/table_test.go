package main

import (
	"encoding/json"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/cmd/zensync/output"
)

func TestReportCells(t *testing.T) {
	got := tableOf([]string{"okta_id", "active", "roles", "changes", "seq"}, [][]any{
		{"00u1", int64(1), `["QA"]`, nil, int64(1)},
		{"1", int64(0), `[]`, `{"title":{"old":null,"new":"1"}}`, int64(0)},
	})
	assert.Equal(t, [][]any{
		{"00u1", true, json.RawMessage(`["QA"]`), nil, int64(1)},
		{"1", false, json.RawMessage(`[]`), json.RawMessage(`{"title":{"old":null,"new":"1"}}`), int64(0)},
	}, got.Rows)
	assert.Equal(t, output.Table{Columns: []string{"seq", "okta_id"}, Rows: [][]any{{int64(1), "00u1"}, {int64(0), "1"}}},
		only(got, "seq", "okta_id"))
}

func TestReportTimes(t *testing.T) {
	zone := time.FixedZone("here", 2*3600)
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"2026-03-01":                time.Date(2026, 3, 1, 0, 0, 0, 0, zone),
		"2026-03-01T10:00:00Z":      time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC),
		"2026-03-01T10:00:00-05:00": time.Date(2026, 3, 1, 15, 0, 0, 0, time.UTC),
		"36h":                       time.Date(2026, 3, 9, 0, 0, 0, 0, zone),
		"7d":                        time.Date(2026, 3, 3, 12, 0, 0, 0, zone),
		"2w":                        time.Date(2026, 2, 24, 12, 0, 0, 0, zone),
	} {
		got, err := parseTime(text, now)
		require.NoError(t, err, text)
		assert.True(t, want.Equal(got), "%s is %s", text, got)
	}
	for _, text := range []string{"", "yesterday", "-1h", "0d", "0w", "-1w", "99999999w", "w", "2026-02-30", "2026-03-01 10:00"} {
		_, err := parseTime(text, now)
		assert.Error(t, err, text)
	}
}

func TestEveryReportHasItsSentence(t *testing.T) {
	for _, row := range allReports().Rows {
		assert.NotContains(t, emptySentence(row[0].(string), false), "the report", "say in words that %s is empty", row[0])
	}
	assert.Equal(t, "the report x is empty", emptySentence("x", false))
}

func TestVersionOfABuild(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}
	values := func(pairs []output.Pair) []any {
		var all []any
		for _, p := range pairs {
			all = append(all, p.Value)
		}
		return all
	}
	assert.Equal(t, []any{"v1.2.3", "abc (modified)", "go1.26.8"}, values(versionOf("", "", info)))
	assert.Equal(t, []any{"2.0.0", "def", "go1.26.8"}, values(versionOf("2.0.0", "def", info)))
	assert.Equal(t, []any{nil, nil, nil}, values(versionOf("", "", nil)))
}
