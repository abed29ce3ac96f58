package config

import (
	"reflect"
	"strings"
	"time"
)

// Values returns the effective values by their full keys, as in
// sync.batch_size: text, numbers, lists and maps of text. Of secrets there are
// the names of their files, as the file spells them, and of notify.urls the
// schemes. A key without a value is left out.
func (c *Config) Values() map[string]any {
	values := map[string]any{}
	root := reflect.ValueOf(*c.portable())
	for i := range root.NumField() {
		section := keyOf(root.Type().Field(i))
		if section == "" || !root.Type().Field(i).IsExported() {
			continue
		}
		if root.Field(i).Kind() != reflect.Struct { // roles
			if len(c.Roles) > 0 {
				values[section] = pairsOf(c.Roles)
			}
			continue
		}
		for key, field := range fieldsOf(root.Field(i)) {
			if value, given := valueOf(field); given {
				values[section+"."+key] = value
			}
		}
	}
	return values
}

// valueOf is a field's value, false where there is none.
func valueOf(field reflect.Value) (any, bool) {
	switch v := field.Interface().(type) {
	case string:
		return v, v != ""
	case time.Duration:
		return FormatKeep(v), true
	default:
		kind := field.Kind()
		return v, kind != reflect.Slice && kind != reflect.Map || field.Len() > 0
	}
}

// pairsOf is the mapping of roles, a line each.
func pairsOf(roles []Role) []string {
	pairs := make([]string, len(roles))
	for i, r := range roles {
		pairs[i] = strings.Join([]string{r.OktaGroup, r.ZenQMSRole}, " -> ")
	}
	return pairs
}
