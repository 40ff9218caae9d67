package aws

import (
	"context"
	"slices"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

const (
	// everybody is how AWS calls all accounts together in the list of those that something is shared with.
	everybody = "all"
	// whoever stands in from for everybody and all accounts, organizations and units by name.
	whoever = "*"
)

// shares are whom a snapshot or image is shared with, and how to change that.
type shares struct {
	target string
	// read tells whom it is shared with, sorted, and the thing as clear asks for it.
	read func(context.Context, *clients, string) ([]string, thing, error)
	// write adds or takes away some.
	write func(ctx context.Context, c *clients, what string, add, remove []string) error
}

type unshareOutput struct {
	Removed    []string `json:"removed" jsonschema:"whom it was shared with and is no more: all for everybody, accounts, ARNs of organizations and units"`
	SharedWith []string `json:"shared_with" jsonschema:"whom it is still shared with"`
	Changed    bool     `json:"changed" jsonschema:"false if it was shared with none of them"`
	Verified   bool     `json:"verified" jsonschema:"true if it was read back without them"`
}

type reshareOutput struct {
	From     []string `json:"from" jsonschema:"whom it is shared with again, and was not before this call"`
	Changed  bool     `json:"changed" jsonschema:"false if it was shared with all of them already"`
	Verified bool     `json:"verified" jsonschema:"true if it was read back shared with them"`
}

// meant are those of found that from names. A call without from means everybody; an undo of a call
// that changed nothing has an empty one.
func meant(found, from []string) []string {
	if from == nil {
		from = []string{everybody}
	}
	out := []string{}
	for _, id := range found {
		if slices.Contains(from, id) || slices.Contains(from, whoever) {
			out = append(out, id)
		}
	}
	return out
}

func except(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return slices.Contains(some, id) })
}

// find is what both ways and their previews look at first. Whoever takes away asks whether it may.
func (sh shares) find(ctx context.Context, s *service, c *clients, what string, takes bool) (context.Context, []string, error) {
	found, t, err := sh.read(ctx, c, what)
	if err != nil {
		return nil, nil, err
	}
	if !takes {
		return released(ctx), found, nil
	}
	ctx, err = s.clear(ctx, c, what, t)
	return ctx, found, err
}

func (sh shares) unshare(ctx context.Context, s *service, c *clients, from []string) (unshareOutput, error) {
	what := "unshare " + sh.target
	acting, found, err := sh.find(ctx, s, c, what, true)
	if err != nil {
		return unshareOutput{}, err
	}
	remove := meant(found, from)
	first, err := activities.Remember(ctx, remove)
	if err != nil {
		return unshareOutput{}, err
	}
	left := except(found, remove)
	if len(remove) > 0 {
		if err := sh.write(acting, c, what, nil, remove); err != nil {
			return unshareOutput{}, err
		}
		if err := s.settle(ctx, what, func(ctx context.Context) (bool, error) {
			left, _, err = sh.read(ctx, c, what)
			return len(except(remove, left)) == len(remove), err
		}); err != nil {
			return unshareOutput{}, err
		}
	}
	return unshareOutput{Removed: first, SharedWith: left, Changed: len(first) > 0, Verified: true}, nil
}

func (sh shares) reshare(ctx context.Context, s *service, c *clients, with []string) (reshareOutput, error) {
	what := "share again " + sh.target
	acting, found, err := sh.find(ctx, s, c, what, false)
	if err != nil {
		return reshareOutput{}, err
	}
	add := except(with, found)
	first, err := activities.Remember(ctx, add)
	if err != nil {
		return reshareOutput{}, err
	}
	if len(add) > 0 {
		if err := sh.write(acting, c, what, add, nil); err != nil {
			return reshareOutput{}, err
		}
		if err := s.settle(ctx, what, func(ctx context.Context) (bool, error) {
			now, _, err := sh.read(ctx, c, what)
			return len(except(add, now)) == 0, err
		}); err != nil {
			return reshareOutput{}, err
		}
	}
	return reshareOutput{From: append([]string{}, first...), Changed: len(first) > 0, Verified: true}, nil
}

func (sh shares) previewUnshare(ctx context.Context, s *service, c *clients, from []string) (preview.Preview, error) {
	_, found, err := sh.find(ctx, s, c, "preview of "+sh.target, true)
	if err != nil {
		return unchanged, err
	}
	return sh.show(meant(found, from), "shared", "not shared"), nil
}

func (sh shares) previewReshare(ctx context.Context, s *service, c *clients, with []string) (preview.Preview, error) {
	_, found, err := sh.find(ctx, s, c, "preview of "+sh.target, false)
	if err != nil {
		return unchanged, err
	}
	return sh.show(except(with, found), "not shared", "shared"), nil
}

func (sh shares) show(ids []string, before, after string) preview.Preview {
	var changes []preview.Change
	for _, id := range ids {
		who := id
		if id == everybody {
			who = "everybody"
		}
		changes = append(changes, preview.Change{Target: sh.target, What: "use by " + who, Before: before, After: after})
	}
	return shown(changes...)
}
