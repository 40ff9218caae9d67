package directory

import (
	"maps"
	"slices"
	"strings"
)

// Person returns the person with an id.
func (d Directory) Person(id string) (Person, bool) {
	if len(d.People) > 0 {
		p, ok := d.People[id]
		p.ID = id
		return p, ok
	}
	for _, members := range d.Groups {
		if slices.Contains(members, id) {
			return Person{ID: id, Email: id}, true
		}
	}
	return Person{}, false
}

// Find returns the person who has an identifier: the id, the mail address in whatever case, the
// Slack id, or an account that nobody else has. It is for reading what people type. Who acts is told
// by a token, never by this.
func (d Directory) Find(identifier string) (Person, bool) {
	if p, ok := d.Person(identifier); ok {
		return p, true
	}
	if identifier == "" {
		return Person{}, false
	}
	var byAccount []Person
	for _, p := range d.all() {
		switch {
		case p.ID == strings.ToLower(identifier), p.Email == strings.ToLower(identifier), p.Slack == identifier:
			return p, true
		case slices.Contains(p.Accounts, identifier):
			byAccount = append(byAccount, p)
		}
	}
	if len(byAccount) != 1 {
		return Person{}, false
	}
	return byAccount[0], true
}

// Known returns the ids of everybody who is known by one of the names, sorted. An account may be
// shared: then all who share it are known by it. Case does not count: a provider may write a name
// as it likes, and whoever is meant has no vote.
func (d Directory) Known(names []string) []string {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[strings.ToLower(strings.TrimSpace(name))] = name != ""
	}
	var known []string
	for _, p := range d.all() {
		if slices.ContainsFunc(p.Names(), func(name string) bool { return wanted[strings.ToLower(name)] }) {
			known = append(known, p.ID)
		}
	}
	return known
}

// Names are all identifiers of a person.
func (p Person) Names() []string {
	names := append([]string{p.ID, p.Email, p.Slack}, p.Accounts...)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// IsSource reports whether an id is that of a machine that may send events.
func (d Directory) IsSource(id string) bool { return slices.Contains(d.Sources, id) }

// all are the people, in the order of their ids.
func (d Directory) all() []Person {
	ids := slices.Sorted(maps.Keys(d.People))
	if len(d.People) == 0 {
		for _, members := range d.Groups {
			ids = append(ids, members...)
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	people := make([]Person, len(ids))
	for i, id := range ids {
		people[i], _ = d.Person(id)
	}
	return people
}
