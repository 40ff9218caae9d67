package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Lookup reads who is in the user groups of Slack.
type Lookup interface {
	// Members are the Slack ids of the members of a user group. The answer may be some seconds old,
	// but not one that lacks somebody of wanted: then it is asked for again. A group that is not there
	// or is disabled is an error.
	Members(ctx context.Context, group string, wanted ...string) ([]string, error)
}

// Looking gives a directory what looks up the groups that Slack keeps; without it they are errors.
func Looking(current func() (Directory, error), l Lookup) func() (Directory, error) {
	return func() (Directory, error) {
		d, err := current()
		d.lookup = l
		return d, err
	}
}

// ErrLookup is why a group's people are not known now, though the directory has the group. Whoever
// asks about them says no, and may ask again.
var ErrLookup = errors.New("who is in the group cannot be looked up")

// Has reports whether the directory has a group.
func (d Directory) Has(group string) bool {
	_, listed := d.Groups[group]
	_, kept := d.SlackGroups[group]
	return listed || kept
}

// Roster are all groups with their people as the file has them, nil for those that are looked up. It
// is for checking what others write; who may do something, Members and MembersFor say.
func (d Directory) Roster() map[string][]string {
	all := maps.Clone(d.Groups)
	if all == nil {
		all = map[string][]string{}
	}
	for name := range d.SlackGroups {
		all[name] = nil
	}
	return all
}

// Members are the ids of the people of groups, each once, sorted. It fails if a group is not there,
// or with ErrLookup.
func (d Directory) Members(ctx context.Context, groups ...string) ([]string, error) {
	return d.MembersFor(ctx, nil, groups...)
}

// MembersFor is Members for a question about some people: they are not missed because what is known
// of a group is some seconds old.
func (d Directory) MembersFor(ctx context.Context, wanted []string, groups ...string) ([]string, error) {
	each, err := d.Each(ctx, wanted, groups...)
	if err != nil {
		return nil, err
	}
	people := slices.Concat(slices.Collect(maps.Values(each))...)
	slices.Sort(people)
	return append([]string{}, slices.Compact(people)...), nil
}

// Each is MembersFor of every group by itself. What must be looked up is looked up side by side.
func (d Directory) Each(ctx context.Context, wanted []string, groups ...string) (map[string][]string, error) {
	each := map[string][]string{}
	kept := map[string]string{}
	for _, group := range groups {
		members, listed := d.Groups[group]
		id, slack := d.SlackGroups[group]
		switch {
		case slack:
			kept[group] = id
		case listed:
			each[group] = members
		default:
			return nil, fmt.Errorf("the directory has no group %q", group)
		}
	}
	found := make([][]string, len(kept))
	names := slices.Sorted(maps.Keys(kept))
	var asks errgroup.Group
	for i, group := range names {
		asks.Go(func() (err error) {
			found[i], err = d.inSlack(ctx, group, kept[group], wanted)
			return err
		})
	}
	if err := asks.Wait(); err != nil {
		return nil, err
	}
	for i, group := range names {
		each[group] = found[i]
	}
	return each, nil
}

// inSlack are the people of a group that Slack keeps. Members who are no people of the directory are
// nobody.
func (d Directory) inSlack(ctx context.Context, group, id string, wanted []string) ([]string, error) {
	if d.lookup == nil {
		return nil, fmt.Errorf("%w: %s is the user group %s of Slack, and this program has no token for it", ErrLookup, group, id)
	}
	var ids []string
	for _, person := range wanted {
		if p, ok := d.Person(person); ok && p.Slack != "" {
			ids = append(ids, p.Slack)
		}
	}
	members, err := d.lookup.Members(ctx, id, ids...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrLookup, group, err)
	}
	people := []string{}
	for _, member := range members {
		if p, ok := d.BySlack(member); ok {
			people = append(people, p.ID)
		}
	}
	slices.Sort(people)
	return slices.Compact(people), nil
}

// BySlack returns the person who has an id of Slack, exactly. Ids are unique in a directory.
func (d Directory) BySlack(id string) (Person, bool) {
	if id == "" {
		return Person{}, false
	}
	for key, p := range d.People {
		if p.Slack == id {
			p.ID = key
			return p, true
		}
	}
	return Person{}, false
}

// ByEmail returns the person who has a mail address, in whatever case.
func (d Directory) ByEmail(address string) (Person, bool) {
	address = strings.ToLower(address)
	if !mail.MatchString(address) {
		return Person{}, false
	}
	for _, p := range d.all() {
		if p.Email == address || p.ID == address {
			p.Email = address
			return p, true
		}
	}
	return Person{}, false
}

// slackGroups says what is wrong with the groups that Slack keeps.
func (d Directory) slackGroups() (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(d.SlackGroups)) {
		if !userGroup.MatchString(d.SlackGroups[name]) {
			errs = append(errs, fmt.Errorf("the group %q has %q; want the id of a user group of Slack, like S0614TZR7", name, d.SlackGroups[name]))
		}
		if _, twice := d.Groups[name]; twice {
			errs = append(errs, fmt.Errorf("the group %q is in groups and in slack_groups; one place says who is in it", name))
		}
	}
	known := func(p Person) bool { return p.Slack != "" }
	if len(d.SlackGroups) > 0 && !slices.ContainsFunc(slices.Collect(maps.Values(d.People)), known) {
		errs = append(errs, errors.New("it has groups of Slack, and nobody with a Slack id who could be in one"))
	}
	return errs
}
