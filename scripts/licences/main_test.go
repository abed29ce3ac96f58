package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// permissive are the licences that a program may be linked with and given away.
var permissive = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "FTL", "ISC", "MIT"}

func TestTheListIsUpToDate(t *testing.T) {
	all, err := licences()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	var now strings.Builder
	require.NoError(t, write(&now, all))
	listed, err := os.ReadFile("licences.csv")
	require.NoError(t, err)
	assert.Equal(t, string(listed), now.String(), "rule: every dependency is listed with version and licence; run make licences, and look at what has changed")
	_, err = os.ReadFile("../../go.sum") // go test takes a result from its cache unless a file changed that the test has opened
	require.NoError(t, err)
}

func TestLicencesArePermissive(t *testing.T) {
	all, err := licences()
	require.NoError(t, err)
	for _, m := range all {
		for _, id := range m.licences {
			assert.Contains(t, permissive, id, "rule: what is linked into the program is under a permissive licence; %s is not", m.Path)
		}
	}
}
