package page

import (
	"fmt"
	"strings"

	"github.com/countersign/countersign/activities/clean"
	"github.com/countersign/countersign/activities/finding"
)

// Measures of charts, in the units of their view box.
const (
	barHeight = 22
	barLeft   = 170
	barMost   = 330
	chartWide = 560
	trendHigh = 160
	trendWide = 520
	trendEdge = 30
)

// chart is bars from left to right, with the table of the same numbers beside it.
type chart struct {
	ID, Title, Of, First, Second string
	Height, Wide                 int
	Bars                         []bar
}

type bar struct {
	Label                    string
	N, More                  int
	Y, Text, Width, At, Next int
}

func chartOf(id, title, of, first, second string, bars []Bar) chart {
	c := chart{ID: id, Title: title, Of: of, First: first, Second: second, Height: max(len(bars), 1) * barHeight, Wide: chartWide}
	most := 1
	for _, b := range bars {
		most = max(most, b.N+b.More)
	}
	for i, b := range bars {
		width, next := b.N*barMost/most, b.More*barMost/most
		c.Bars = append(c.Bars, bar{
			Label: clean.Line(b.Label, 24), N: b.N, More: b.More, Y: i*barHeight + 3, Text: i*barHeight + 16, Width: width, At: barLeft + width, Next: next,
		})
	}
	return c
}

// trend is a line for what fails and one, dashed, for what could not be looked at.
type trend struct {
	Failed, Errors string // points of a line
	Points         []point
	Height, Wide   int
}

type point struct {
	Day            string
	X, Y, YErrors  int
	Failed, Errors int
}

func trendOf(audits []finding.Audit) trend {
	t := trend{Height: trendHigh, Wide: chartWide}
	most := 1
	for _, a := range audits {
		most = max(most, a.Failed, a.Errors)
	}
	var failed, errors []string
	for i, a := range audits {
		x := trendEdge
		if len(audits) > 1 {
			x += i * (trendWide - trendEdge) / (len(audits) - 1)
		}
		high := func(n int) int { return trendHigh - 15 - n*(trendHigh-30)/most }
		p := point{Day: a.Began.UTC().Format("2006-01-02 15:04"), X: x, Y: high(a.Failed), YErrors: high(a.Errors), Failed: a.Failed, Errors: a.Errors}
		t.Points = append(t.Points, p)
		failed = append(failed, fmt.Sprintf("%d,%d", p.X, p.Y))
		errors = append(errors, fmt.Sprintf("%d,%d", p.X, p.YErrors))
	}
	t.Failed, t.Errors = strings.Join(failed, " "), strings.Join(errors, " ")
	return t
}
