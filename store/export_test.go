package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// awkwardRows has texts that JSON may write in more than one way.
func (f *fixture) awkwardRows() {
	f.someRows()
	var all strings.Builder
	for r := rune(1); r < 0x100; r++ {
		all.WriteRune(r)
	}
	f.append(LogRow{Origin: "operator", Actor: `Ann "QA" \ <lead> & co`, Action: ActPause, Outcome: OutcomeOK, Error: all.String()},
		LogRow{Origin: "operator", Actor: "\u2028\u2029\u007f\ufeff Łęcka 李 👩‍🔬 \\u0041 \\\\\" '", Action: ActResume, Outcome: OutcomeOK,
			Changes: map[string]Change{"reason": {New: "tab\t\u2028 \"x\" \\"}}},
		LogRow{Origin: "operator", Actor: "cut in a letter: \xc5", Action: ActPause, Outcome: OutcomeOK})
}

func (f *fixture) export(seq int64) string {
	f.Helper()
	var out strings.Builder
	f.see(func(tx *Tx) error {
		_, err := tx.ExportLog(&out, seq, nil)
		return err
	})
	return out.String()
}

func check(export string, earlier Head) (Proof, error) {
	return CheckExport(strings.NewReader(export), earlier, nil)
}

func TestA1_ExportHoldsEveryColumn(t *testing.T) {
	f := setup(t)
	f.awkwardRows()
	lines := strings.SplitAfter(strings.TrimSuffix(f.export(0), "\n"), "\n")
	require.EqualValues(t, f.head().Seq, len(lines))
	names := strings.Split(logColumns, ", ")
	f.see(func(tx *Tx) error {
		return tx.eachLogRow(1, func(seq int64, fields []any, hash string) error {
			var object map[string]any
			require.NoError(t, json.Unmarshal([]byte(lines[seq-1]), &object))
			require.Len(t, object, len(names))
			for i, want := range append(fields, hash) {
				if n, ok := want.(int64); ok {
					want = float64(n)
				}
				assert.Equal(t, want, object[names[i]], names[i])
			}
			return nil
		})
	})
}

func TestA1_ExportIsCheckedWithoutTheStore(t *testing.T) {
	f := setup(t)
	f.awkwardRows()
	export := f.export(0)
	head := f.head()
	for name, text := range map[string]string{
		"as written":             export,
		"last line without end":  strings.TrimSuffix(export, "\n"),
		"line ends of Windows's": strings.ReplaceAll(export, "\n", "\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			proof, err := check(text, Head{})
			require.NoError(t, err)
			assert.Equal(t, Proof{First: 1, Head: head, Whole: true}, proof)
		})
	}
	proof, err := check("", Head{})
	require.NoError(t, err)
	assert.Zero(t, proof)
}

func TestA1_CheckOfAnExportNamesTheFirstBadRow(t *testing.T) {
	f := setup(t)
	f.someRows()
	lines := strings.SplitAfter(f.export(0), "\n")
	edited := func(row int, old, new string) string {
		out := append([]string{}, lines...)
		require.Contains(t, out[row-1], old)
		out[row-1] = strings.Replace(out[row-1], old, new, 1)
		return strings.Join(out, "")
	}
	const rewritten = "it is not in the form that `zensync export` writes"
	for name, c := range map[string]struct{ text, want string }{
		"another outcome":         {edited(2, `"skipped"`, `"ok"`), "line 2: row 2 is not as it was written"},
		"another value":           {edited(1, `QA`, `QB`), "line 1: row 1 is not as it was written"},
		"the same, written anew":  {edited(2, `"skip"`, `"\u0073kip"`), "line 2: row 2 is not as it was written"},
		"null for text":           {edited(2, `"no last name"`, `null`), "line 2: row 2 is not as it was written"},
		"another hash":            {edited(2, `"hash":"`, `"hash":"0`), "line 2: row 2 is not as it was written"},
		"a row left out":          {lines[0] + lines[2] + lines[3], "line 2: row 2 is missing"},
		"rows exchanged":          {lines[0] + lines[2] + lines[1] + lines[3], "line 2: row 2 is missing"},
		"a row twice":             {lines[0] + lines[0], "line 2: row 2 is missing"},
		"a key twice":             {edited(3, `"error":null`, `"error":null,"error":null`), "line 3, where row 3 should stand: " + rewritten},
		"a key more":              {edited(3, `"}`, `","note":"x"}`), "line 3, where row 3 should stand: " + rewritten},
		"a key less":              {edited(3, `"error":null,`, ``), rewritten},
		"a key moved into a text": {edited(2, `"changes":null,"error":"no last name"`, `"changes":"null,\"error\":\"no last name"`), rewritten},
		"blanks":                  {edited(3, `,"attempt":`, `, "attempt":`), rewritten},
		"an empty line":           {lines[0] + "\n" + lines[1], "line 2, where row 2 should stand: " + rewritten},
		"cut in a line":           {lines[0] + lines[1][:40], rewritten},
		"cut in a text":           {lines[0] + lines[1][:len(lines[1])-9], rewritten},
		"no log at all":           {"seq,attempt\n1,1\n", "line 1, where row 1 should stand: " + rewritten},
		"row 0":                   {edited(1, `"seq":1,`, `"seq":0,`), rewritten},
		"no number":               {edited(1, `"seq":1,`, `"seq":null,`), rewritten},
		"a later start":           {edited(1, `"seq":1,`, `"seq":7,`), "line 2: row 8 is missing"},
		"a log that was cut":      {lines[0], ""}, // what is left is in order
	} {
		t.Run(name, func(t *testing.T) {
			_, err := check(c.text, Head{})
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestA1_NotedEndIsLookedForInAnExport(t *testing.T) {
	f := setup(t)
	f.someRows()
	hashes := f.texts(`SELECT hash FROM log ORDER BY seq`)
	at := func(seq int) Head { return Head{Seq: int64(seq), Hash: hashes[seq-1]} }
	wrong := func(seq int) Head { return Head{Seq: int64(seq), Hash: hashes[0][:63] + "x"} }
	whole, part := f.export(0), f.export(2)
	forged := strings.Replace(part, `"origin":"reconcile"`, `"origin":"initial"`, 1)
	for name, c := range map[string]struct {
		text    string
		earlier Head
		first   int64
		proved  bool
		want    string
	}{
		"of the whole":            {whole, at(2), 1, true, ""},
		"its last":                {whole, at(4), 1, true, ""},
		"of another log":          {whole, wrong(2), 0, false, "row 2 is not the one that was noted"},
		"behind the end":          {whole, Head{9, "x"}, 0, false, "it ends at row 4, and row 9 was noted: its tail was cut"},
		"none, of a part":         {part, Head{}, 3, false, ""},
		"of a part":               {part, at(3), 3, false, ""},
		"of a part, its last":     {part, at(4), 3, false, ""},
		"of a part, wrong":        {part, wrong(3), 0, false, "row 3 is not the one that was noted"},
		"just before a part":      {part, at(2), 3, true, ""},
		"just before, wrong":      {part, wrong(2), 0, false, "line 1: row 3 is not as it was written"},
		"long before a part":      {part, at(1), 0, false, "the file begins with row 3, so that it does not show whether row 1 is the one that was noted"},
		"a forged start unproved": {forged, at(3), 3, false, ""},
		"a forged start proved":   {forged, at(2), 0, false, "line 1: row 3 is not as it was written"},
	} {
		t.Run(name, func(t *testing.T) {
			proof, err := check(c.text, c.earlier)
			if c.want != "" {
				assert.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, Proof{First: c.first, Head: at(4), Whole: c.proved}, proof)
		})
	}
}

func TestA1_ExportBehindTheEnd(t *testing.T) {
	f := setup(t)
	f.someRows()
	assert.Empty(t, f.export(4))
	assert.ErrorContains(t, f.db.View(t.Context(), func(tx *Tx) error {
		_, err := tx.ExportLog(&bytes.Buffer{}, 5, nil)
		return err
	}), "it ends at row 4, so there is none behind 5")
}

// TestA1_ChainIsReckonedByOthers does with the sqlite3 program and jq what the
// table's comment says, as an auditor may who does not trust this program.
func TestA1_ChainIsReckonedByOthers(t *testing.T) {
	for _, program := range []string{"sqlite3", "jq", "sha256sum"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s: %v", program, err)
		}
	}
	f := setup(t)
	f.awkwardRows()
	// jq writes strings as the comment says, but for DEL and the two separators.
	const script = `
		before=
		sqlite3 -readonly -json "$0" 'SELECT * FROM log ORDER BY seq' | jq -c '.[] | [.hash, [.seq, .attempt, .time, .origin, .run, .event, .actor,
			.okta_id, .zenqms_id, .action, .outcome, .changes, .error]]' | while IFS= read -r row; do
			hash=$(printf %s "$row" | cut -c3-66)
			values=$(printf %s "$row" | cut -c70- | sed -e 's/\]\]$//' -e 's/\\u007f/\x7f/g' -e 's/\xe2\x80\xa8/\\u2028/g' -e 's/\xe2\x80\xa9/\\u2029/g')
			sum=$(printf '["%s",%s]' "$before" "$values" | sha256sum | cut -c1-64)
			[ "$sum" = "$hash" ] || { echo "reckoned another hash of $row"; exit 1; }
			before=$hash
			echo ok
		done`
	cmd := exec.Command("sh", "-c", script, f.db.Path())
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, strings.Repeat("ok\n", int(f.head().Seq)), string(out))
}

// TestA1_ValuesAreAsEncodingJSONHasThem holds the form against an encoder that
// somebody else wrote.
func TestA1_ValuesAreAsEncodingJSONHasThem(t *testing.T) {
	for r := rune(0); r < 0x3000; r++ {
		text := fmt.Sprintf("a%cb%c", r, r)
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		require.NoError(t, encoder.Encode(text))
		assert.Equal(t, strings.TrimSuffix(want.String(), "\n"), string(appendString(nil, text)))
	}
}

func TestA1_BytesThatAreNoTextHaveNoForm(t *testing.T) {
	for _, value := range []any{"a\xff", "cut \xc5", 1.5, []byte("a"), true} {
		_, err := appendValue(nil, value)
		assert.Error(t, err, "%v", value)
	}
}

func TestA1_ExportSaysWhenItCannotBeWritten(t *testing.T) {
	f := setup(t)
	f.someRows()
	full := errors.New("disk full")
	assert.ErrorIs(t, f.db.View(t.Context(), func(tx *Tx) error {
		_, err := tx.ExportLog(failing{full}, 0, nil)
		return err
	}), full)
}

type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }

func TestA1_ExportOfALogThatHasLostRowsSaysSo(t *testing.T) {
	f := setup(t)
	f.someRows()
	last := f.head().Seq
	raw(t, f.db.Path(), `DROP TRIGGER log_no_delete`, `DELETE FROM log WHERE seq = 3`)
	var out bytes.Buffer
	err := f.db.View(t.Context(), func(tx *Tx) error {
		_, err := tx.ExportLog(&out, 0, nil)
		return err
	})
	assert.EqualError(t, err, fmt.Sprintf("log: of the rows from 1 to %d, 1 are missing: somebody has deleted them; `zensync verify` names the first", last))
	assert.EqualValues(t, last-1, strings.Count(out.String(), "\n"), "A1: those there are")
}

func TestA1_ALogSinceATimeFollowsFromTheRowBefore(t *testing.T) {
	f := setup(t)
	for minute := range 4 {
		f.now = noon.Add(time.Duration(minute) * time.Minute)
		f.append(LogRow{Origin: string(FromHook), Action: ActNone, Outcome: OutcomeUnchanged})
	}
	for minute, want := range map[int]int64{-1: 0, 0: 0, 1: 1, 3: 3} {
		f.see(func(tx *Tx) error {
			before, any, err := tx.LogBefore(noon.Add(time.Duration(minute) * time.Minute))
			require.NoError(t, err)
			assert.True(t, any)
			assert.Equal(t, want, before.Seq)
			proof, err := CheckExport(strings.NewReader(f.export(before.Seq)), before, nil)
			require.NoError(t, err)
			assert.Equal(t, Proof{First: want + 1, Head: f.head(), Whole: true}, proof)
			return nil
		})
	}
	f.see(func(tx *Tx) error {
		_, any, err := tx.LogBefore(noon.Add(time.Hour))
		assert.False(t, any)
		return err
	})
}
