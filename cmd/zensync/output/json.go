package output

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// json returns the rows as an array, one object a line.
func (t Table) json() ([]byte, error) {
	if len(t.Rows) == 0 {
		return []byte("[]\n"), nil
	}
	var b bytes.Buffer
	pairs := make([]Pair, len(t.Columns))
	before := "[\n  "
	for i, row := range t.Rows {
		for j, cell := range row {
			pairs[j] = Pair{t.Columns[j], cell}
		}
		text, err := object(pairs)
		if err != nil {
			return nil, fmt.Errorf("print row %d: %w", i+1, err)
		}
		b.WriteString(before)
		b.Write(text)
		before = ",\n  "
	}
	b.WriteString("\n]\n")
	return harmless(b.Bytes()), nil
}

// object encodes pairs in their order, which a map would lose.
func object(pairs []Pair) ([]byte, error) {
	b := []byte{'{'}
	for i, pair := range pairs {
		if i > 0 {
			b = append(b, ',', ' ')
		}
		key, err := scalar(pair.Key)
		if err != nil {
			return nil, err
		}
		value, err := jsonOf(pair.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pair.Key, err)
		}
		b = append(append(append(b, key...), ':', ' '), value...)
	}
	return append(b, '}'), nil
}

func jsonOf(value any) ([]byte, error) {
	switch v := value.(type) {
	case []Pair:
		return object(v)
	case json.RawMessage:
		if len(v) == 0 {
			return []byte("null"), nil
		}
		text, err := textOf(v)
		return []byte(text), err
	}
	if _, err := textOf(value); err != nil {
		return nil, err
	}
	return scalar(value)
}

// scalar encodes a single value; < and & stay as they are, for nobody puts this
// into a web page.
func scalar(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// harmless escapes what acts on a terminal and JSON lets through: some obey DEL
// and C1. Such characters can stand only within strings, so that the result is
// the same JSON.
func harmless(text []byte) []byte {
	escape := func(r rune) bool { return r >= 0x7f && acts(r) }
	if !bytes.ContainsFunc(text, escape) {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		if escape(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.Bytes()
}
