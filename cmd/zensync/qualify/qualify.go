// Package qualify shows that this program keeps its rules: it drives the
// product's own code from outside, between the built-in fakes or against the
// sandbox of ZenQMS, and holds what it sees against what the protocol expects.
// What came of it is the evidence that an auditor reads.
//
// It decides nothing about users: a case acts as administrators and operators
// do, and looks at Okta, ZenQMS and the reports. That it fails when a rule is
// broken is proved by a test, which breaks one after the other.
package qualify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what is qualified.
type Options struct {
	Program string // path of this program's file
	Build   Build
	Config  Config
	Rules   []string // ids, as in M1; none: all
	Sandbox *Sandbox // nil: the fake of ZenQMS
	// Show, if given, is told of each requirement when it is through.
	Show func(done, total int64)
}

// Build is what is known of the program.
type Build struct{ Version, Commit, Go, SHA256 string }

// Config is the configuration that was found.
type Config struct {
	Path    string // "": none was
	Hash    string
	Secrets []string // the files of its secrets
	Err     error    // why it cannot be followed
}

// Requirements are all that is qualified, in the order of the protocol.
func Requirements() []Requirement {
	all := slices.Concat(installed, mapping, matching, word, events, delivery, walks, brakes, life, records)
	for i := range all {
		if all[i].Kind = Operation; strings.HasPrefix(all[i].ID, "IQ") {
			all[i].Kind = Installation
		}
	}
	return all
}

// Choose are the requirements of some ids, each once; all for none.
func Choose(ids []string) ([]Requirement, error) {
	all := Requirements()
	if len(ids) == 0 {
		return all, nil
	}
	var chosen []Requirement
	for _, id := range ids {
		i := slices.IndexFunc(all, func(r Requirement) bool { return strings.EqualFold(r.ID, strings.TrimSpace(id)) })
		if i < 0 {
			return nil, fmt.Errorf("there is no requirement %q; they are those of the design, M1 to A2, and IQ-1 to IQ-%d", id, len(installed))
		}
		if !slices.ContainsFunc(chosen, func(r Requirement) bool { return r.ID == all[i].ID }) {
			chosen = append(chosen, all[i])
		}
	}
	return chosen, nil
}

// atOnce is how many requirements are tried side by side: they wait for the
// disk more than they work. Against a sandbox one is, whose pace is agreed on.
const atOnce = 6

// Run tries the requirements, and returns what came of it. An error says that
// it could not be tried, not that something failed.
func Run(ctx context.Context, o Options) (Record, error) {
	record := begin(o)
	chosen, err := Choose(o.Rules)
	if err != nil {
		return record, err
	}
	record.Left = len(Requirements()) - len(chosen)
	record.Results = make([]Result, len(chosen))
	turns := make(chan struct{}, atOnce)
	if o.Sandbox != nil {
		turns = make(chan struct{}, 1)
	}
	var mu sync.Mutex
	done := int64(0)
	var all sync.WaitGroup
	for i, r := range chosen {
		turns <- struct{}{}
		all.Go(func() {
			record.Results[i] = try(ctx, o, r)
			<-turns
			mu.Lock()
			defer mu.Unlock()
			if done++; o.Show != nil {
				o.Show(done, int64(len(chosen)))
			}
		})
	}
	all.Wait()
	if o.Sandbox != nil {
		record.Accounts = o.Sandbox.leave(context.WithoutCancel(ctx))
		record.Results = append(record.Results, o.Sandbox.untouched())
	}
	record.Ended = time.Now().UTC()
	return record, ctx.Err()
}

// try tries one requirement.
func try(ctx context.Context, o Options, r Requirement) Result {
	result := Result{ID: r.ID, Kind: r.Kind, Text: r.Text, Verdict: Passed, Began: time.Now().UTC()}
	if r.ID == "IQ-2" && o.Config.Path == "" {
		result.Verdict, result.Why = NotRun, "there is no configuration here"
		return result
	}
	var left []string
	for i, c := range r.Cases {
		if o.Sandbox != nil && c.Fakes != "" {
			left = append(left, c.Fakes)
			continue
		}
		c.play(ctx, o, fmt.Sprintf("%s-%d", strings.ToLower(r.ID), i+1), &result)
	}
	if result.Why = strings.Join(left, "; "); len(result.Steps) == 0 {
		result.Verdict = NotRun
	}
	result.Seconds = time.Since(result.Began).Seconds()
	return result
}

// play goes through the steps of a case. What cannot be carried out has failed,
// and with it what would follow.
func (c Case) play(ctx context.Context, o Options, name string, result *Result) {
	s, err := setUp(ctx, o, c.Setting, name)
	broken := ""
	if err != nil {
		broken = "not carried out: " + err.Error()
	}
	for _, step := range c.Steps {
		seen := broken
		if broken == "" {
			if seen = s.see(step); strings.HasPrefix(seen, "not carried out: ") {
				broken = "not carried out, for an earlier step was not"
			}
		}
		result.add(step, seen)
	}
	if err := s.takeDown(); err != nil {
		result.add(Step{Do: "Take the installation of the case down", Want: "it is gone"}, err.Error())
	}
}

// see carries out a step. One that meets what nobody foresaw has failed, not the
// qualification.
func (s *stand) see(step Step) (seen string) {
	defer func() {
		if p := recover(); p != nil {
			seen = fmt.Sprint("not carried out: ", p)
		}
	}()
	return step.See(s)
}

func (s stopped) String() string { return s.why }
