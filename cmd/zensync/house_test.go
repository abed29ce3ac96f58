package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// These tests hold the shape of the project: what may import what, which names
// there are, how long a file may be. What fails names the rule it breaks.

const (
	modulePath = "github.com/zensync/zensync"
	goVersion  = "1.26.0"
	longest    = 400 // lines of a Go file that is no test
)

// topLevel is all there may be at the root, dot-files aside.
var topLevel = []string{"cmd", "reconcile", "relay", "store", "schema", "scripts", "systemd", "Makefile", "go.mod", "go.sum", "README.md"}

// arrows are what a package may import of the project, by paths below the
// module; "x/..." is x and all below it.
var arrows = map[string][]string{
	// main wires, so it makes the clients that package reconcile is given, and
	// names the reports that package store runs.
	"cmd/zensync":      {"cmd/zensync/...", "relay", "reconcile", "reconcile/okta", "reconcile/zenqms", "store", "schema"},
	"cmd/zensync/demo": {"cmd/zensync/...", "reconcile/okta/oktatest", "reconcile/zenqms/zenqmstest"},
	// It tries the credentials, each with a client that notes what time the
	// server says it is.
	"cmd/zensync/doctor": {"cmd/zensync/...", "reconcile", "reconcile/okta", "reconcile/zenqms", "store"},
	// It puts the whole product between both fakes, as a deployment would.
	"cmd/zensync/qualify": {"cmd/zensync/...", "relay", "reconcile", "reconcile/okta", "reconcile/zenqms", "store",
		"reconcile/okta/oktatest", "reconcile/zenqms/zenqmstest"},
	// It makes a key and files, and asks nobody but the operator.
	"cmd/zensync/setup": {"cmd/zensync/config"},
	// It uses the program as it is installed.
	"scripts/smoke":               {"reconcile/okta/oktatest", "reconcile/zenqms/zenqmstest"},
	"scripts/licences":            {},
	"scripts/mutants":             {},
	"relay":                       {"store"},
	"reconcile":                   {"store", "reconcile/okta", "reconcile/zenqms"},
	"reconcile/okta":              {},
	"reconcile/zenqms":            {},
	"store":                       {"schema"},
	"schema":                      {},
	"reconcile/okta/oktatest":     {},
	"reconcile/zenqms/zenqmstest": {},
	// Parts of tests in packages of their own, which no program imports.
	"reconcile/okta/oktatest/oktaspec":     {},
	"reconcile/zenqms/zenqmstest/contract": {"reconcile/zenqms"},
}

// besideMain holds for a package below cmd/zensync that arrows does not name.
var besideMain = []string{"cmd/zensync/...", "relay", "reconcile", "store"}

// fakes may be imported by every package's tests.
var fakes = []string{"reconcile/okta/oktatest/...", "reconcile/zenqms/zenqmstest/..."}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, p := range ours(t) {
		name := below(p.ImportPath)
		may, placed := arrowsOf(name)
		if !assert.True(t, placed, "rule: every package has its place in the house; %s has none, see arrows", name) {
			continue
		}
		for _, imported := range own(p.Imports) {
			assert.True(t, within(imported, may), "rule: arrows of imports; %s must not import %s, only %v", name, imported, may)
		}
		inTests := slices.Concat([]string{name}, reach(name), fakes)
		for _, imported := range own(slices.Concat(p.TestImports, p.XTestImports)) {
			assert.True(t, within(imported, inTests), "rule: arrows of imports; the tests of %s must not import %s, only %v", name, imported, inTests)
		}
	}
}

// reach is what a package may import, and what those may import in turn.
func reach(name string) []string {
	may, _ := arrowsOf(name)
	all := slices.Clone(may)
	for _, next := range may {
		if !strings.HasSuffix(next, "...") {
			all = append(all, reach(next)...)
		}
	}
	return all
}

func arrowsOf(name string) ([]string, bool) {
	if may, named := arrows[name]; named {
		return may, true
	}
	return besideMain, strings.HasPrefix(name, "cmd/zensync/")
}

// within tells whether a name is among patterns.
func within(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		above, whole := strings.CutSuffix(p, "/...")
		return name == above || whole && strings.HasPrefix(name, above+"/")
	})
}

func TestEachDependencyHasOneImporter(t *testing.T) {
	all := listed(t)
	modules := map[string]string{}
	for _, p := range all {
		if p.Module != nil && !p.Module.Main {
			modules[p.ImportPath] = p.Module.Path
		}
	}
	importers := map[string][]string{}
	for _, p := range ours(t) {
		for _, imported := range p.Imports {
			dependency, foreign := modules[imported]
			if !foreign || dependency == "github.com/stretchr/testify" {
				continue
			}
			if strings.HasPrefix(dependency, "golang.org/x/") {
				dependency = imported // the packages of one such module have little to do with each other
			}
			if name := below(p.ImportPath); !slices.Contains(importers[dependency], name) {
				importers[dependency] = append(importers[dependency], name)
			}
		}
	}
	require.Contains(t, importers, "modernc.org/sqlite", "this test must see the dependencies")
	for _, dependency := range slices.Sorted(maps.Keys(importers)) {
		assert.Len(t, importers[dependency], 1, "rule: one dependency, one importing package; %s has %v", dependency, importers[dependency])
	}
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir(root(t))
	require.NoError(t, err)
	ignored := ignoredNames(t)
	for _, e := range entries {
		hit := slices.ContainsFunc(ignored, func(pattern string) bool {
			matched, err := path.Match(pattern, e.Name())
			return err == nil && matched
		})
		if !hit {
			holdTopLevel(t, e.Name())
		}
	}
	t.Run("in the last commit", func(t *testing.T) {
		git, err := exec.LookPath("git")
		if err != nil {
			t.Skipf("only what lies in the folder was looked at, not the last commit: %v", err)
		}
		if _, err := os.Stat(filepath.Join(root(t), ".git")); errors.Is(err, fs.ErrNotExist) {
			t.Skipf("only what lies in the folder was looked at: this is no git checkout")
		}
		// The folder may be another user's, as in a container.
		for _, name := range strings.Fields(command(t, git, "-c", "safe.directory=*", "ls-tree", "--name-only", "HEAD")) {
			holdTopLevel(t, name)
		}
	})
}

func holdTopLevel(t *testing.T, name string) {
	assert.True(t, strings.HasPrefix(name, ".") || slices.Contains(topLevel, name),
		"rule: the names at the root are fixed; %s is not among %v", name, topLevel)
}

// ignoredNames are the patterns of .gitignore that can match at the root.
func ignoredNames(t *testing.T) []string {
	text, err := os.ReadFile(filepath.Join(root(t), ".gitignore"))
	require.NoError(t, err)
	names := strings.Fields(string(text))
	for i, name := range names {
		names[i] = strings.Trim(name, "/")
	}
	return names
}

func TestNamesSayWhatIsInside(t *testing.T) {
	vague := []string{"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
	eachFile(t, func(name string) {
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("/._-", r) }) {
			assert.NotContains(t, vague, strings.ToLower(part), "rule: files and packages are called after a noun; %s is not", name)
		}
	})
}

func TestFilesAreShort(t *testing.T) {
	seen := 0
	eachFile(t, func(name string) {
		if !strings.HasSuffix(name, ".go") {
			return
		}
		// Tests are read as well: go test takes a result from its cache unless a
		// file changed that the test itself has opened, and go list's do not count.
		text, err := os.ReadFile(filepath.Join(root(t), name))
		require.NoError(t, err)
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		seen++
		assert.LessOrEqual(t, bytes.Count(text, []byte("\n")), longest,
			"rule: a Go file has at most %d lines, split by noun; %s", longest, name)
	})
	require.NotZero(t, seen, "this test must see the files")
}

func TestModuleIsPinned(t *testing.T) {
	var mod struct {
		Module  struct{ Path string }
		Go      string
		Replace []any
	}
	require.NoError(t, json.Unmarshal([]byte(command(t, "go", "mod", "edit", "-json")), &mod))
	assert.Equal(t, modulePath, mod.Module.Path, "rule: the module's path")
	assert.Equal(t, goVersion, mod.Go, "rule: the Go version of go.mod")
	assert.Empty(t, mod.Replace, "rule: nothing is replaced in go.mod, so that go install works")
}

// What kills the program for `make crash` is not in the one that people use.
func TestTheProgramHasNoCrashPoints(t *testing.T) {
	for _, name := range []string{"./store", "./cmd/zensync"} {
		files := strings.Fields(strings.Trim(command(t, "go", "list", "-f", "{{.GoFiles}}", name), "[]\n"))
		assert.Contains(t, files, "nocrash.go", "rule: crash points are compiled to nothing; %s", name)
		assert.NotContains(t, files, "crash.go", "rule: crash points are only behind the tag crash; %s", name)
	}
}

// eachFile calls fn with the path below the root of every file of the project.
func eachFile(t *testing.T, fn func(name string)) {
	for _, top := range topLevel {
		err := fs.WalkDir(os.DirFS(root(t)), top, func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				fn(name)
			}
			return err
		})
		if !errors.Is(err, fs.ErrNotExist) { // not all of them are there yet
			require.NoError(t, err)
		}
	}
}

// listedPackage is what go list tells of a package, as far as it matters here.
type listedPackage struct {
	ImportPath string
	Module     *struct {
		Path string
		Main bool
	}
	Imports, TestImports, XTestImports []string
}

// listed are all packages of the project and what they depend on.
func listed(t *testing.T) []listedPackage {
	out := json.NewDecoder(strings.NewReader(command(t, "go", "list", "-deps",
		"-json=ImportPath,Module,Imports,TestImports,XTestImports", "./...")))
	var all []listedPackage
	for {
		var p listedPackage
		err := out.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

// ours are the packages of the project.
func ours(t *testing.T) []listedPackage {
	all := slices.DeleteFunc(listed(t), func(p listedPackage) bool { return p.Module == nil || !p.Module.Main })
	require.NotEmpty(t, all, "this test must see the packages")
	return all
}

// own are those of some import paths that are the project's, below the module.
func own(imports []string) []string {
	var names []string
	for _, i := range imports {
		if strings.HasPrefix(i, modulePath+"/") {
			names = append(names, below(i))
		}
	}
	return names
}

func below(importPath string) string { return strings.TrimPrefix(importPath, modulePath+"/") }

// root is the folder of go.mod. Tests run in that of their package.
func root(t *testing.T) string {
	folder, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	return folder
}

// command runs a program at the root and returns what it printed.
func command(t *testing.T, name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Dir = root(t)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	require.NoError(t, err, "%s %v: %s", name, args, complaint.String())
	return string(out)
}
