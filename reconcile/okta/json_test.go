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
		var want any
		require.NoError(t, json.Unmarshal(data, &want))
		assert.Equal(t, want, rebuild(t, data))
	})
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
	var v any
	require.NoError(t, json.Unmarshal(data, &v))
	return v
}
