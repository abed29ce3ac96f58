package qualify

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/zensync/zensync/cmd/zensync/output"
)

// Record is the evidence of one qualification.
type Record struct {
	Began      time.Time `json:"began"`
	Ended      time.Time `json:"ended"`
	Host       string    `json:"host"`
	Version    string    `json:"version"`
	Commit     string    `json:"commit"`
	Go         string    `json:"go"`
	SHA256     string    `json:"program_sha256"`
	Config     string    `json:"config,omitempty"`
	ConfigHash string    `json:"config_sha256,omitempty"`
	ZenQMS     string    `json:"zenqms"`     // against what it was run
	Left       int       `json:"not_chosen"` // requirements that were not asked for
	Results    []Result  `json:"results"`
	Accounts   []Account `json:"accounts,omitempty"` // that were made in the sandbox
}

func begin(o Options) Record {
	host, _ := os.Hostname() // "" where the host has none
	r := Record{Began: time.Now().UTC(), Host: host, Version: o.Build.Version, Commit: o.Build.Commit, Go: o.Build.Go, SHA256: o.Build.SHA256,
		Config: o.Config.Path, ConfigHash: o.Config.Hash, ZenQMS: "the built-in fake"}
	if o.Sandbox != nil {
		r.ZenQMS = o.Sandbox.ZenQMS.BaseURL
	}
	return r
}

// Count counts the requirements with a verdict.
func (r Record) Count(v Verdict) (n int) {
	for _, result := range r.Results {
		if result.Verdict == v {
			n++
		}
	}
	return n
}

// Summary is the record in a line.
func (r Record) Summary() string {
	left := ""
	if r.Left > 0 {
		left = fmt.Sprintf("; %d not chosen, so that this is no whole qualification", r.Left)
	}
	return fmt.Sprintf("%d passed, %d failed, %d not run here, in %.1f s%s", r.Count(Passed), r.Count(Failed), r.Count(NotRun), r.Ended.Sub(r.Began).Seconds(), left)
}

// Table is a row for each requirement.
func (r Record) Table() output.Table {
	t := output.Table{Columns: []string{"requirement", "kind", "text", "steps", "verdict"}}
	for _, result := range r.Results {
		t.Rows = append(t.Rows, []any{result.ID, string(result.Kind), result.Text, len(result.Steps), string(result.Verdict)})
	}
	return t
}

// WriteJSON writes all of it as one object.
func (r Record) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Passed int `json:"passed"`
		Failed int `json:"failed"`
		NotRun int `json:"not_run"`
		Record
	}{r.Count(Passed), r.Count(Failed), r.Count(NotRun), r})
}

// WriteHTML writes a page to read, to print and to sign.
func (r Record) WriteHTML(w io.Writer) error {
	page := output.Page{Title: "zensync qualification", Facts: r.facts()}
	page.Sections = append(page.Sections, output.Section{Title: "Summary", Help: r.Summary(), Table: r.Table(), Empty: "nothing was tried"})
	for _, result := range r.Results {
		page.Sections = append(page.Sections, result.section())
	}
	if len(r.Accounts) > 0 {
		t := output.Table{Columns: []string{"id", "email", "left"}}
		for _, a := range r.Accounts {
			t.Rows = append(t.Rows, []any{a.ID, a.Email, a.Left})
		}
		page.Sections = append(page.Sections, output.Section{Title: "Accounts made in the sandbox", Help: "ZenQMS deletes nobody, so they stay.", Table: t})
	}
	page.Sections = append(page.Sections, output.Section{Title: "Signatures", Table: output.Table{
		Columns: []string{"role", "name", "date", "signature"},
		Rows:    [][]any{{"Executed by", line, line, line}, {"Reviewed by", line, line, line}, {"Approved by", line, line, line}},
	}})
	return output.WriteHTML(w, page)
}

// line is where somebody writes by hand.
const line = "______________________"

const shown = "2006-01-02 15:04:05 UTC"

func (r Record) facts() []output.Pair {
	facts := []output.Pair{
		{Key: "began", Value: r.Began.Format(shown)}, {Key: "ended", Value: r.Ended.Format(shown)}, {Key: "host", Value: r.Host},
		{Key: "version", Value: r.Version}, {Key: "commit", Value: r.Commit}, {Key: "go", Value: r.Go}, {Key: "program SHA-256", Value: r.SHA256},
		{Key: "configuration", Value: r.Config}, {Key: "configuration SHA-256", Value: r.ConfigHash}, {Key: "Okta", Value: "the built-in fake"}, {Key: "ZenQMS", Value: r.ZenQMS},
	}
	var known []output.Pair
	for _, f := range facts {
		if f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// section is a requirement as a part of the page.
func (r Result) section() output.Section {
	t := output.Table{Columns: []string{"step", "done", "expected", "seen", "verdict", "time"}}
	for _, s := range r.Steps {
		t.Rows = append(t.Rows, []any{s.Number, s.Do, s.Want, s.Seen, string(s.Verdict), s.At.Format(shown)})
	}
	help := r.Text
	if r.Why != "" {
		help += "\nNot run here: " + r.Why
	}
	return output.Section{Title: fmt.Sprintf("%s (%s): %s", r.ID, r.Kind, r.Verdict), Help: help, Table: t, Empty: "no step was run"}
}
