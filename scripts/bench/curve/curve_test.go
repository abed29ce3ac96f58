package curve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zensync/zensync/scripts/bench/measure"
)

func TestEachCurveIsDrawnForLightAndDark(t *testing.T) {
	one, ten := 1.5, 15.
	folder := filepath.Join(t.TempDir(), "curves")
	if err := Draw(folder, []measure.Drawing{{Name: "walk", Labels: []string{Label(10_000), Label(100_000)}, Lines: []measure.DrawnLine{
		{Name: "reconcile", Values: []*float64{&one, &ten}}, {Name: "SDK", Values: []*float64{&ten, nil}}}}}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range []string{"walk-light-wide.svg", "walk-dark-wide.svg"} {
		picture, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"<svg", "reconcile", "SDK", "10k", "100k", "1 s", "10 s"} {
			if !strings.Contains(string(picture), text) {
				t.Errorf("%s does not show %q", name, text)
			}
		}
		if strings.Contains(string(picture), "NaN") {
			t.Errorf("%s has a point that is none", name)
		}
		seen[string(picture)] = true
	}
	if len(seen) != 2 {
		t.Error("the dark picture is the light one")
	}
}
