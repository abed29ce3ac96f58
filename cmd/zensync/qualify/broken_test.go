package qualify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brokenBy is the variable that names the rule to be off. No build of the
// product looks at it: that made here does.
const brokenBy = "ZENSYNC_QUALIFY_OFF"

// TestQualify_EveryRuleFailsWhenSwitchedOff breaks one rule after the other, in
// one build of the program whose sources are replaced where a rule is kept, and
// expects that very requirement to fail.
func TestQualify_EveryRuleFailsWhenSwitchedOff(t *testing.T) {
	program := buildBroken(t)
	t.Run("nothing is off", func(t *testing.T) {
		exit, record := qualified(t, program, "", "")
		assert.Equal(t, 0, exit, "with every rule on the qualification passes: %s", record.missed())
		assert.Zero(t, record.Failed, record.missed())
	})
	turns := make(chan struct{}, 2)
	covered := map[string]bool{}
	tried := map[string]bool{}
	for _, s := range switches {
		if tried[s.rule] { // it takes several lines
			continue
		}
		tried[s.rule] = true
		id, _, _ := strings.Cut(s.rule, ".")
		covered[id] = true
		t.Run(s.rule, func(t *testing.T) {
			t.Parallel()
			turns <- struct{}{}
			defer func() { <-turns }()
			exit, record := qualified(t, program, s.rule, id)
			assert.Equal(t, 1, exit, "%s: broken, and the qualification does not fail", s.rule)
			require.Len(t, record.Results, 1)
			assert.Equal(t, id, record.Results[0].ID)
			assert.Equal(t, Failed, record.Results[0].Verdict, "%s: it was switched off, and its cases do not see it", s.rule)
			t.Logf("%s", record.missed())
		})
	}
	for _, r := range Requirements() {
		assert.True(t, r.Kind == Installation || covered[r.ID], "rule: a switch proves each requirement; %s has none", r.ID)
	}
}

// TestQualify_EveryRuleHasARequirement holds the protocol to the numbers of the
// design, and every step to words that an auditor can follow.
func TestQualify_EveryRuleHasARequirement(t *testing.T) {
	var ids []string
	for _, r := range Requirements() {
		assert.NotEmpty(t, r.Cases, r.ID)
		for _, c := range r.Cases {
			for _, s := range c.Steps {
				assert.True(t, s.Do != "" && s.Want != "" && s.See != nil, "%s: %+v", r.ID, s)
			}
		}
		if r.Kind == Operation {
			ids = append(ids, r.ID)
		}
	}
	var design []string
	for _, group := range []struct {
		letter string
		last   int
	}{{"M", 6}, {"L", 6}, {"W", 4}, {"E", 5}, {"K", 5}, {"B", 3}, {"C", 7}, {"A", 2}} {
		for n := range group.last {
			design = append(design, fmt.Sprint(group.letter, n+1))
		}
	}
	assert.Equal(t, design, ids)
}

// evidence is the record as the file has it.
type evidence struct {
	Failed  int
	Results []Result
}

func (e evidence) missed() string {
	var all []string
	for _, r := range e.Results {
		for _, s := range r.Missed() {
			all = append(all, fmt.Sprintf("%s step %d: expected %q, seen %q", r.ID, s.Number, s.Want, s.Seen))
		}
	}
	return strings.Join(all, "\n")
}

// qualified runs the program with a rule off, and reads its evidence.
func qualified(t *testing.T, program, off, rules string) (exit int, record evidence) {
	file := filepath.Join(t.TempDir(), "evidence.json")
	args := []string{"qualify", "--output", file}
	if rules != "" {
		args = append(args, "--rule", rules)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // it takes seconds
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), brokenBy+"="+off, "TMPDIR="+t.TempDir(), "ZENSYNC_CONFIG="+filepath.Join(t.TempDir(), "none.yaml"))
	printed, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		exit = failed.ExitCode()
	} else {
		require.NoError(t, err)
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err, "it printed: %s", printed)
	require.NoError(t, json.Unmarshal(text, &record))
	return exit, record
}

// buildBroken builds the program with the switches in it, which the working
// tree knows nothing of.
func buildBroken(t *testing.T) string {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	folder := t.TempDir()
	replace := map[string]string{}
	put := func(name, text string) {
		file := filepath.Join(folder, strings.ReplaceAll(name, "/", "_"))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		replace[filepath.Join(root, name)] = file
	}
	texts := map[string]string{}
	for _, s := range switches {
		text, read := texts[s.file]
		if !read {
			content, err := os.ReadFile(filepath.Join(root, s.file))
			require.NoError(t, err)
			text = string(content)
		}
		require.Equal(t, 1, strings.Count(text, s.line), "%s is switched off in %s at %q, which has to stand there once: let the table follow the code", s.rule, s.file, s.line)
		texts[s.file] = strings.Replace(text, s.line, s.with, 1)
	}
	for name, text := range texts {
		put(name, text)
		pack := regexp.MustCompile(`(?m)^package (\w+)$`).FindStringSubmatch(text)[1]
		put(filepath.Dir(name)+"/switched_off.go", fmt.Sprintf("package %s\n\nimport \"os\"\n\nfunc off(rule string) bool { return os.Getenv(%q) == rule }\n", pack, brokenBy))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	overlayFile := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, overlay, 0o600))
	program := filepath.Join(folder, "zensync")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlayFile, "-buildvcs=false", "-o", program, "./cmd/zensync")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	printed, err := build.CombinedOutput()
	require.NoError(t, err, "build the program with its rules broken: %s", printed)
	return program
}
