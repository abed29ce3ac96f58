package oktaspec

import (
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// amendment puts right one error of the document.
type amendment struct {
	why   string
	apply func(*openapi3.T) error
}

var amendments = []amendment{
	{"a bad credential is answered with 401 by every operation", status("401", func(string, string) bool {
		return true
	})},
	{"a filter or search that cannot be read is answered with 400, E0000031", status("400", func(path, method string) bool {
		return method == "GET" && (path == "/api/v1/users" || path == "/api/v1/groups")
	})},
	{"a hook that fails its verification, or is one too many, is answered with 400, E0000001", status("400", func(path, method string) bool {
		return method == "POST" && strings.HasPrefix(path, "/api/v1/eventHooks/{eventHookId}/lifecycle/")
	})},
	{"an empty attribute of the profile may be null", nullable("UserProfile", "login", "email", "title")},
	{"a group without description has null", nullable("GroupProfile", "description")},
	{"a LogEvent is full of nulls", nullEvents},
	{"debugData holds texts, not objects", func(doc *openapi3.T) error {
		return edit(doc, "LogDebugContext", "debugData", func(s *openapi3.Schema) {
			s.AdditionalProperties = openapi3.AdditionalProperties{}
		})
	}},
}

// status documents an error status for the operations picked.
func status(code string, pick func(path, method string) bool) func(*openapi3.T) error {
	return func(doc *openapi3.T) error {
		denied := doc.Components.Responses["ErrorAccessDenied403"]
		if denied == nil {
			return fmt.Errorf("no response ErrorAccessDenied403 to copy")
		}
		picked := false
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				if pick(path, method) && op.Responses.Value(code) == nil {
					op.Responses.Set(code, denied)
					picked = true
				}
			}
		}
		if !picked {
			return fmt.Errorf("no operation lacks %s: the amendment is out of date", code)
		}
		return nil
	}
}

// edit changes a property of a schema.
func edit(doc *openapi3.T, schema, property string, change func(*openapi3.Schema)) error {
	ref := doc.Components.Schemas[schema]
	if ref == nil || ref.Value.Properties[property] == nil {
		return fmt.Errorf("no %s.%s", schema, property)
	}
	change(ref.Value.Properties[property].Value)
	return nil
}

// nullable lets properties of a schema be null.
func nullable(schema string, properties ...string) func(*openapi3.T) error {
	return func(doc *openapi3.T) error {
		for _, p := range properties {
			if err := edit(doc, schema, p, func(s *openapi3.Schema) { s.Nullable = true }); err != nil {
				return err
			}
		}
		return nil
	}
}

// nullEvents lets every property of the schemas of the System Log be null.
func nullEvents(doc *openapi3.T) error {
	if doc.Components.Schemas["LogEvent"] == nil {
		return fmt.Errorf("no LogEvent")
	}
	for name, ref := range doc.Components.Schemas {
		// LogStream and its kin are another thing; a null more does them no harm.
		if strings.HasPrefix(name, "Log") {
			for _, property := range ref.Value.Properties {
				property.Value.Nullable = true
			}
		}
	}
	return nil
}
