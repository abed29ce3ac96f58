package main

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArrangePutsFlagsWhereThePackageLooks(t *testing.T) {
	for _, c := range []struct{ typed, want string }{
		{"", ""},
		{"deploy", "deploy"},
		{"deploy --yes --config f", "--config f deploy --yes"},
		{"--log-level debug deploy --by=me --config=f", "--log-level debug --config=f deploy --by=me"},
		{"sync a@example.com --wait=false b --format json", "sync --wait=false --format json -- a@example.com b"},
		{"sync --wait a", "sync --wait -- a"},
		{"sync -- --odd", "sync -- --odd"},
		{"sync - a", "sync -- - a"},
		{"report log --limit 5 --output -", "report --limit 5 --output - -- log"},
		{"report help", "report -- help"},
		{"config check --config f", "--config f config check"},
		{"config chek --config f", "--config f config -- chek"},
		{"help", "--help"},
		{"help config check", "config check --help"},
		{"help fly", "-- fly"},
		{"fly --help", "-- fly"},
		{"--unknown x", "--unknown -- x"},
		{"deploy --format", "deploy --format"},
		{"deploy --gen " + completion, "deploy --gen " + completion},
	} {
		app := newApp(strings.NewReader(""), io.Discard, io.Discard)
		got := arrange(app, append([]string{"zensync"}, strings.Fields(c.typed)...))
		assert.Equal(t, strings.TrimSpace("zensync "+c.want), strings.Join(got, " "), c.typed)
	}
	assert.Empty(t, arrange(newApp(nil, nil, nil), nil))
}
