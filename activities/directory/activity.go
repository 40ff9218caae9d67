package directory

import (
	"context"
	"errors"

	"github.com/countersign/countersign/activities"
)

// Members is the name of the activity that lists the people of groups.
const Members = "directory.members"

// MembersInput names groups.
type MembersInput struct {
	Groups []string `json:"groups" jsonschema:"names of groups"`
}

// MembersOutput are the people of the groups, each once, sorted.
type MembersOutput struct {
	People []string `json:"people" jsonschema:"ids of people, sorted"`
}

// Register adds the activity. The directory is asked at every call, so it may be a file that is
// read again.
func Register(r *activities.Registry, current func() (Directory, error)) {
	activities.Register(r, activities.Spec{
		Name:   Members,
		Title:  "List the people of groups",
		Effect: activities.Read,
	}, func(ctx context.Context, in MembersInput) (MembersOutput, error) {
		if current == nil {
			return MembersOutput{}, activities.Permanent("NoDirectory", errors.New("this program was given no directory of approvers"))
		}
		d, err := current()
		if err != nil {
			return MembersOutput{}, err
		}
		people, err := d.Members(ctx, in.Groups...)
		if errors.Is(err, ErrLookup) {
			return MembersOutput{}, err
		}
		if err != nil {
			return MembersOutput{}, activities.Permanent("UnknownGroup", err)
		}
		return MembersOutput{People: people}, nil
	})
}
