package expr

import (
	"fmt"
	"slices"
	"strings"
)

// maxNear bounds the names that are compared; longer ones are nobody's slip of the finger.
const maxNear = 80

// DidYouMean returns `; did you mean "x"?` for the option nearest to name, or, when none is near,
// the options themselves if they are few enough to read, or nothing.
func DidYouMean(name string, options []string) string {
	best, near := Near(name, options)
	switch {
	case near:
		return fmt.Sprintf("; did you mean %q?", best)
	case len(options) == 0, len(name) > maxNear:
		return ""
	case len(options) == 1:
		return "; want " + options[0]
	case len(options) <= 12:
		return "; want one of " + strings.Join(slices.Sorted(slices.Values(options)), ", ")
	default:
		return ""
	}
}

// Near returns the option that name may be a slip of the finger for.
func Near(name string, options []string) (string, bool) {
	return nearest(name, options, max(1, len(name)/3))
}

// Slip returns the option that name is all but certainly meant to be: two letters away, or what
// follows a dot in it. It is for names that may well be none of the options.
func Slip(name string, options []string) (string, bool) {
	for _, option := range options {
		if strings.HasSuffix(option, "."+name) {
			return option, true
		}
	}
	return nearest(name, options, 2)
}

func nearest(name string, options []string, most int) (string, bool) {
	if len(name) > maxNear {
		return "", false
	}
	best, bestDistance := "", 1+most
	for _, option := range options {
		if d := distance(strings.ToLower(name), strings.ToLower(option)); d < bestDistance {
			best, bestDistance = option, d
		}
	}
	return best, best != ""
}

// distance is the Levenshtein distance with neighbouring letters swapped counted once.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
