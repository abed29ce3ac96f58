package okta

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Users are read by hand rather than with encoding/json, for two reasons. It takes a key that differs in case for the
// same key, so an attribute of the org's own called "Title" would stand in for "title". And three quarters of a page
// of users are links and the like that nobody wants, which it passes over slowly.
//
// The functions here take JSON that json.Valid has passed, without blanks around it.

// eachMember calls fn with the members of an object, key and value as they are written. Any other value has none.
func eachMember(data []byte, fn func(key, value []byte)) {
	if data[0] != '{' {
		return
	}
	for i := skipBlank(data, 1); data[i] == '"'; {
		key := i
		i = skipValue(data, i)
		keyEnd := i
		i = skipBlank(data, skipBlank(data, i)+1) // over the colon
		value := i
		i = skipValue(data, i)
		fn(data[key:keyEnd], data[value:i])
		if i = skipBlank(data, i); data[i] == ',' {
			i = skipBlank(data, i+1)
		}
	}
}

// eachElement calls fn with the elements of a list until it fails. Any other value has none.
func eachElement(data []byte, fn func(value []byte) error) error {
	if data[0] != '[' {
		return nil
	}
	for i := skipBlank(data, 1); data[i] != ']'; {
		value := i
		i = skipValue(data, i)
		if err := fn(data[value:i]); err != nil {
			return err
		}
		if i = skipBlank(data, i); data[i] == ',' {
			i = skipBlank(data, i+1)
		}
	}
	return nil
}

// textOf reads a value as User says.
func textOf(value []byte) string {
	switch value[0] {
	case '"':
		plain := value[1 : len(value)-1]
		if bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
			return string(plain)
		}
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return "" // not reached: the value is a valid JSON string
		}
		return s
	case 'n', '[', '{':
		return ""
	}
	return string(value)
}

// text is a field of a struct that is read as textOf does.
type text string

// UnmarshalJSON reads any value.
func (t *text) UnmarshalJSON(data []byte) error {
	*t = text(textOf(data))
	return nil
}

func skipBlank(data []byte, i int) int {
	for data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r' {
		i++
	}
	return i
}

// skipValue gives the place behind the value that begins at i.
func skipValue(data []byte, i int) int {
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
		return skipNested(data, i)
	}
	for i < len(data) && strings.IndexByte(",]} \n\t\r", data[i]) < 0 { // a number, true, false or null
		i++
	}
	return i
}

func skipString(data []byte, i int) int {
	for i++; ; i++ {
		i += bytes.IndexByte(data[i:], '"')
		escapes := 0
		for data[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

func skipNested(data []byte, i int) int {
	for depth := 0; ; {
		switch data[i] {
		case '"':
			i = skipString(data, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if i++; depth == 0 {
			return i
		}
	}
}
