package config

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Answer returns a value as the configuration has it for a key with text:
// without blanks around it, a URL normalised. What is wrong with it is the same
// *Error that Load would return, with one problem and no place.
func Answer(key, value string) (string, error) {
	c := defaults()
	r := &report{at: map[string]position{key: {}}, bad: map[string]bool{}}
	field := c.field(key)
	if value = strings.TrimSpace(value); value == "" {
		r.add(key, "is empty", "give it a value")
		return "", r.err()
	}
	field.SetString(value)
	v := validator{report: r}
	v.config(c)
	for _, p := range r.problems {
		if p.Key == key {
			return "", &Error{Problems: []Problem{{Key: key, What: p.What, Remedy: p.Remedy}}}
		}
	}
	return field.String(), nil
}

// AnswerSecret returns the content of a secret that key is to name the file of,
// without the line end after it. The error repeats nothing of it.
func AnswerSecret(key string, content []byte) ([]byte, error) {
	content = bytes.TrimRight(content, "\r\n")
	for _, f := range new(Config).files() {
		if f.key != key {
			continue
		}
		if what, remedy := f.content(content); what != "" {
			return nil, &Error{Problems: []Problem{{Key: key, What: what, Remedy: remedy}}}
		}
		return content, nil
	}
	panic("config: no file is called " + key)
}

// field is that of a key with text.
func (c *Config) field(key string) reflect.Value {
	section, name, _ := strings.Cut(key, ".")
	sections := fieldsOf(reflect.ValueOf(c).Elem())
	field := reflect.Value{}
	if s, ok := sections[section]; ok && s.Kind() == reflect.Struct {
		field = fieldsOf(s)[name]
	}
	if !field.IsValid() || field.Kind() != reflect.String {
		panic("config: no text is called " + key)
	}
	return field
}

// bare is text that YAML takes for text without quotes: it begins with a letter
// or a slash, and no word of it means anything else.
var bare = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/._-]*[A-Za-z0-9](://[A-Za-z0-9._:/-]+)?$`)

// words are what YAML takes for something else than text.
var words = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null|nan|inf)$`)

// Filled is Sample with other values of some keys with text.
func Filled(values map[string]string) string {
	lines := strings.SplitAfter(Sample, "\n")
	left := len(values)
	section := ""
	for i, line := range lines {
		if name, top := strings.CutSuffix(strings.TrimRight(line, "\n"), ":"); top && !strings.ContainsAny(name, " #") {
			section = name
		}
		key, _, found := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(line, "  "), "#"), ":")
		value, given := values[section+"."+key]
		if !found || !given || !strings.HasPrefix(line, "  ") {
			continue
		}
		if !bare.MatchString(value) || words.MatchString(value) {
			value = strconv.QuoteToASCII(value)
		}
		lines[i] = fmt.Sprintf("  %s: %s\n", key, value)
		left--
	}
	if left != 0 {
		panic("config: the sample does not have one line for each of the keys")
	}
	return strings.Join(lines, "")
}
