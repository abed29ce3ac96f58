package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills a Config from YAML. The library's own decoder stops at the
// first problem and quotes the source, which may hold credentials; this one
// reads the syntax tree, goes on, and quotes nothing.
type decoder struct {
	report
}

// value decodes node into v, which the dotted path names.
func (d *decoder) value(path string, node ast.Node, v reflect.Value) {
	switch node.(type) {
	case *ast.AliasNode:
		d.add(path, "begins with *, which YAML reads as an alias", "put the value in quotes")
		return
	case *ast.AnchorNode, *ast.TagNode:
		d.add(path, "begins with & or !, which have a meaning in YAML", "remove it, or put the value in quotes")
		return
	case *ast.NullNode:
		d.null(path, v)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.section(path, node, v)
	case reflect.Map:
		d.texts(path, node, v)
	case reflect.Slice:
		d.list(path, node, v)
	default:
		d.scalar(path, node, v)
	}
}

// null decodes a key with nothing after it. A section or the list of roles may
// stand empty, all its lines commented out; anywhere else a value was forgotten.
func (d *decoder) null(path string, v reflect.Value) {
	if v.Kind() == reflect.Struct || v.Type() == reflect.TypeFor[[]Role]() {
		return
	}
	d.add(path, "has no value", "give it one or remove the line")
}

func (d *decoder) section(path string, node ast.Node, v reflect.Value) {
	pairs, ok := node.(ast.MapNode)
	if !ok {
		d.add(path, "must hold keys and values, not "+kindOf(node), "write each as `key: value`, indented")
		return
	}
	fields := fieldsOf(v)
	d.pairs(path, pairs, func(key, full string, value ast.Node) {
		field, ok := fields[key]
		if !ok {
			what, remedy := unknown(path, key, v.Type())
			d.add(full, what, remedy)
			return
		}
		d.value(full, value, field)
	})
}

// texts decodes a mapping from text to text.
func (d *decoder) texts(path string, node ast.Node, v reflect.Value) {
	pairs, ok := node.(ast.MapNode)
	if !ok {
		d.add(path, "must hold keys and values, not "+kindOf(node), "write each as `key: value`, indented")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(path, pairs, func(key, full string, value ast.Node) {
		text := reflect.New(v.Type().Elem()).Elem()
		d.value(full, value, text)
		v.SetMapIndex(reflect.ValueOf(key), text)
	})
}

// pairs calls each for every key that is text and is not there twice.
func (d *decoder) pairs(path string, node ast.MapNode, each func(key, full string, value ast.Node)) {
	for it := node.MapRange(); it.Next(); {
		name, ok := it.Key().(*ast.StringNode)
		if !ok || !plainKey.MatchString(name.Value) {
			d.addAt(placeOf(it.Key()), path, "holds a key that is not a plain word", "write `key: value`, without anchors, merges or numbers as keys")
			continue
		}
		full := name.Value
		if path != "" {
			full = path + "." + name.Value
		}
		if first, ok := d.at[full]; ok {
			d.addAt(placeOf(name), full, fmt.Sprintf("is given twice, first on line %d", first.line), "keep one of the two")
			continue
		}
		d.at[full] = placeOf(name)
		each(name.Value, full, it.Value())
	}
}

func (d *decoder) list(path string, node ast.Node, v reflect.Value) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.add(path, "must be a list, not "+kindOf(node), "write each item on its own line as `- item`")
		return
	}
	items := reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values))
	for i, item := range sequence.Values {
		full := fmt.Sprintf("%s[%d]", path, i)
		d.at[full] = placeOf(item)
		d.value(full, item, items.Index(i))
	}
	v.Set(items)
}

func (d *decoder) scalar(path string, node ast.Node, v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(path, node, v)
		return
	}
	switch v.Kind() {
	case reflect.String:
		d.text(path, node, v)
	case reflect.Int:
		d.integer(path, node, v)
	case reflect.Float64:
		d.number(path, node, v)
	default:
		panic("config: no decoder for " + v.Type().String() + " at " + path)
	}
}

// maxCount is the largest number of anything the file may ask for.
const maxCount = math.MaxInt32

// mayBeEmpty are the keys whose empty text means "none".
var mayBeEmpty = []string{"zenqms.auth_prefix", "notify.digest", "worker.listen"}

// text decodes a string without the blanks around it; in zenqms.auth_prefix a
// trailing blank is the point.
func (d *decoder) text(path string, node ast.Node, v reflect.Value) {
	text, ok := textOf(node)
	if !ok {
		remedy := "write it on the line of its key"
		if _, scalar := node.(ast.ScalarNode); scalar {
			remedy = "put it in quotes"
		}
		d.add(path, "must be text, not "+kindOf(node), remedy)
		return
	}
	if path != "zenqms.auth_prefix" {
		text = strings.TrimSpace(text)
	}
	if text == "" && !slices.Contains(mayBeEmpty, path) {
		d.add(path, "is empty", "give it a value or remove the line")
		return
	}
	v.SetString(text)
}

func (d *decoder) integer(path string, node ast.Node, v reflect.Value) {
	number, ok := node.(*ast.IntegerNode)
	if !ok {
		d.add(path, "must be a whole number, not "+kindOf(node), "write digits without quotes")
		return
	}
	switch value := number.GetValue().(type) {
	case int64:
		v.SetInt(value)
	case uint64:
		if value > maxCount {
			d.add(path, "is too large", "use a smaller number")
			return
		}
		v.SetInt(int64(value))
	}
}

func (d *decoder) number(path string, node ast.Node, v reflect.Value) {
	switch number := node.(type) {
	case *ast.IntegerNode:
		switch value := number.GetValue().(type) {
		case int64:
			v.SetFloat(float64(value))
		case uint64:
			v.SetFloat(float64(value))
		}
	case *ast.FloatNode:
		v.SetFloat(number.Value)
	default:
		d.add(path, "must be a number, not "+kindOf(node), "write digits without quotes")
	}
}

func (d *decoder) duration(path string, node ast.Node, v reflect.Value) {
	text, ok := textOf(node)
	if !ok {
		d.add(path, "must be a time, not "+kindOf(node), "write days as in 400d or hours as in 9600h")
		return
	}
	keep, err := ParseKeep(strings.TrimSpace(text))
	if err != nil {
		d.add(path, err.Error(), "write days as in 400d or hours as in 9600h")
		return
	}
	v.SetInt(int64(keep))
}
