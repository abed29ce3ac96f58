package qualify

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/zensync/zensync/reconcile/okta/oktatest"
	"github.com/zensync/zensync/store"
)

// records are the rules about the evidence of everyday work.
var records = []Requirement{
	{ID: "A1", Text: "Every attempt is a row of the log, with who, why, and what changed; the log can only grow, and its chain shows whatever was changed or cut", Cases: []Case{{Steps: []Step{
		{"Ada is linked; deploy by an operator", "qualification initial create ok; qualification operator deploy ok", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.lose()
			s.deploy()
			return strings.ReplaceAll(s.report("log", store.ReportArgs{}, "actor", "origin", "action", "outcome"), ", ", "; ")
		}},
		{"In Okta, an administrator changes her title; the hook arrives", "hook update ok, by hr@example.invalid, with the event's uuid: true; title Analyst -> Lead", func(s *stand) string {
			s.org.SetActor(oktatest.Actor{ID: "00uhr", Type: "User", AlternateID: "hr@example.invalid"})
			s.change("ada", func(p *oktatest.Profile) { p.Title = "Lead" })
			uuid := s.org.Pending()[0].UUID
			s.hooks()
			row := s.lastRow()
			return seen(fmt.Sprintf("%s %s %s, by %s, with the event's uuid: %v", row.Origin, row.Action, row.Outcome, row.Actor, row.Event == uuid),
				fmt.Sprintf("title %v -> %v", row.Changes["title"].Old, row.Changes["title"].New))
		}},
		{"Sync her by name: nothing differs", "manual none unchanged, by qualification", func(s *stand) string {
			s.sync("ada")
			row := s.lastRow()
			return fmt.Sprintf("%s %s %s, by %s", row.Origin, row.Action, row.Outcome, row.Actor)
		}},
		{"Verify the chain, and ask the store to change, delete and replace the last row", "the chain holds; refused", func(s *stand) string {
			chain := "the chain holds"
			s.view(func(tx *store.Tx) error {
				if head, err := tx.CheckLog(store.Head{}, nil); err != nil {
					chain = err.Error()
				} else if head.Seq < 4 {
					chain = fmt.Sprint("it has ", head.Seq, " rows")
				}
				return nil
			})
			refused := "refused"
			if err := s.db.Update(s.ctx, (*store.Tx).CheckAppendOnly); err != nil {
				refused = err.Error()
			}
			return seen(chain, refused)
		}},
		{"Export the log, change a letter of its second row, and verify; cut its last row off, and verify against the end that was noted", "row 2 is not as it was written: true; its tail was cut: true", func(s *stand) string {
			var export bytes.Buffer
			var head store.Head
			s.view(func(tx *store.Tx) (err error) {
				head, err = tx.ExportLog(&export, 0, nil)
				return err
			})
			lines := strings.SplitAfter(strings.TrimSuffix(export.String(), "\n"), "\n")
			changed := strings.Join(lines[:1], "") + strings.Replace(lines[1], "ada", "eve", 1) + strings.Join(lines[2:], "")
			_, tampered := store.CheckExport(strings.NewReader(changed), store.Head{}, nil)
			_, cut := store.CheckExport(strings.NewReader(strings.Join(lines[:len(lines)-1], "")), head, nil)
			return seen(fmt.Sprint("row 2 is not as it was written: ", said(tampered, "row 2 is not as it was written")), fmt.Sprint("its tail was cut: ", said(cut, "its tail was cut")))
		}},
	}}}},

	{ID: "A2", Text: "Reports are queries over the local store, one file each, with the columns of the design", Cases: []Case{{Fakes: local, Steps: []Step{
		{"List the reports that the design names, and the columns of four", strings.Join([]string{
			"dead, events, held, latency, leavers, links, log, runs, skipped, unlinked",
			"skipped: okta_id login email reason since last_seen",
			"log: seq attempt time origin run event actor okta_id zenqms_id action outcome changes error",
			"links: okta_id zenqms_id email active roles okta_updated applied_at",
			"held: id run okta_id email action reason since"}, "; "), func(s *stand) string {
			parts := []string{strings.Join(s.designed(), ", ")}
			for _, name := range []string{"skipped", "log", "links", "held"} {
				parts = append(parts, name+": "+s.columns(name))
			}
			return seen(parts...)
		}},
		{"Ada and Bob are linked, Prince is skipped; deploy; ask for the skip report, the links, and the log of Ada alone", "prince missing; ada active, bob active; ada create", func(s *stand) string {
			s.hire("ada", "Ada Byron", "Analyst", oktatest.Active)
			s.hire("bob", "Bob Stone", "Analyst", oktatest.Active)
			s.hire("prince", "Prince", "Analyst", oktatest.Active)
			s.deploy()
			skipped, _, _ := strings.Cut(s.report("skipped", store.ReportArgs{}, "okta_id", "reason"), ":")
			links := strings.ReplaceAll(s.report("links", store.ReportArgs{}, "okta_id", "active"), " 1", " active")
			return seen(skipped, links, s.report("log", store.ReportArgs{User: s.id("ada")}, "okta_id", "action"))
		}},
	}}}},
}

// lastRow is the last row of the log.
func (s *stand) lastRow() (row store.LogRow) {
	s.view(func(tx *store.Tx) error {
		head, err := tx.LogHead()
		if err != nil {
			return err
		}
		all, err := tx.LogAfter(head.Seq - 1)
		row = all[0]
		return err
	})
	return row
}

// designed are the reports there are of those the design names.
func (s *stand) designed() (names []string) {
	for _, name := range []string{"dead", "events", "held", "latency", "leavers", "links", "log", "runs", "skipped", "unlinked"} {
		if _, err := store.ReportByName(name); err == nil {
			names = append(names, name)
		}
	}
	return names
}

func (s *stand) columns(name string) (columns string) {
	r, err := store.ReportByName(name)
	s.must(err)
	s.view(func(tx *store.Tx) error {
		all, _, err := tx.Report(r, store.ReportArgs{})
		columns = strings.Join(all, " ")
		return err
	})
	return columns
}

// said tells whether an error says something.
func said(err error, words string) bool { return err != nil && contains(err.Error(), words) }
