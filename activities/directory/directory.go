// Package directory knows who belongs to which group. Approvals name groups; the directory, kept
// by the operator and read by the worker, names the people.
//
//	groups:
//	  secops-oncall: [alice@example.com, bob@example.com]
package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities"
)

// Members is the name of the activity that lists the people of groups.
const Members = "directory.members"

// Directory is the content of a directory file.
type Directory struct {
	Groups map[string][]string `yaml:"groups"`
}

// maxSize bounds a directory file, in bytes.
const maxSize = 1 << 20

var person = regexp.MustCompile(`^[^\s@]+@[^\s@]+\.[^\s@]+$`)

// Load reads a directory file. Everything wrong with it is reported at once.
func Load(file string) (Directory, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Directory{}, fmt.Errorf("read the directory of approvers: %w", err)
	}
	d, err := Parse(raw)
	if err != nil {
		return Directory{}, fmt.Errorf("read the directory of approvers %s: %w", file, err)
	}
	return d, nil
}

// Parse reads a directory.
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
	if len(d.Groups) == 0 {
		return Directory{}, errors.New("it has no groups; nobody could approve anything")
	}
	var errs []error
	for _, group := range slices.Sorted(maps.Keys(d.Groups)) {
		people := d.Groups[group]
		if len(people) == 0 {
			errs = append(errs, fmt.Errorf("the group %q is empty", group))
		}
		for i, p := range people {
			if !person.MatchString(p) || strings.ToLower(p) != p {
				errs = append(errs, fmt.Errorf("the group %q has %q; want a mail address in lower case", group, p))
			}
			if slices.Contains(people[:i], p) {
				errs = append(errs, fmt.Errorf("the group %q has %s twice", group, p))
			}
		}
	}
	return d, errors.Join(errs...)
}

// MembersInput names groups.
type MembersInput struct {
	Groups []string `json:"groups" jsonschema:"names of groups"`
}

// MembersOutput are the people of the groups, each once, sorted.
type MembersOutput struct {
	People []string `json:"people" jsonschema:"mail addresses, sorted"`
}

// Register adds the activity. The directory is asked at every call, so it may be a file that is
// read again.
func Register(r *activities.Registry, current func() (Directory, error)) {
	activities.Register(r, activities.Spec{
		Name:   Members,
		Title:  "List the people of groups",
		Effect: activities.Read,
	}, func(_ context.Context, in MembersInput) (MembersOutput, error) {
		if current == nil {
			return MembersOutput{}, activities.Permanent("NoDirectory", errors.New("this program was given no directory of approvers"))
		}
		d, err := current()
		if err != nil {
			return MembersOutput{}, err
		}
		return d.members(in.Groups)
	})
}

func (d Directory) members(groups []string) (MembersOutput, error) {
	out := MembersOutput{People: []string{}}
	for _, group := range groups {
		people, ok := d.Groups[group]
		if !ok {
			return MembersOutput{}, activities.Permanent("UnknownGroup", fmt.Errorf("the directory has no group %q", group))
		}
		out.People = append(out.People, people...)
	}
	slices.Sort(out.People)
	out.People = slices.Compact(out.People)
	return out, nil
}
