package expr

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Facts are what is proved of the values at one place: which paths are there, and what stands at
// some of them. They do not change once made. The zero value knows nothing.
type Facts struct {
	never  bool     // no run gets to the place
	there  []string // sorted
	claims []Claim  // sorted
}

// Claim is one thing to know of a value: that what stands at a path is, or is not, a constant,
// written as CEL writes it.
type Claim struct {
	Path  string
	Value string
	Not   bool
}

// Path names a value: Path("steps", "usage", "output").
func Path(root string, fields ...string) string {
	for _, f := range fields {
		root = within(root, f)
	}
	return root
}

// plain says of a bool only what it is.
func (c Claim) plain() Claim {
	if c.Not && (c.Value == "true" || c.Value == "false") {
		return Claim{Path: c.Path, Value: map[string]string{"true": "false", "false": "true"}[c.Value]}
	}
	return c
}

func (c Claim) compare(o Claim) int {
	return cmp.Or(strings.Compare(c.Path, o.Path), strings.Compare(c.Value, o.Value), compareBool(c.Not, o.Not))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// against reports whether two claims cannot both hold.
func (c Claim) against(o Claim) bool {
	switch {
	case c.Path != o.Path, c.Not && o.Not:
		return false
	case c.Not || o.Not:
		return c.Value == o.Value
	default:
		return c.Value != o.Value
	}
}

// Nowhere is what is known where no run gets: anything.
func Nowhere() Facts { return Facts{never: true} }

// text is what a claim says of the text at a path: that it is the text, or begins, ends or holds.
type text struct {
	path, how, what string
	holds           bool
}

func (c Claim) text() text {
	if strings.HasSuffix(c.Path, `")`) {
		for _, how := range []string{"startsWith", "endsWith", "contains"} {
			// A quote inside the text is written \", so that nothing in it looks like a call.
			at := strings.LastIndex(c.Path, "."+how+`("`)
			if at <= 0 {
				continue
			}
			what, err := strconv.Unquote(c.Path[at+len(how)+len(".(") : len(c.Path)-len(")")])
			if err != nil {
				return text{}
			}
			return text{c.Path[:at], how, what, (c.Value == "true") != c.Not}
		}
	}
	if what, err := strconv.Unquote(c.Value); err == nil && !c.Not {
		return text{c.Path, "", what, true}
	}
	return text{}
}

// against reports whether a claim cannot hold beside what is said of a text.
func (t text) against(c Claim) bool {
	if t.path == "" || !strings.HasPrefix(c.Path, t.path) {
		return false
	}
	o := c.text()
	switch {
	case o.path != t.path:
		return false
	case t.how == "":
		return o.how != "" && o.fits(t.what) != o.holds
	case o.how == "":
		return t.fits(o.what) != t.holds
	case t.how == o.how && t.how == "startsWith":
		return t.holds && o.holds && !strings.HasPrefix(t.what, o.what) && !strings.HasPrefix(o.what, t.what)
	case t.how == o.how && t.how == "endsWith":
		return t.holds && o.holds && !strings.HasSuffix(t.what, o.what) && !strings.HasSuffix(o.what, t.what)
	default:
		return false
	}
}

func (t text) fits(s string) bool {
	switch t.how {
	case "startsWith":
		return strings.HasPrefix(s, t.what)
	case "endsWith":
		return strings.HasSuffix(s, t.what)
	default:
		return strings.Contains(s, t.what)
	}
}

// Never reports whether the facts contradict each other: no run gets there.
func (f Facts) Never() bool { return f.never }

// There adds paths that are there.
func (f Facts) There(paths ...string) Facts {
	own := false // the list is ours to change
	for _, p := range paths {
		i, known := slices.BinarySearch(f.there, p)
		if known {
			continue
		}
		if !own {
			f.there, own = roomFor(f.there, len(paths)), true
		}
		f.there = slices.Insert(f.there, i, p)
	}
	return f
}

// roomFor copies a list, with room for so many more.
func roomFor[T any](list []T, more int) []T {
	return append(make([]T, 0, len(list)+more), list...)
}

// Paths returns the paths that are there, sorted.
func (f Facts) Paths() []string { return f.there }

// Claims adds claims that hold.
func (f Facts) Claims(claims ...Claim) Facts {
	own := false
	for _, c := range claims {
		c = c.plain()
		if f.has(c) {
			continue
		}
		f.never = f.never || slices.ContainsFunc(f.of(c.Path), c.against)
		if t := c.text(); t.path != "" {
			f.never = f.never || slices.ContainsFunc(f.claims, t.against)
		}
		i, _ := slices.BinarySearchFunc(f.claims, c, Claim.compare)
		if !own {
			f.claims, own = roomFor(f.claims, len(claims)), true
		}
		f.claims = slices.Insert(f.claims, i, c)
	}
	return f
}

// Without forgets what is known of a name and of what is in it: it means something else from here.
func (f Facts) Without(name string) Facts {
	about := func(path string) bool {
		path = subject(path)
		return path == name || strings.HasPrefix(path, name+".") || strings.HasPrefix(path, name+"[") || keyed(path, name)
	}
	f.there = slices.DeleteFunc(slices.Clone(f.there), about)
	f.claims = slices.DeleteFunc(slices.Clone(f.claims), func(c Claim) bool { return about(c.Path) })
	return f
}

// Unclaim forgets what stands at a path, which changes here, with what is in it and what is found by
// it as a key. That the path itself is there stays true.
func (f Facts) Unclaim(path string) Facts {
	f.there = slices.DeleteFunc(slices.Clone(f.there), func(there string) bool {
		return strings.HasPrefix(there, path+".") || strings.HasPrefix(there, path+"[") || keyed(there, path)
	})
	f.claims = slices.DeleteFunc(slices.Clone(f.claims), func(c Claim) bool {
		return strings.HasPrefix(subject(c.Path), path) || keyed(c.Path, path)
	})
	return f
}

// keyed reports whether a path goes through an entry whose key is, or is a part of, what name is.
func keyed(path, name string) bool { return strings.Contains(path, "["+name) }

// subject is the path that a claim is about: of has(a.b), a.b.
func subject(path string) string {
	for _, asked := range []string{"has(", "constant("} {
		if inner, ok := strings.CutPrefix(path, asked); ok {
			return inner
		}
	}
	return path
}

// And is what is known where both hold.
func (f Facts) And(g Facts) Facts {
	if f.never || g.never {
		return Facts{never: true}
	}
	return f.There(g.there...).Claims(g.claims...)
}

// Or is what is known where at least one of the two holds.
func (f Facts) Or(g Facts) Facts {
	switch {
	case f.never:
		return g
	case g.never:
		return f
	}
	var both Facts
	for _, path := range f.there {
		if g.isThere(path) {
			both.there = append(both.there, path)
		}
	}
	for _, c := range f.claims {
		if g.has(c) {
			both = both.Claims(c)
		}
	}
	for _, c := range g.claims {
		if f.has(c) {
			both = both.Claims(c)
		}
	}
	return both
}

func (f Facts) isThere(path string) bool {
	_, ok := slices.BinarySearch(f.there, path)
	return ok
}

// of returns the claims about a path.
func (f Facts) of(path string) []Claim {
	from, _ := slices.BinarySearchFunc(f.claims, path, func(c Claim, path string) int { return strings.Compare(c.Path, path) })
	to := from
	for to < len(f.claims) && f.claims[to].Path == path {
		to++
	}
	return f.claims[from:to]
}

// has reports whether a claim follows.
func (f Facts) has(c Claim) bool {
	return slices.ContainsFunc(f.of(c.Path), func(known Claim) bool {
		return known == c || c.Not && !known.Not && known.Value != c.Value
	})
}

// Laws say what follows from claims wherever in a playbook they hold: where steps.ask.approved is
// true, what the approval covers has run.
type Laws struct {
	byPath map[string][]law
	// asked are the facts that Apply was last asked about, and given its answer: the expressions of a
	// step all stand at one place.
	asked, given Facts
}

type law struct {
	when  []Claim
	there []string
}

// Add adds one: where all claims hold, the paths are there. It leaves out what holds only for now:
// what is in a value that may be set again, or in an item, or under a key.
func (l *Laws) Add(there []string, when ...Claim) {
	there = slices.DeleteFunc(slices.Clone(there), func(path string) bool {
		root, rest, _ := strings.Cut(path, ".")
		inVar := root == "vars" && !strings.Contains(rest, ".")
		return strings.Contains(path, "[") || !inVar && !lastingName(root)
	})
	if len(there) == 0 || len(when) == 0 {
		return
	}
	if l.byPath == nil {
		l.byPath = map[string][]law{}
	}
	one := law{there: there}
	for _, c := range when {
		one.when = append(one.when, c.plain())
	}
	for _, c := range one.when {
		l.byPath[c.Path] = append(l.byPath[c.Path], one)
	}
	l.asked, l.given = Facts{}, Facts{}
}

// Apply adds to facts what follows from them.
func (l *Laws) Apply(f Facts) Facts {
	if l == nil || len(f.claims) == 0 {
		return f
	}
	if !f.is(l.asked) {
		l.asked, l.given = f, l.follow(f, f.claims)
	}
	return l.given
}

// is reports whether two facts are the same lists, which do not change once made.
func (f Facts) is(o Facts) bool {
	return f.never == o.never && sameList(f.there, o.there) && sameList(f.claims, o.claims)
}

func sameList[T any](a, b []T) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// follow adds what follows from some of the claims, with the others or without.
func (l *Laws) follow(f Facts, claims []Claim) Facts {
	if l == nil || len(l.byPath) == 0 {
		return f
	}
	for _, c := range claims {
		for _, one := range l.byPath[c.Path] {
			if !slices.ContainsFunc(one.when, func(c Claim) bool { return !f.has(c) }) {
				f = f.There(one.there...)
			}
		}
	}
	return f
}
