package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/zensync/zensync/store"
)

// InEffect is the configuration and the program that a service or a command
// works with. An auditor has to see when either changed (rule A1).
type InEffect struct {
	Values  map[string]any // the configuration's values by key, without secrets
	Hash    string         // of all of them
	Version string         // of the program
	Actor   string
}

// configHash is where the log's changes have the hash of the configuration; no
// key of a configuration is called so.
const configHash = "sha256"

// Note logs what differs from what was noted before: the keys of the
// configuration that changed, old and new, in one row, and another version of
// the program in one more. It may be repeated; where nothing differs it writes
// nothing. The first of a store logs everything.
func (e InEffect) Note(ctx context.Context, db *store.DB) error {
	now, err := encodeEach(e.Values)
	if err != nil {
		return fmt.Errorf("note the configuration: %w", err)
	}
	return db.Update(ctx, func(tx *store.Tx) error {
		var rows []store.LogRow
		version, err := e.versionRow(tx)
		if err != nil {
			return err
		}
		config, err := e.configRow(tx, now)
		if err != nil {
			return err
		}
		for _, row := range []*store.LogRow{version, config} {
			if row != nil {
				rows = append(rows, *row)
			}
		}
		if len(rows) == 0 {
			return nil
		}
		return tx.AppendLog(rows...)
	})
}

func (e InEffect) row(action store.Action, changes map[string]store.Change) *store.LogRow {
	return &store.LogRow{Origin: "operator", Actor: e.Actor, Action: action, Outcome: store.OutcomeOK, Changes: changes}
}

// versionRow is the row about another version, nil where it is the same.
func (e InEffect) versionRow(tx *store.Tx) (*store.LogRow, error) {
	before, err := tx.Setting(store.VersionSeen)
	if err != nil || before == e.Version {
		return nil, err
	}
	return e.row(store.ActVersion, map[string]store.Change{"version": {Old: orNull(before), New: orNull(e.Version)}}),
		tx.SetSetting(store.VersionSeen, e.Version)
}

// configRow is the row about what changed in the configuration, nil where
// nothing did.
func (e InEffect) configRow(tx *store.Tx, now map[string]json.RawMessage) (*store.LogRow, error) {
	text, err := tx.Setting(store.ConfigSeen)
	if err != nil {
		return nil, err
	}
	before := map[string]json.RawMessage{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &before); err != nil {
			return nil, fmt.Errorf("read the setting %s: %w", store.ConfigSeen, err)
		}
	}
	changes := map[string]store.Change{}
	for key, value := range now {
		if !bytes.Equal(before[key], value) {
			changes[key] = store.Change{Old: orAbsent(before[key]), New: value}
		}
	}
	for key, value := range before {
		if _, still := now[key]; !still {
			changes[key] = store.Change{Old: value}
		}
	}
	if len(changes) == 0 {
		return nil, nil
	}
	kept, err := encode(now)
	if err != nil {
		return nil, fmt.Errorf("note the configuration: %w", err)
	}
	hash, err := tx.Setting(store.ConfigHash)
	if err != nil {
		return nil, err
	}
	changes[configHash] = store.Change{Old: orNull(hash), New: e.Hash}
	if err := tx.SetSetting(store.ConfigHash, e.Hash); err != nil {
		return nil, err
	}
	return e.row(store.ActConfig, changes), tx.SetSetting(store.ConfigSeen, string(kept))
}

// orAbsent is a value as the log has it: null where there was none.
func orAbsent(value json.RawMessage) any {
	if value == nil {
		return nil
	}
	return value
}

// encodeEach is the values as JSON, by which they are compared.
func encodeEach(values map[string]any) (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage, len(values))
	for key, value := range values {
		text, err := encode(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		all[key] = text
	}
	return all, nil
}

// encode is json.Marshal without the escapes for web pages: what is kept has
// to compare equal to what is encoded next time.
func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSpace(text.Bytes()), err
}
