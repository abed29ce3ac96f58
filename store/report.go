package store

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/zensync/zensync/schema"
)

// ReportArgs limit what a report lists. All are optional, and a report uses
// those that make sense for it.
type ReportArgs struct {
	Since, Until time.Time
	User         string // an Okta id
	Run          int64
	Limit        int64
}

// Reports returns every report there is, ordered by name.
func Reports() []schema.Report { return schema.Reports() }

// ReportByName returns one of them, or an error that lists their names.
func ReportByName(name string) (schema.Report, error) { return schema.ReportByName(name) }

// Report runs a report and returns its columns and rows. Cells are nil,
// int64, float64 or string.
func (tx *Tx) Report(r schema.Report, args ReportArgs) (columns []string, cells [][]any, err error) {
	rows, err := tx.query(r.SQL, reportArgs(args)...)
	if err != nil {
		return nil, nil, fmt.Errorf("report %s: %w", r.Name, err)
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		return nil, nil, fmt.Errorf("report %s: %w", r.Name, err)
	}
	for rows.Next() {
		row := make([]any, len(columns))
		dest := make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, nil, fmt.Errorf("report %s: %w", r.Name, err)
		}
		cells = append(cells, row)
	}
	return columns, cells, rows.Err()
}

// reportArgs are the parameters of every report; one it does not have is of
// no account.
func reportArgs(args ReportArgs) []any {
	return []any{
		sql.Named("since", timeArg(args.Since)), sql.Named("until", timeArg(args.Until)),
		sql.Named("user", textArg(args.User)), sql.Named("run", idArg(args.Run)), sql.Named("limit", idArg(args.Limit)),
	}
}
