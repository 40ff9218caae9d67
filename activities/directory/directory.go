// Package directory knows who is who, and who belongs to which group. Approvals name groups; the
// directory, kept by the operator and read by the gateway and the worker, names the people.
//
//	people:
//	  alice: {name: Alice Ames, email: alice@example.com, slack: U01ALICE, accounts: [alice-admin]}
//	  bob:   {name: Bob Burns, email: bob@example.com}
//	groups:
//	  secops-oncall: [alice, bob]
//	slack_groups:
//	  secops-leads: S0614TZR7
//	sources: [ci]
//
// A person is one human under one id that never changes, whatever accounts that human has: votes,
// grants and the record use the id. Without people the members of the groups are mail addresses, and
// those are the ids. Sources are machines that may send events and do nothing else.
//
// slack_groups are groups that are kept in Slack: whoever is in the user group with that id, and is
// a person here with that Slack id, is in the group. Who can edit the user group can make approvers.
//
// accounts are the names by which events know a person, such as an IAM user. Whoever an event is
// about has no vote on what is done about it.
package directory

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Directory is the content of a directory file.
type Directory struct {
	// People are the people by id; empty: those of the groups, by mail address.
	People map[string]Person `yaml:"people"`
	// Groups are the ids of the people in each.
	Groups map[string][]string `yaml:"groups"`
	// SlackGroups are the groups that Slack keeps, each with Slack's id of the user group.
	SlackGroups map[string]string `yaml:"slack_groups"`
	// Sources are the ids of machines that may send events.
	Sources []string `yaml:"sources"`

	lookup Lookup
}

// Person is one human.
type Person struct {
	ID    string `yaml:"-"`
	Name  string `yaml:"name"`
	Email string `yaml:"email"`
	// Slack is the id that Slack has for the member, like U01ABCDEF: names there can be changed.
	Slack    string   `yaml:"slack"`
	Accounts []string `yaml:"accounts"`
}

// maxSize bounds a directory file, in bytes.
const maxSize = 1 << 20

var (
	mail      = regexp.MustCompile(`^[^\s@]+@[^\s@]+\.[^\s@]+$`)
	id        = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	userGroup = regexp.MustCompile(`^S[A-Z0-9]{2,20}$`)
	slack     = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
)

// Load reads a directory file. Everything wrong with it is reported at once.
func Load(file string) (Directory, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Directory{}, fmt.Errorf("read the directory of approvers: %w", err)
	}
	return parseFile(file, raw)
}

func parseFile(file string, raw []byte) (Directory, error) {
	d, err := Parse(raw)
	if err != nil {
		return Directory{}, fmt.Errorf("read the directory of approvers %s: %w", file, err)
	}
	return d, nil
}

// Parse reads a directory. One with anything wrong is not returned: whoever could use half of it
// would let the other half vote.
func Parse(raw []byte) (Directory, error) {
	if len(raw) > maxSize {
		return Directory{}, fmt.Errorf("it is %d bytes; at most %d are read", len(raw), maxSize)
	}
	var d Directory
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil {
		return Directory{}, err
	}
	for id, p := range d.People {
		p.ID = id
		d.People[id] = p
	}
	if err := d.Validate(); err != nil {
		return Directory{}, err
	}
	return d, nil
}

// Validate says everything that is wrong.
func (d Directory) Validate() error {
	if len(d.Groups)+len(d.SlackGroups) == 0 {
		return errors.New("it has no groups; nobody could approve anything")
	}
	errs := d.people()
	for _, group := range slices.Sorted(maps.Keys(d.Groups)) {
		members := d.Groups[group]
		if len(members) == 0 {
			errs = append(errs, fmt.Errorf("the group %q is empty", group))
		}
		for i, m := range members {
			if err := d.member(m); err != nil {
				errs = append(errs, fmt.Errorf("the group %q has %q; %w", group, m, err))
			}
			if slices.Contains(members[:i], m) {
				errs = append(errs, fmt.Errorf("the group %q has %s twice", group, m))
			}
		}
	}
	errs = append(errs, d.slackGroups()...)
	for i, s := range d.Sources {
		_, human := d.Person(s)
		switch {
		case !id.MatchString(s):
			errs = append(errs, fmt.Errorf("the source %q has a bad id; %s", s, wantID))
		case human:
			errs = append(errs, fmt.Errorf("the source %s is a person, too", s))
		case slices.Contains(d.Sources[:i], s):
			errs = append(errs, fmt.Errorf("the source %s is there twice", s))
		}
	}
	return errors.Join(errs...)
}

const wantID = "want lower-case letters, digits, dot, dash and underscore, 63 at most"

func (d Directory) member(m string) error {
	switch _, known := d.People[m]; {
	case len(d.People) > 0 && !known:
		return errors.New("want the id of one of the people")
	case len(d.People) == 0 && (!mail.MatchString(m) || strings.ToLower(m) != m):
		return errors.New("want a mail address in lower case, or people with ids")
	}
	return nil
}

// people says what is wrong with them. One name must lead to one person, or one human could vote
// twice, and a click could be taken for somebody else's.
func (d Directory) people() (errs []error) {
	owner := map[string]string{} // of an id, mail address or Slack id
	for _, key := range slices.Sorted(maps.Keys(d.People)) {
		p := d.People[key]
		problem := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("the person %q "+format, append([]any{key}, args...)...))
		}
		if !id.MatchString(key) && !mail.MatchString(key) {
			problem("has a bad id; " + wantID)
		}
		if p.Email != "" && (!mail.MatchString(p.Email) || strings.ToLower(p.Email) != p.Email) {
			problem("has the mail address %q; want one in lower case", p.Email)
		}
		if p.Slack != "" && !slack.MatchString(p.Slack) {
			problem("has the Slack id %q; want the member's id, like U01ABCDEF", p.Slack)
		}
		for _, name := range slices.Compact(slices.Sorted(slices.Values([]string{key, p.Email, p.Slack}))) {
			if other, taken := owner[name]; taken && name != "" {
				problem("is known as %s, and so is %q; one human is one person", name, other)
			}
			owner[name] = key
		}
		for _, account := range p.Accounts {
			if strings.TrimSpace(account) != account || account == "" {
				problem("has the account %q; want a name without spaces around it", account)
			}
		}
	}
	return errs
}
