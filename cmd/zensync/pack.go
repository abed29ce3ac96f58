package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/zensync/zensync/cmd/zensync/output"
	"github.com/zensync/zensync/store"
)

// packed are the reports of an inspection pack, in the order of its page. Those
// of what is now are whole; the others are of the period.
var packed = []string{"summary", "leavers", "held", "acts", "failures", "dead", "skipped", "drift", "runs", "latency", "roles"}

// packedAlone are reports that are files of their own only: they are too long
// for a page that people read.
var packedAlone = []string{"log", "links", "events"}

// wholly says of a report that the pack's period does not narrow it.
const wholly = "Here it is whole, as of when the pack was made, whatever its period."

// packPage is the page of a pack, packLog the log of its period with the hashes, as
// `verify` takes it, and packSums the file of its checksums, as `sha256sum
// --check` does.
const (
	packPage = "index.html"
	packLog  = "log.jsonl"
	packSums = "SHA256SUMS"
)

// pack writes an inspection pack: one page that an auditor can read offline,
// and the same and more as files. It is written to the end even where the log
// does not hold; the page then says so, and the command fails.
func pack(c *cli.Context) error {
	if c.NArg() > 1 {
		return usage("report pack: takes no arguments, and was given %q", c.Args().Get(1))
	}
	folder := c.String("output")
	if folder == "" || !c.IsSet("since") {
		return usage("report pack: give the period, as in --since 90d or --since 2026-01-01 --until 2026-04-01, and a new folder with --output")
	}
	for _, flag := range []string{"user", "run", "limit", "format"} {
		if c.IsSet(flag) {
			return usage("report pack: --%s does not narrow it: a pack is about everybody", flag)
		}
	}
	e := edition{made: time.Now()}
	var err error
	if e.args, err = reportArgs(c, e.made); err != nil {
		return err
	}
	in, err := load(c, commandLevel)
	if err != nil {
		return err
	}
	var p inspection
	if err := in.viewStore(c.Context, ", so there is nothing to report", func(tx *store.Tx) (err error) {
		p, err = in.inspect(c, tx, e)
		return err
	}); err != nil {
		return uninterrupted(c.Context, err, "not packed: interrupted")
	}
	files, err := p.write(folder, func(to io.Writer) error {
		// Rows that came since the reports were read follow in it, and nothing else has changed.
		return in.viewStore(c.Context, "", func(tx *store.Tx) error {
			_, err := tx.ExportLog(to, p.before.Seq, nil)
			return err
		})
	})
	if err != nil {
		return uninterrupted(c.Context, err, "not packed: interrupted")
	}
	fmt.Fprintf(c.App.ErrWriter, "%s in %s: open %s\n", count(int64(files), "file", "files"), folder, packPage)
	return p.broken
}

// inspection is a pack before it is written.
type inspection struct {
	files  []packedFile
	broken error      // what is wrong with the log
	before store.Head // the row before the period's log
	logged bool       // and that has rows
}

type packedFile struct {
	name string
	text []byte
}

// inspect reads what a pack holds, as of one moment.
func (in *installation) inspect(c *cli.Context, tx *store.Tx, e edition) (p inspection, err error) {
	bar := output.NewProgress(c.App.ErrWriter, "rows verified")
	head, broken := tx.CheckLog(store.Head{}, bar.Set)
	bar.Close()
	if c.Context.Err() != nil {
		return p, c.Context.Err()
	}
	proof := fmt.Sprintf("every row is as it was written, up to %s", headText(head))
	if broken != nil {
		proof, p.broken = broken.Error(), fmt.Errorf("the log does not hold, and the pack says so: %w", broken)
	}
	hash, err := tx.Setting(store.ConfigHash)
	if err != nil {
		return p, err
	}
	if p.before, p.logged, err = tx.LogBefore(e.args.Since); err != nil {
		return p, err
	}
	page := output.Page{Title: "zensync inspection pack", Facts: append(e.facts(c),
		output.Pair{Key: "made by", Value: login()},
		output.Pair{Key: "installation", Value: in.Okta.OrgURL + " to " + in.ZenQMS.BaseURL},
		output.Pair{Key: "program", Value: versionLine()},
		output.Pair{Key: "configuration (sha256)", Value: notedHash(hash)},
		output.Pair{Key: "chain of the log", Value: proof},
		output.Pair{Key: "to be proved anew", Value: p.proving(head)})}
	lacks, err := gapsOf(tx)
	if err != nil {
		return p, err
	}
	for _, text := range lacks.since(e.args.Since, packed...) {
		page.Facts = append(page.Facts, output.Pair{Key: "not in it", Value: text})
	}
	for _, name := range slices.Concat(packed, packedAlone) {
		if e.sections, err = readSections(tx, []string{name}, periodOf(name, e.args), c); err != nil {
			return p, err
		}
		table := e.sections[0].table
		if slices.Contains(packed, name) {
			ofPeriod := periodOf(name, e.args) != store.ReportArgs{}
			section := sectionOf(e.sections[0], ofPeriod)
			if !ofPeriod {
				section.Help += "\n" + wholly
			}
			page.Sections = append(page.Sections, section)
		}
		var text bytes.Buffer
		if err := output.Write(&text, "csv", table); err != nil {
			return p, err
		}
		p.files = append(p.files, packedFile{name + ".csv", text.Bytes()})
	}
	var text bytes.Buffer
	if err := output.WriteHTML(&text, page); err != nil {
		return p, err
	}
	p.files = append(p.files, packedFile{packPage, text.Bytes()})
	return p, nil
}

// proving says how an auditor proves the log of the pack himself.
func (p inspection) proving(head store.Head) string {
	switch {
	case p.broken != nil:
		return "no: what does not hold is left out"
	case !p.logged:
		return "nothing was logged in the period"
	}
	from := p.before
	if from.Seq == 0 {
		from = head
	}
	return fmt.Sprintf("with zensync verify %s --head %s, on any machine: the file is the log of the period, each row with its hash. "+
		"Ends that were noted elsewhere at the time, as in digests and the process log, show that it is the log of then: --head takes them as well", packLog, headText(from))
}

// notedHash is the hash of the configuration last in effect, or in words that
// there was none.
func notedHash(hash string) string {
	if hash == "" {
		return "none was noted yet"
	}
	return hash
}

// periodOf are the limits of one report of a pack. What stands open is listed
// whenever it began.
func periodOf(name string, args store.ReportArgs) store.ReportArgs {
	if slices.Contains([]string{"held", "dead", "skipped", "drift", "roles", "links"}, name) {
		return store.ReportArgs{}
	}
	return args
}

// write makes the folder and its files, for their owner alone, and a list of
// their checksums, and returns how many they are. One that is there already is not
// touched; one that cannot be filled is removed. export writes the log, row by row.
func (p inspection) write(folder string, export func(io.Writer) error) (files int, err error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return 0, fmt.Errorf("%w (--output has to name a folder that is not there yet, in one that is)", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	var sums strings.Builder
	put := func(name string, fill func(io.Writer) error) error {
		sum := sha256.New()
		if err := fillNew(filepath.Join(folder, name), func(to io.Writer) error { return fill(io.MultiWriter(to, sum)) }); err != nil {
			return err
		}
		files++
		fmt.Fprintf(&sums, "%s  %s\n", hex.EncodeToString(sum.Sum(nil)), name)
		return nil
	}
	for _, f := range p.files {
		if err := put(f.name, whole(f.text)); err != nil {
			return files, err
		}
	}
	if p.logged && p.broken == nil {
		if err := put(packLog, export); err != nil {
			return files, err
		}
	}
	return files, put(packSums, whole([]byte(sums.String())))
}

func whole(text []byte) func(io.Writer) error {
	return func(to io.Writer) error {
		_, err := to.Write(text)
		return err
	}
}
