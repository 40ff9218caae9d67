package finding

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/fresh"
)

// Waiver says that a control may fail for some resources until a day.
//
//	waivers:
//	  - control: S3.8
//	    resource: arn:aws:s3:::www-*
//	    account: "111122223333"
//	    until: 2027-03-31
//	    reason: the public web site, which a content delivery network will stand before
//	    by: alice@example.com
type Waiver struct {
	Control string `yaml:"control" json:"control"`
	// Resource and Account are patterns: * stands for any text, ? for one character. Account may be
	// empty, which is every one.
	Resource string `yaml:"resource" json:"resource"`
	Account  string `yaml:"account" json:"account,omitempty"`
	// Until is the last day on which it counts, in UTC.
	Until  string `yaml:"until" json:"until"`
	Reason string `yaml:"reason" json:"reason"`
	By     string `yaml:"by" json:"by"`

	end time.Time // the first moment at which it does not count
}

// Waivers are those of one file.
type Waivers []Waiver

// Bounds of the file.
const (
	maxWaivers    = 5000
	maxWaiverFile = 1 << 20 // bytes
	maxWaiverText = 1000    // characters of one field
	// longestWaiver is how far Until may lie ahead: whoever wants it longer says so again.
	longestWaiver = 366 * 24 * time.Hour
)

// WaiverFile returns a function that reads a file of waivers at every call. One with a mistake is an
// error, also if it was well before: what may fail is then not known.
func WaiverFile(file string, now func() time.Time) func() (Waivers, error) {
	current := fresh.File(file, maxWaiverFile, func(raw []byte) (Waivers, error) { return ParseWaivers(raw, now()) })
	return func() (Waivers, error) {
		w, err := current()
		if err != nil {
			return nil, fmt.Errorf("read the waivers: %w", err)
		}
		return w, nil
	}
}

// ParseWaivers reads a file. Everything wrong with it is reported at once, and then there are none.
func ParseWaivers(raw []byte, now time.Time) (Waivers, error) {
	if len(raw) > maxWaiverFile {
		return nil, fmt.Errorf("it is %d bytes; at most %d are read", len(raw), maxWaiverFile)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return nil, err
	}
	if aliased(&root) {
		return nil, errors.New("it has an anchor or an alias: write each waiver out")
	}
	var file struct {
		Waivers Waivers `yaml:"waivers"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document")
	}
	if len(file.Waivers) > maxWaivers {
		return nil, fmt.Errorf("it has %d waivers; at most %d are read", len(file.Waivers), maxWaivers)
	}
	var errs []error
	for i := range file.Waivers {
		if err := file.Waivers[i].check(now); err != nil {
			errs = append(errs, fmt.Errorf("waiver %d: %w", i+1, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return file.Waivers, nil
}

func aliased(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Anchor != "" || slices.ContainsFunc(n.Content, aliased)
}

func (w *Waiver) check(now time.Time) error {
	for _, f := range []struct{ name, value string }{
		{"control", w.Control}, {"resource", w.Resource}, {"until", w.Until}, {"reason", w.Reason}, {"by", w.By},
	} {
		if strings.TrimSpace(f.value) == "" {
			return fmt.Errorf("it lacks %q: want control, resource, until, reason and by, and perhaps account", f.name)
		}
		if utf8.RuneCountInString(f.value) > maxWaiverText {
			return fmt.Errorf("its %q is longer than %d characters", f.name, maxWaiverText)
		}
	}
	if strings.ContainsAny(w.Control, "*?") {
		return fmt.Errorf("its control %q is a pattern: name one control", w.Control)
	}
	day, err := time.Parse(time.DateOnly, w.Until)
	if err != nil {
		return fmt.Errorf("its until %q is no day; want one like 2027-03-31", w.Until)
	}
	w.end = day.AddDate(0, 0, 1)
	if day.Sub(now) > longestWaiver {
		return fmt.Errorf("its until %s is more than a year ahead: a waiver lasts a year at most, and can be given again", w.Until)
	}
	return nil
}

// Expired reports whether a waiver does not count any more.
func (w Waiver) Expired(now time.Time) bool { return !now.Before(w.end) }

// Ends is the first moment at which a waiver does not count.
func (w Waiver) Ends() time.Time { return w.end }

func (w Waiver) covers(r Result) bool {
	return w.Control == r.Control && (w.Account == "" || Glob(w.Account, r.Account)) && Glob(w.Resource, r.Resource)
}

// Expired are the waivers that do not count any more.
func (ws Waivers) Expired(now time.Time) Waivers {
	var gone Waivers
	for _, w := range ws {
		if w.Expired(now) {
			gone = append(gone, w)
		}
	}
	return gone
}

// Matcher finds the waiver of a result; of several the one that lasts longest. It is nil where none
// counts.
func (ws Waivers) Matcher(now time.Time) func(Result) *Waiver {
	by := map[string][]Waiver{}
	for _, w := range ws {
		if !w.Expired(now) {
			by[w.Control] = append(by[w.Control], w)
		}
	}
	for _, of := range by {
		slices.SortStableFunc(of, func(a, b Waiver) int { return b.end.Compare(a.end) })
	}
	return func(r Result) *Waiver {
		for _, w := range by[r.Control] {
			if w.covers(r) {
				return &w
			}
		}
		return nil
	}
}

// Glob reports whether a pattern is all of a text: * stands for any text, also with slashes, and ? for
// one character. Its time is at most the product of the two lengths.
func Glob(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	i, j, star, back := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, back = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			back++
			i, j = star+1, back
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
