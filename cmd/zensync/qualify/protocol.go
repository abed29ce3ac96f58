package qualify

import "time"

// Kind is what a case is part of.
type Kind string

const (
	Installation Kind = "IQ" // what is installed is what was meant
	Operation    Kind = "OQ" // it does what its rules say
)

// Verdict is what came of a step, a case or a requirement.
type Verdict string

const (
	Passed Verdict = "passed"
	Failed Verdict = "failed"
	NotRun Verdict = "not run here"
)

// Case is how a requirement is tried: in a setting of its own, step by step.
type Case struct {
	Setting Setting
	// Fakes says why the case needs the built-in fakes; "" lets it be run
	// against the sandbox of ZenQMS as well.
	Fakes string
	Steps []Step
}

// Step is one line of the protocol. It has passed when what is seen is, word
// for word, what is expected.
type Step struct {
	Do   string // what is done
	Want string // what is expected
	See  func(*stand) string
}

// Requirement is a rule of the design, or of the installation.
type Requirement struct {
	ID    string
	Kind  Kind
	Text  string
	Cases []Case
}

// Result is what came of a requirement.
type Result struct {
	ID      string       `json:"requirement"`
	Kind    Kind         `json:"kind"`
	Text    string       `json:"text"`
	Verdict Verdict      `json:"verdict"`
	Why     string       `json:"not_run,omitempty"` // why not, or not all of it
	Began   time.Time    `json:"began"`
	Seconds float64      `json:"seconds"`
	Steps   []StepResult `json:"steps"`
}

// StepResult is what came of a step.
type StepResult struct {
	Number  int       `json:"step"`
	Do      string    `json:"done"`
	Want    string    `json:"expected"`
	Seen    string    `json:"seen"`
	Verdict Verdict   `json:"verdict"`
	At      time.Time `json:"at"`
}

// add takes over a step.
func (r *Result) add(s Step, seen string) {
	result := StepResult{Number: len(r.Steps) + 1, Do: s.Do, Want: s.Want, Seen: seen, Verdict: Passed, At: time.Now().UTC()}
	if seen != s.Want {
		result.Verdict, r.Verdict = Failed, Failed
	}
	r.Steps = append(r.Steps, result)
}

// Missed are the steps that have failed.
func (r Result) Missed() (missed []StepResult) {
	for _, s := range r.Steps {
		if s.Verdict == Failed {
			missed = append(missed, s)
		}
	}
	return missed
}
