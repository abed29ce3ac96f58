package okta

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzReadingByHand holds eachMember and eachElement against encoding/json: putting together again what they took
// apart gives the same value.
func FuzzReadingByHand(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","profile":{"title":"a\"b\\","email":"\u00fc\ud83d\ude00\ud800"}}`,
		" {\t\"id\" :\n\"1\" , \"profile\" : { \"title\" : [ 1 , { \"x\" : \"]}\" } ] , \"email\" : -1.5e3 } , \"x\":[ ] , \"y\":{ } } ",
		`{"id":7,"id":"2","p":"\\","q":"\\\"","r":"\\\\","s":true,"":null,"\u0069d":false}`, "[ 1 ,\n\"a,]\" , [ ] , {\"x\":[2]} , null ]",
		`{}`, `[]`, `[[[]]]`, `null`, `"x"`, `1`, "{\"id\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if data = bytes.TrimSpace(data); !json.Valid(data) {
			return
		}
		assert.Equal(t, whole(t, data), rebuild(t, data))
	})
}

// whole is what encoding/json reads. A number stays as it is written, for JSON has
// some that no float64 holds.
func whole(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	return v
}

func rebuild(t *testing.T, data []byte) any {
	t.Helper()
	switch data[0] {
	case '{':
		object := map[string]any{}
		eachMember(data, func(key, value []byte) { object[textOf(key)] = rebuild(t, value) })
		return object
	case '[':
		list := []any{}
		require.NoError(t, eachElement(data, func(value []byte) error {
			list = append(list, rebuild(t, value))
			return nil
		}))
		return list
	case '"':
		return textOf(data)
	}
	return whole(t, data)
}
