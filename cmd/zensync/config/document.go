package config

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// document decodes source into c and tells whether there was a document to
// decode; if not, the problem is recorded.
func (d *decoder) document(source []byte, c *Config) bool {
	text := strings.TrimPrefix(string(source), "\ufeff") // some editors on Windows add a byte order mark
	if !utf8.ValidString(text) {
		d.addAt(position{1, 1}, "", "is not UTF-8 text", "save the file as UTF-8")
		return false
	}
	if d.tabs(text) {
		return false
	}
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(text, err)
		return false
	}
	docs := bodiesOf(file)
	if len(docs) == 0 {
		d.addAt(position{1, 1}, "", "is empty", "begin with `zensync config init`")
		return false
	}
	for _, extra := range docs[1:] {
		d.addAt(placeOf(extra), "", "a second YAML document begins here", "remove the --- line; the file holds one document")
	}
	if _, ok := docs[0].(ast.MapNode); !ok {
		d.addAt(placeOf(docs[0]), "", "must hold keys and values, not "+kindOf(docs[0]), "begin with `zensync config init`")
		return false
	}
	d.value("", docs[0], reflect.ValueOf(c).Elem())
	return true
}

// bodiesOf returns the documents that hold anything.
func bodiesOf(file *ast.File) []ast.Node {
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.NullType && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	return bodies
}

// tabs reports every line indented with a tab, which YAML forbids and which no
// eye can see.
func (d *decoder) tabs(text string) bool {
	found := false
	for i, line := range strings.Split(text, "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 && strings.TrimSpace(line) != "" {
			d.addAt(position{i + 1, tab + 1}, "", "a tab indents this line", "indent with spaces")
			found = true
		}
	}
	return found
}

var (
	// quoted is the part of a parser's message that repeats the source.
	quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	// alias is a value that begins with *, as a pattern for role names may.
	alias = regexp.MustCompile(`[\[,:\s]\*[\pL\pN]`)
	// plainKey is a key that may be repeated in a problem.
	plainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
)

// syntax reports the parser's error without the excerpt it would print.
func (d *decoder) syntax(text string, err error) {
	at, message := position{1, 1}, "it cannot be parsed"
	var parseErr yaml.Error
	if errors.As(err, &parseErr) {
		if token := parseErr.GetToken(); token != nil {
			at = position{token.Position.Line, token.Position.Column}
		}
		message = strings.TrimSpace(quoted.ReplaceAllString(parseErr.GetMessage(), "here"))
	}
	remedy := "check the indentation, the colons and the quotes on this line and the one above"
	switch {
	case strings.Contains(message, "tab character"), strings.Contains(message, "\t"):
		message, remedy = "there is a tab", "use spaces"
	case strings.Contains(message, "reserved character"), alias.MatchString(lineOf(text, at.line)):
		message, remedy = "a value begins with a character that has a meaning in YAML", "put the value in quotes"
	}
	d.addAt(at, "", "is not valid YAML: "+message, remedy)
}

func lineOf(text string, number int) string {
	lines := strings.Split(text, "\n")
	if number < 1 || number > len(lines) {
		return ""
	}
	return lines[number-1]
}
