package policy

import "unicode"

// glob reports whether a pattern matches all of a text. It takes time in proportion to the two
// lengths multiplied, whatever they hold.
func glob(pattern, text []rune) bool {
	p, t := 0, 0
	star, from := -1, 0 // the last *, and where what it stands for began
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0: // the star takes one character more
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// fold makes texts that differ in case alone the same, in every script.
func fold(s string) []rune {
	out := []rune(s)
	for i, r := range out {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		out[i] = least
	}
	return out
}

// patterns are patterns as they were written, and to match with.
type patterns []pattern

type pattern struct {
	text  string
	runes []rune
}

// match returns the first pattern that matches.
func (ps patterns) match(text []rune) (string, bool) {
	for _, p := range ps {
		if glob(p.runes, text) {
			return p.text, true
		}
	}
	return "", false
}
