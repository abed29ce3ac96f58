package zenqms_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zensync/zensync/reconcile/zenqms"
	"github.com/zensync/zensync/reconcile/zenqms/zenqmstest"
)

// allowed are the calls the client may make.
var allowed = []*regexp.Regexp{
	regexp.MustCompile(`^POST /v2/users$`),
	regexp.MustCompile(`^PATCH /v2/users/[^/]+$`),
	regexp.MustCompile(`^POST /v2/users/search$`),
	regexp.MustCompile(`^POST /v2/roles/search$`),
	regexp.MustCompile(`^POST /v2/users/[^/]+/roles/add$`),
	regexp.MustCompile(`^DELETE /v2/users/[^/]+/roles/remove$`),
}

// Every exported method of the client is called, with whatever its parameters
// are, against an account that journals: no call can delete a user, and none
// is outside the six that ZenQMS's help pages name.
func TestW2_NoCallDeletesAUser(t *testing.T) {
	account, client := onAccount(t, zenqmstest.Options{})
	account.AddRole("Reviewer")
	account.AddUser(zenqmstest.User{Email: "a@example.com", FirstName: "A", LastName: "B"})

	value := reflect.ValueOf(client)
	for i := range value.NumMethod() {
		name := value.Type().Method(i).Name
		assert.NotRegexp(t, `(?i)delete|destroy|purge|erase`, name)
		in := []reflect.Value{}
		for arg := range value.Method(i).Type().Ins() {
			in = append(in, argument(t, name, arg))
		}
		value.Method(i).Call(in)
	}
	assert.GreaterOrEqual(t, len(account.Writes()), 4, "create, update, and both of roles were called")
	for _, call := range account.Calls() {
		made := call.Method + " " + call.Path
		known := false
		for _, re := range allowed {
			known = known || re.MatchString(made)
		}
		assert.True(t, known, "%s is no known call", made)
	}
	_, there := account.User(1)
	assert.True(t, there)
}

// argument gives a value of a parameter's type that gets a call through.
func argument(t *testing.T, method string, of reflect.Type) reflect.Value {
	t.Helper()
	for _, v := range []any{
		1, "1", []string{"1"}, zenqms.Listed{},
		zenqms.NewUser{Email: "b@example.com", FirstName: "B", LastName: "C"},
		zenqms.Patch{Title: new("T")},
	} {
		if reflect.TypeOf(v) == of {
			return reflect.ValueOf(v)
		}
	}
	ctx := reflect.ValueOf(t.Context())
	require.True(t, ctx.Type().Implements(of), "%s takes a %s, which this test must learn to make", method, of)
	return ctx
}

// The source names DELETE once, for roles/remove, and net/http's other ways
// to spell it not at all.
func TestW2_TheSourceHasOneDELETE(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if strings.Contains(strings.ToUpper(n.Value), http.MethodDelete) {
					found = append(found, name+": "+n.Value)
				}
			case *ast.SelectorExpr:
				if n.Sel.Name == "MethodDelete" {
					found = append(found, name+": MethodDelete")
				}
			}
			return true
		})
	}
	assert.Equal(t, []string{"wire.go: MethodDelete"}, found)
}
