package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/xrash/smetrics"
)

// fieldsOf returns the fields of the struct v by their key.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		if key := keyOf(v.Type().Field(i)); key != "" {
			fields[key] = v.Field(i)
		}
	}
	return fields
}

// keyOf returns the key of a field in the file, or "" if it has none.
func keyOf(field reflect.StructField) string {
	key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	if key == "-" {
		return ""
	}
	return key
}

// keysOf returns the keys of the struct type in its order.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if key := keyOf(t.Field(i)); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// unknown says what is wrong with a key that section does not have, and what
// was probably meant. It never repeats the value: that may be a secret.
func unknown(section, key string, t reflect.Type) (what, remedy string) {
	keys := keysOf(t)
	full := func(key string) string {
		if section == "" {
			return key
		}
		return withoutIndex(section) + "." + key
	}
	if slices.Contains(keys, key+"_file") {
		return "does not belong in this file", "put it into a file of its own and name that file with " + full(key+"_file")
	}
	if near := Nearest(key, keys); near != "" {
		return "is not a known key", "did you mean " + full(near) + "?"
	}
	if elsewhere := sectionsWith(key); len(elsewhere) > 0 {
		return "is not a known key", "did you mean " + strings.Join(elsewhere, " or ") + "?"
	}
	place := "the file"
	if section != "" {
		place = withoutIndex(section)
	}
	return "is not a known key", "remove it; " + place + " takes " + strings.Join(keys, ", ")
}

// sectionsWith returns the full names of the keys called key in all sections.
func sectionsWith(key string) []string {
	found := map[string]bool{}
	root := reflect.TypeFor[Config]()
	for i := range root.NumField() {
		field := root.Field(i)
		section := field.Type
		if section.Kind() == reflect.Slice {
			section = section.Elem()
		}
		if section.Kind() == reflect.Struct && slices.Contains(keysOf(section), key) {
			found[keyOf(field)+"."+key] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Nearest returns the candidate that a typing error turns into word, or "".
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", max(1, len(word)/3)+1 // a third of the letters may be wrong
	for _, candidate := range candidates {
		distance := smetrics.WagnerFischer(strings.ToLower(word), strings.ToLower(candidate), 1, 1, 1)
		if distance < bestDistance {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

// withoutIndex returns roles for roles[3].
func withoutIndex(path string) string {
	name, _, _ := strings.Cut(path, "[")
	return name
}

// textOf returns the value of a node that is text.
func textOf(node ast.Node) (string, bool) {
	switch text := node.(type) {
	case *ast.StringNode:
		return text.Value, true
	case *ast.LiteralNode:
		return text.Value.Value, true
	}
	return "", false
}

// placeOf returns where node begins. Mappings and sequences have the token that
// joins them; their place is that of the first thing they hold.
func placeOf(node ast.Node) position {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return placeOf(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return placeOf(n.Key)
	}
	at := node.GetToken().Position
	return position{at.Line, at.Column}
}

// kindOf names what node is in an administrator's words.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case ast.MapNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode:
		return "a whole number"
	case *ast.FloatNode:
		return "a number with a point"
	case *ast.BoolNode:
		return "true or false"
	}
	return "a " + strings.ToLower(node.Type().YAMLName())
}
