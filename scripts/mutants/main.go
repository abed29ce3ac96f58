// Command mutants shows that tests hold every branch of the rule book,
// reconcile/decide.go: it changes one thing after the other in it, and expects a
// test to fail each time. All changes are in one build of the package's tests,
// which the working tree knows nothing of (go test -overlay); a variable of the
// environment says which is on. What no test catches is printed, and an error,
// unless explained.txt says why it makes no difference.
//
//	go run ./scripts/mutants
package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	mutated  = "reconcile/decide.go"
	variable = "ZENSYNC_MUTANT"
	// atOnce is how many mutants are tried at once.
	atOnce = 2
	// patience bounds the tests of one mutant: one that hangs is caught.
	patience = 4 * time.Minute
)

// rounds are the tests a mutant has to face, those first that catch most of them
// in no time. Long histories come last.
var rounds = []struct{ run, skip string }{
	{`^Test(M\d|L\d|W\d|B1_What|B3)`, `InKnots|Histories`},
	{`.`, `^Test(M\d|L\d|W\d|Histories)|BadNetwork|FiftyThousand|Answers|Storm`},
}

//go:embed explained.txt
var explained string

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run() error {
	reasons, err := readExplained()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	s, err := build(folder)
	if err != nil {
		return err
	}
	if caught, err := isCaught(folder, 0); err != nil || caught {
		return errors.Join(err, errors.New("the tests fail with no mutant on"))
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	var failed error
	survivors, slots := map[int]bool{}, make(chan struct{}, atOnce)
	for n := 1; n <= len(s.mutants); n++ {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			caught, err := isCaught(folder, n)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			survivors[n] = !caught
			if !caught {
				fmt.Printf("%s:%d: %s: no test fails\n", mutated, s.mutants[n-1].line, s.mutants[n-1].what)
			}
		})
	}
	all.Wait()
	if failed != nil {
		return failed
	}
	return judge(s, survivors, reasons)
}

// judge counts, and is an error if a survivor is not explained or an explanation
// explains nothing.
func judge(s schema, survivors map[int]bool, reasons map[string]string) error {
	unexplained, alive, used := 0, 0, map[string]bool{}
	for i, m := range s.mutants {
		if !survivors[i+1] {
			continue
		}
		alive++
		if used[m.what] = true; reasons[m.what] == "" {
			unexplained++
		}
	}
	fmt.Printf("%d mutants of %s: %d caught, %d make no difference, %d caught by no test\n",
		len(s.mutants), mutated, len(s.mutants)-alive, alive-unexplained, unexplained)
	for what := range reasons {
		if !used[what] {
			return fmt.Errorf("explained.txt explains a mutant that is caught, or is none: %s", what)
		}
	}
	if unexplained > 0 {
		return fmt.Errorf("%d mutants are caught by no test: write one, or say in scripts/mutants/explained.txt why it makes no difference", unexplained)
	}
	return nil
}

// readExplained reads which mutants make no difference, and why: a line for the
// mutant, the next, indented, for the reason.
func readExplained() (map[string]string, error) {
	all := map[string]string{}
	what := ""
	for in := bufio.NewScanner(strings.NewReader(explained)); in.Scan(); {
		line := in.Text()
		reason, indented := strings.CutPrefix(line, "\t")
		switch {
		case line == "" || line[0] == '#':
		case !indented:
			what = line
		case what == "":
			return nil, fmt.Errorf("explained.txt: a reason without a mutant: %s", line)
		default:
			all[what] = reason
		}
	}
	return all, nil
}

// build makes the package's tests with all mutants in them.
func build(folder string) (schema, error) {
	text, err := os.ReadFile(mutated)
	if err != nil {
		return schema{}, fmt.Errorf("%w: it is run at the root of the project", err)
	}
	s, err := mutate(mutated, text)
	if err != nil {
		return s, err
	}
	pack := regexp.MustCompile(`(?m)^package (\w+)$`).FindSubmatch(text)[1]
	replace := map[string]string{}
	for name, text := range map[string]string{mutated: string(s.text), filepath.Dir(mutated) + "/switchboard.go": fmt.Sprintf(switchboard, pack)} {
		file, err := filepath.Abs(name)
		if err != nil {
			return s, err
		}
		replace[file] = filepath.Join(folder, filepath.Base(name))
		if err := os.WriteFile(replace[file], []byte(text), 0o600); err != nil {
			return s, err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return s, err
	}
	file := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return s, err
	}
	printed, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", file, "-o", filepath.Join(folder, "tests"), "./"+filepath.Dir(mutated)).CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("build the mutants: %w: %s", err, printed)
	}
	return s, nil
}

// isCaught tells whether a test fails with a mutant on; 0 is none.
func isCaught(folder string, n int) (bool, error) {
	for _, r := range rounds {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		cmd := exec.CommandContext(ctx, filepath.Join(folder, "tests"), "-test.failfast", "-test.run", r.run, "-test.skip", r.skip)
		cmd.Dir = filepath.Dir(mutated)
		cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(n))
		err := cmd.Run()
		late := ctx.Err() != nil
		cancel()
		var exit *exec.ExitError
		switch {
		case late || errors.As(err, &exit):
			return true, nil
		case err != nil:
			return false, err
		}
	}
	return false, nil
}
