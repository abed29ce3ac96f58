package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ownTables are the tables of the migrations, with their CREATE statements,
// in which SQLite keeps the comments.
func ownTables(f *fixture) map[string]string {
	f.Helper()
	tables := map[string]string{}
	for _, name := range f.texts(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name <> 'goose_db_version'`) {
		tables[name] = f.texts(`SELECT sql FROM sqlite_schema WHERE name = ?`, name)[0]
	}
	require.NotEmpty(f, tables)
	return tables
}

func TestEveryTableIsStrict(t *testing.T) {
	f := setup(t)
	for name := range ownTables(f) {
		assert.EqualValues(t, 1, f.number(`SELECT strict FROM pragma_table_list WHERE name = ?`, name), name)
	}
}

func TestEveryColumnHasAComment(t *testing.T) {
	f := setup(t)
	for name, create := range ownTables(f) {
		comments := map[string]string{}
		for line := range strings.Lines(create) {
			if column, comment, found := strings.Cut(strings.TrimSpace(line), "--"); found && column != "" {
				comments[strings.Fields(column)[0]] = strings.TrimSpace(comment)
			}
		}
		for _, column := range f.texts(`SELECT name FROM pragma_table_info(?)`, name) {
			assert.NotEmpty(t, comments[column], "%s.%s", name, column)
		}
	}
}

func TestSchemaRefusesWhatCannotBe(t *testing.T) {
	for name, statement := range map[string]string{
		"a state nobody knows":        `UPDATE outbox SET state = 'lost'`,
		"an origin nobody knows":      `UPDATE outbox SET origin = 'mail'`,
		"done without an end":         `UPDATE outbox SET state = 'done'`,
		"an end of what is open":      `UPDATE outbox SET finished = created`,
		"an event that is not there":  `UPDATE outbox SET event = 99`,
		"a run that is not there":     `UPDATE outbox SET run = 99`,
		"a kind of run nobody knows":  `UPDATE run SET kind = 'stroll'`,
		"a run done without an end":   `UPDATE run SET state = 'done'`,
		"a number for a text":         `UPDATE link SET active = 'yes'`,
		"half active":                 `UPDATE link SET active = 2`,
		"a skip without a known code": `UPDATE skip SET code = 'mood'`,
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.do(func(tx *Tx) error {
				if _, err := tx.WantRun(ReconcileRun, "", noon); err != nil {
					return err
				}
				if err := tx.PutLink(Link{OktaID: "00u1", ZenQMSID: "z1"}); err != nil {
					return err
				}
				if err := tx.PutSkip(Skip{OktaID: "00u1", Code: SkipMissing}); err != nil {
					return err
				}
				_, err := tx.Enqueue(Promise{OktaID: "00u1", Origin: FromHook})
				return err
			})
			assert.ErrorContains(t, f.db.Update(t.Context(), func(tx *Tx) error { return tx.run(statement) }), "constraint failed")
		})
	}
}

// A CHECK with a long IN costs more than the rest of the row it checks.
func TestWritingARowNeedsNoTableOfItsOwn(t *testing.T) {
	f := setup(t)
	for name := range ownTables(f) {
		columns := len(f.texts(`SELECT name FROM pragma_table_info(?)`, name))
		f.do(func(tx *Tx) error {
			program, err := collect(tx, func(s scanner) (opcode string, err error) {
				var rest any
				err = s.Scan(&rest, &opcode, &rest, &rest, &rest, &rest, &rest, &rest)
				return opcode, err
			}, `EXPLAIN INSERT INTO `+name+` VALUES (`+placeholders(columns)+`)`, make([]any, columns)...)
			assert.Contains(t, program, "Insert", name)
			assert.NotContains(t, program, "OpenEphemeral", name)
			return err
		})
	}
}
