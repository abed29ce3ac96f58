package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// mutant is one change of a file, which a build makes when it is told its number.
type mutant struct {
	line int
	what string // the function, the part of it and what becomes of that, in one line
}

// schema is a file with all its mutants in it.
type schema struct {
	text    []byte
	mutants []mutant
}

// edit puts text into the file. Of two at one place the one of the wider span
// begins first and ends last.
type edit struct {
	at, width int
	text      string
	closes    bool
}

// mutator finds the places of a file where something can be otherwise.
type mutator struct {
	files   *token.FileSet
	text    []byte
	edits   []edit
	seen    map[[2]int]bool
	mutants []mutant
	within  string // the function
}

// mutate puts into a file of Go, beside what it has, what it could have in its
// place: every truth value the other way round, every bound one further or less,
// and every assignment and every early return left out.
func mutate(name string, text []byte) (schema, error) {
	m := &mutator{files: token.NewFileSet(), text: text, seen: map[[2]int]bool{}}
	file, err := parser.ParseFile(m.files, name, text, parser.ParseComments)
	if err != nil {
		return schema{}, err
	}
	for _, decl := range file.Decls {
		if f, is := decl.(*ast.FuncDecl); is && f.Body != nil {
			m.within = f.Name.Name
			last := f.Body.List[len(f.Body.List)-1]
			ast.Inspect(f.Body, func(n ast.Node) bool { m.visit(n, last); return true })
		}
	}
	return schema{m.apply(), m.mutants}, nil
}

func (m *mutator) visit(n ast.Node, last ast.Stmt) {
	switch n := n.(type) {
	case *ast.IfStmt:
		m.flip(n.Cond)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, clause := range n.Body.List {
				for _, e := range clause.(*ast.CaseClause).List {
					m.flip(e)
				}
			}
		}
	case *ast.BinaryExpr:
		switch n.Op {
		case token.LAND, token.LOR:
			m.flip(n.X)
			m.flip(n.Y)
		case token.EQL, token.NEQ:
			m.flip(n)
		case token.LSS, token.LEQ, token.GTR, token.GEQ:
			m.flip(n)
			m.shift(n)
		}
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			m.flip(n)
		}
	case *ast.AssignStmt:
		if n.Tok == token.ASSIGN {
			m.drop(n)
		}
	case *ast.ReturnStmt:
		if ast.Stmt(n) != last {
			m.drop(n)
		}
	}
}

func (m *mutator) offset(p token.Pos) int { return m.files.Position(p).Offset }

func (m *mutator) source(n ast.Node) string {
	return strings.Join(strings.Fields(string(m.text[m.offset(n.Pos()):m.offset(n.End())])), " ")
}

// add notes a mutant of a node, with what stands before and behind it. It is
// false when there is one of its kind at the very same place.
func (m *mutator) add(n ast.Node, becomes, before, behind string) {
	from, to := m.offset(n.Pos()), m.offset(n.End())
	number := len(m.mutants) + 1
	m.mutants = append(m.mutants, mutant{m.files.Position(n.Pos()).Line, m.within + ": " + m.source(n) + " " + becomes})
	m.edits = append(m.edits, edit{from, to - from, fmt.Sprintf(before, number), false}, edit{to, to - from, behind, true})
}

// flip turns a truth value round.
func (m *mutator) flip(e ast.Expr) {
	for paren, is := e.(*ast.ParenExpr); is; paren, is = e.(*ast.ParenExpr) {
		e = paren.X
	}
	place := [2]int{m.offset(e.Pos()), m.offset(e.End())}
	if m.seen[place] {
		return
	}
	m.seen[place] = true
	m.add(e, "the other way round", "mutantFlip(%d, ", ")")
}

// shift moves a bound by one.
func (m *mutator) shift(e *ast.BinaryExpr) {
	other := map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}[e.Op]
	m.add(e, "with "+other, "mutantPick(%d, "+strings.ReplaceAll(m.source(e.X)+" "+other+" "+m.source(e.Y), "%", "%%")+", ", ")")
}

// drop leaves a statement out.
func (m *mutator) drop(s ast.Stmt) { m.add(s, "left out", "if mutantKeeps(%d) { ", " }") }

func (m *mutator) apply() []byte {
	slices.SortStableFunc(m.edits, func(a, b edit) int {
		switch {
		case a.at != b.at:
			return cmp.Compare(a.at, b.at)
		case a.closes != b.closes: // what ends here does so before anything begins
			return map[bool]int{true: -1, false: 1}[a.closes]
		case a.closes:
			return cmp.Compare(a.width, b.width)
		}
		return cmp.Compare(b.width, a.width)
	})
	var out []byte
	at := 0
	for _, e := range m.edits {
		out = append(out, m.text[at:e.at]...)
		out = append(out, e.text...)
		at = e.at
	}
	return append(out, m.text[at:]...)
}

// switchboard is the file that goes with the mutants: which of them is on, an
// environment variable says.
const switchboard = `package %s

import (
	"os"
	"strconv"
)

var mutantOn, _ = strconv.Atoi(os.Getenv("` + variable + `"))

func mutantFlip(n int, is bool) bool         { return is != (mutantOn == n) }
func mutantKeeps(n int) bool                 { return mutantOn != n }
func mutantPick(n int, other, is bool) bool {
	if mutantOn == n {
		return other
	}
	return is
}
`
