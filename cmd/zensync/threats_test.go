package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryThreatHasItsTests holds README's threat model to what there is: each
// threat names tests, and each of them exists.
func TestEveryThreatHasItsTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Security\n")
	require.True(t, found, "rule: README has a threat model")
	section, _, _ = strings.Cut(section, "\n## ")

	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	eachFile(t, func(name string) {
		if !strings.HasSuffix(name, "_test.go") {
			return
		}
		text, err := os.ReadFile(filepath.Join(root(t), name))
		require.NoError(t, err)
		for _, match := range declared.FindAllStringSubmatch(string(text), -1) {
			there[match[1]] = true
		}
	})
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	threats := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| threat ") {
			continue
		}
		threats++
		tests := named.FindAllStringSubmatch(line, -1)
		assert.NotEmpty(t, tests, "rule: each threat has its test; %s", line)
		for _, test := range tests {
			assert.True(t, there[test[1]], "rule: each threat has its test; README names %s, which does not exist", test[1])
		}
	}
	assert.Greater(t, threats, 10, "this test must see the table")
}
