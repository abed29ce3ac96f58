package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMutate(t *testing.T) {
	s, err := mutate("a.go", []byte(`package a

func f(n int, ok bool) (s string) {
	if ok && !(n > 1) {
		s = "a"
		return s
	}
	switch {
	case n == 2:
		return "b"
	}
	return "c"
}
`))
	require.NoError(t, err)
	assert.Equal(t, `package a

func f(n int, ok bool) (s string) {
	if mutantFlip(1, mutantFlip(2, ok) && mutantFlip(3, !(mutantFlip(4, mutantPick(5, n >= 1, n > 1))))) {
		if mutantKeeps(6) { s = "a" }
		if mutantKeeps(7) { return s }
	}
	switch {
	case mutantFlip(8, n == 2):
		if mutantKeeps(9) { return "b" }
	}
	return "c"
}
`, string(s.text))
	assert.Equal(t, mutant{4, "f: ok && !(n > 1) the other way round"}, s.mutants[0])
	assert.Equal(t, mutant{4, "f: n > 1 with >="}, s.mutants[4])
	assert.Equal(t, mutant{5, `f: s = "a" left out`}, s.mutants[5])
}

func TestExplanationsAreRead(t *testing.T) {
	_, err := readExplained()
	assert.NoError(t, err)
}
