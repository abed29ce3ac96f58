package measure

// Curve is how long something takes, by how much there is of it.
type Curve struct {
	Name string // of the picture's file
	// Labels say how much, one for each point.
	Labels []string
	Lines  []Line
}

// Line is one of a Curve: at each label the figure of a contestant, in seconds.
// A Spot without a contestant is none.
type Line struct {
	Name  string
	Spots []Spot
}

// Spot is where a point comes from.
type Spot struct{ Of, Figure string }

// Drawing is a Curve with what was measured.
type Drawing struct {
	Name   string      `json:"name"`
	Labels []string    `json:"labels"`
	Lines  []DrawnLine `json:"lines"`
}

// DrawnLine has the medians of the rounds, in seconds; null is none.
type DrawnLine struct {
	Name   string     `json:"name"`
	Values []*float64 `json:"seconds"`
}

// draw takes the points of a curve from what was measured.
func (c Curve) draw(done rounds) Drawing {
	d := Drawing{Name: c.Name, Labels: c.Labels}
	for _, line := range c.Lines {
		drawn := DrawnLine{Name: line.Name}
		for _, spot := range line.Spots {
			var values []float64
			for _, figures := range done[spot.Of] {
				if v, found := figures[spot.Figure]; found {
					values = append(values, v)
				}
			}
			var point *float64
			if len(values) > 0 {
				v := median(values)
				point = &v
			}
			drawn.Values = append(drawn.Values, point)
		}
		d.Lines = append(d.Lines, drawn)
	}
	return d
}
