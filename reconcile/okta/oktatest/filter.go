package oktatest

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// attribute says how an attribute may be compared.
type attribute int

const (
	text   attribute = iota + 1 // eq
	moment                      // eq gt ge lt le
)

// vocabulary lists the attributes an expression may name.
type vocabulary map[string]attribute

var (
	userFilter = vocabulary{
		"id": text, "status": text, "lastUpdated": moment,
		"profile.login": text, "profile.email": text, "profile.firstName": text, "profile.lastName": text,
	}
	userSearch = vocabulary{
		"id": text, "status": text, "lastUpdated": moment, "created": moment, "activated": moment, "statusChanged": moment,
		"profile.login": text, "profile.email": text, "profile.firstName": text, "profile.lastName": text,
		"profile.title": text,
	}
	groupFilter = vocabulary{"id": text, "type": text, "lastUpdated": moment, "lastMembershipUpdated": moment}
	groupSearch = vocabulary{
		"id": text, "type": text, "created": moment, "lastUpdated": moment, "lastMembershipUpdated": moment,
		"profile.name": text,
	}
)

// record gives an expression the attributes of what it is asked about.
type record interface {
	textOf(attr string) string
	timeOf(attr string) time.Time
}

// expr is a parsed filter or search expression: and binds closer than or.
type expr struct {
	op       string // "and", "or" or a comparison
	terms    []expr // of and, or
	attr     string
	kind     attribute
	text     string
	at       time.Time
	foldCase bool
}

func (e expr) match(r record) bool {
	switch e.op {
	case "and":
		for _, t := range e.terms {
			if !t.match(r) {
				return false
			}
		}
		return true
	case "or":
		for _, t := range e.terms {
			if t.match(r) {
				return true
			}
		}
		return false
	}
	if e.kind == text {
		if e.foldCase {
			return strings.EqualFold(r.textOf(e.attr), e.text)
		}
		return r.textOf(e.attr) == e.text
	}
	at := r.timeOf(e.attr)
	if at.IsZero() {
		return false
	}
	order := at.Compare(e.at)
	switch e.op {
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	}
	return order == 0
}

// parser reads an expression from its tokens.
type parser struct {
	tokens   []string // a text keeps its opening quote
	vocab    vocabulary
	foldCase bool
}

func parseExpr(s string, vocab vocabulary, foldCase bool) (expr, error) {
	tokens, err := tokenize(s)
	if err != nil {
		return expr{}, err
	}
	p := &parser{tokens, vocab, foldCase}
	e, err := p.chain("or", func() (expr, error) { return p.chain("and", p.term) })
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %q", p.tokens[0])
	}
	return e, err
}

func tokenize(s string) ([]string, error) {
	var tokens []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		switch {
		case s[0] == '(' || s[0] == ')':
			tokens, s = append(tokens, s[:1]), s[1:]
		case s[0] == '"':
			var value strings.Builder
			i := 1
			for ; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' && i+1 < len(s) {
					i++
				}
				value.WriteByte(s[i])
			}
			if i == len(s) {
				return nil, errors.New("a quote is not closed")
			}
			tokens, s = append(tokens, `"`+value.String()), s[i+1:]
		default:
			end := strings.IndexAny(s, " \t()\"")
			if end < 0 {
				end = len(s)
			}
			tokens, s = append(tokens, s[:end]), s[end:]
		}
	}
	return tokens, nil
}

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// chain reads operands joined by one operator.
func (p *parser) chain(op string, operand func() (expr, error)) (expr, error) {
	e := expr{op: op}
	for {
		t, err := operand()
		if err != nil {
			return expr{}, err
		}
		e.terms = append(e.terms, t)
		if len(p.tokens) == 0 || !strings.EqualFold(p.tokens[0], op) {
			break
		}
		p.next()
	}
	if len(e.terms) == 1 {
		return e.terms[0], nil
	}
	return e, nil
}

func (p *parser) term() (expr, error) {
	attr := p.next()
	if attr == "(" {
		e, err := p.chain("or", func() (expr, error) { return p.chain("and", p.term) })
		if err == nil && p.next() != ")" {
			err = errors.New("a parenthesis is not closed")
		}
		return e, err
	}
	e := expr{attr: attr, kind: p.vocab[attr], foldCase: p.foldCase, op: strings.ToLower(p.next())}
	value, quoted := strings.CutPrefix(p.next(), `"`)
	switch {
	case e.kind == 0:
		return e, fmt.Errorf("attribute %q is not supported", attr)
	case e.op != "eq" && (e.kind == text || !strings.Contains(" gt ge lt le ", " "+e.op+" ")):
		return e, fmt.Errorf("operator %q is not supported for %s", e.op, attr)
	case !quoted:
		return e, fmt.Errorf("the value for %s is not in double quotes", attr)
	}
	e.text = value
	if e.kind == moment {
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return e, fmt.Errorf("%q is not a time", value)
		}
		e.at = at
	}
	return e, nil
}
