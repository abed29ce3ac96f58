package qualify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/zensync/zensync/reconcile/okta"
	"github.com/zensync/zensync/store"
)

// installed are the requirements of the installation itself.
var installed = []Requirement{
	{ID: "IQ-1", Text: "The program is a known build, and the file on disk is the one that runs", Cases: []Case{{Fakes: local, Steps: []Step{
		{"Ask the program's file for its version", "the version of this record: true", func(s *stand) string {
			out, err := exec.CommandContext(s.ctx, s.options.Program, "version", "--format", "json").Output()
			s.must(err)
			var told struct{ Version, Commit, Go string }
			s.must(json.Unmarshal(out, &told))
			b := s.options.Build
			return fmt.Sprint("the version of this record: ", told.Version == b.Version && told.Commit == b.Commit && told.Go == b.Go && b.Go != "")
		}},
		{"Take the checksum of the program's file", "the SHA-256 of this record: true", func(s *stand) string {
			sum, err := Checksum(s.options.Program)
			s.must(err)
			return fmt.Sprint("the SHA-256 of this record: ", sum == s.options.Build.SHA256)
		}},
	}}}},
	{ID: "IQ-2", Text: "The configuration can be followed, and its secrets are out of others' reach", Cases: []Case{{Fakes: local, Steps: []Step{
		{"Read the configuration", "read, and hashed", func(s *stand) string {
			if s.options.Config.Err != nil {
				return s.options.Config.Err.Error()
			}
			return "read, and hashed"
		}},
		{"Look at the modes of its secret files", "nobody else can read them", func(s *stand) string {
			for _, name := range s.options.Config.Secrets {
				info, err := os.Stat(name)
				switch {
				case err != nil:
					return err.Error()
				case info.Mode().Perm()&0o007 != 0:
					return fmt.Sprintf("%s has mode %04o", name, info.Mode().Perm())
				}
			}
			return "nobody else can read them"
		}},
	}}}},
	{ID: "IQ-3", Text: "A new store is whole, durable, of the newest schema and its owner's alone, and its log's chain holds", Cases: []Case{{Fakes: local, Steps: []Step{
		{"Make a store, and look at its schema", "the newest: true", func(s *stand) string {
			return s.look(func(r *store.Reader) string {
				have, newest, err := r.Schema(s.ctx)
				s.must(err)
				return fmt.Sprint("the newest: ", have == newest && newest > 0)
			})
		}},
		{"Have SQLite check it (PRAGMA integrity_check)", "0 faults", func(s *stand) string {
			return s.look(func(r *store.Reader) string {
				damage, err := r.Damage(s.ctx)
				s.must(err)
				return count(len(damage), "fault")
			})
		}},
		{"Ask whether a commit is on disk when it returns", "yes", func(s *stand) string {
			if err := s.db.Update(s.ctx, (*store.Tx).CheckDurable); err != nil {
				return err.Error()
			}
			return "yes"
		}},
		{"Write rows into its log, and verify the chain", "3 rows, and the chain holds", func(s *stand) string {
			row := store.LogRow{Origin: "operator", Actor: operator, Action: store.ActVersion, Outcome: store.OutcomeOK}
			s.update(func(tx *store.Tx) error { return tx.AppendLog(row, row, row) })
			var head store.Head
			s.view(func(tx *store.Tx) (err error) {
				head, err = tx.CheckLog(store.Head{}, nil)
				return err
			})
			return fmt.Sprint(head.Seq, " rows, and the chain holds")
		}},
		{"Look at the mode of its file", "0600", func(s *stand) string {
			info, err := os.Stat(s.db.Path())
			s.must(err)
			return fmt.Sprintf("%04o", info.Mode().Perm())
		}},
	}}}},
	{ID: "IQ-4", Text: "Okta's imitation, ZenQMS and the relay can be reached over HTTP with their credentials", Cases: []Case{{Steps: []Step{
		{"Make a harmless call of each", "Okta answers; ZenQMS answers; the relay answers 200 {\"verification\":\"abc\"}", func(s *stand) string {
			_, err := s.worker.Okta.ListUsers(s.ctx, okta.Query{Limit: 1})
			s.must(err)
			s.must(s.worker.ZenQMS.Ping(s.ctx))
			return "Okta answers; ZenQMS answers; the relay answers " + s.challenge(hookSecret)
		}},
	}}}},
}

const local = "nothing of it concerns ZenQMS"

// look reads the store as somebody does who doubts that it is whole.
func (s *stand) look(at func(*store.Reader) string) string {
	r, err := store.OpenReader(s.db.Path())
	s.must(err)
	defer func() { s.must(r.Close()) }()
	return at(r)
}

// Checksum is the SHA-256 of a file, in hex.
func Checksum(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
