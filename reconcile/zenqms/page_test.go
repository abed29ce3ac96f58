package zenqms

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pages of which none is like another, as of a server that ignores which one is
// asked for and lists in any order, would be asked for without an end.
func TestFollow_PagesThatNeverEndAreAnError(t *testing.T) {
	var trail pageTrail
	for page := 1; ; page++ {
		require.LessOrEqual(t, page, mostPages, "the list goes on and on")
		var list []wireUser
		for i := range 2 {
			list = append(list, wireUser{ID: opaque{text: strconv.Itoa(2*page + i)}})
		}
		_, more, err := follow("list users", &trail, page, wirePage[wireUser]{Data: rows[wireUser]{given: true, list: list}})
		if page == mostPages {
			require.ErrorContains(t, err, "the list would never end")
			return
		}
		require.NoError(t, err, "page %d", page)
		require.True(t, more, "page %d", page)
	}
}
