// Command licences lists the modules that are linked into zensync, with their
// versions and licences, as scripts/licences/licences.csv has them:
//
//	go run ./scripts/licences > scripts/licences/licences.csv
//
// What a licence is it reads off the module's own file, as pkg.go.dev does. It
// asks nobody: what go builds with is what it looks at.
package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

func main() {
	list, err := licences()
	if err == nil {
		err = write(os.Stdout, list)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// chosen are the licences of modules that leave the choice, in a file that only
// names them: of FreeType's two the one that is no copyleft.
var chosen = map[string][]string{"github.com/golang/freetype": {"FTL"}}

// module is what go list tells of a module, and its licences by SPDX.
type module struct {
	Path, Version, Dir string
	Main               bool
	licences           []string
}

// licences are the modules in the program, by path.
func licences() ([]module, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=Module", "github.com/zensync/zensync/cmd/zensync")
	cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0") // as it is released
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, complaint.String())
	}
	found := map[string]module{}
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ Module *module }
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if p.Module != nil && !p.Module.Main {
			found[p.Module.Path] = *p.Module
		}
	}
	var all []module
	for _, m := range found {
		if m.licences = chosen[m.Path]; m.licences == nil {
			if m.licences, err = read(m.Dir); err != nil {
				return nil, fmt.Errorf("%s: %w", m.Path, err)
			}
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// read finds the licences in the files at the top of a module. Those of others
// are passed over: what of them is linked in is listed by itself.
func read(dir string) (ids []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || strings.Contains(name, "3RD-PARTY") || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		for _, match := range licensecheck.Scan(text).Match {
			if !match.IsURL && !slices.Contains(ids, match.ID) {
				ids = append(ids, match.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("no licence is found at the top of the module")
	}
	slices.Sort(ids)
	return ids, nil
}

func write(to io.Writer, all []module) error {
	out := csv.NewWriter(to)
	rows := [][]string{{"module", "version", "licences"}}
	for _, m := range all {
		rows = append(rows, []string{m.Path, m.Version, strings.Join(m.licences, " ")})
	}
	return out.WriteAll(rows)
}
