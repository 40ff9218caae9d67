package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
)

func (s *service) registerAccounts(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.organizations.list_accounts",
		Title: "List the AWS accounts that the worker acts in",
		Doc: "The active accounts of the organization, or those of the worker's accounts file, canaries first. What is asked for only narrows the list: " +
			"an account that is not in it is an error.",
		Effect:      activities.Read,
		Permissions: organizationReads,
		Timeout:     accountsTimeout,
	}, s.listAccounts)
	s.registerTargets(r)
}

// organizationReads are needed by the worker's hub, and only where the accounts are an organization's.
var organizationReads = []string{
	"organizations:ListRoots", "organizations:ListOrganizationalUnitsForParent", "organizations:ListAccountsForParent", "organizations:ListTagsForResource",
}

type accountsInput struct {
	Tags    map[string]string `json:"tags,omitempty" jsonschema:"only accounts that have all these tags; an empty value is any"`
	OU      string            `json:"ou,omitempty" jsonschema:"only accounts in this organizational unit or below it: by its id, or by the names from the root, as workloads/prod"`
	Include []string          `json:"include,omitempty" jsonschema:"only these accounts"`
	Exclude []string          `json:"exclude,omitempty" jsonschema:"not these accounts"`
}

type listedAccount struct {
	ID    string            `json:"id" jsonschema:"account of twelve digits"`
	Name  string            `json:"name" jsonschema:"name of the account; empty if it is not known"`
	Email string            `json:"email,omitempty" jsonschema:"address of its root user; absent if it is not known"`
	OU    string            `json:"ou" jsonschema:"organizational unit, by the names from the root; empty if it is in none"`
	Tags  map[string]string `json:"tags" jsonschema:"tags of the account"`
}

type accountsOutput struct {
	Accounts []listedAccount `json:"accounts" jsonschema:"the accounts, canaries first, then by id"`
	IDs      []string        `json:"ids" jsonschema:"their ids"`
}

func (s *service) listAccounts(ctx context.Context, in accountsInput) (accountsOutput, error) {
	members, err := s.membersOf(ctx, in, true)
	if err != nil {
		return accountsOutput{}, err
	}
	out := accountsOutput{Accounts: []listedAccount{}, IDs: []string{}}
	for _, m := range members {
		tags := m.Tags
		if tags == nil {
			tags = map[string]string{}
		}
		out.Accounts = append(out.Accounts, listedAccount{ID: m.ID, Name: m.Name, Email: m.Email, OU: m.OU, Tags: tags})
		out.IDs = append(out.IDs, m.ID)
	}
	return out, nil
}

// membersOf are the accounts that fit. One that is asked for by its id and is not there is refused: a
// list that is shorter than was thought looks like one that was worked through.
func (s *service) membersOf(ctx context.Context, in accountsInput, tags bool) ([]session.Member, error) {
	all, err := s.sessions.Members(ctx, tags || len(in.Tags) > 0)
	if err != nil {
		return nil, err
	}
	var unknown []string
	for _, id := range in.Include {
		if !slices.ContainsFunc(all, func(m session.Member) bool { return m.ID == id }) {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) > 0 {
		return nil, activities.Permanent(session.UnknownAccount, fmt.Errorf("list the accounts: %s: not among the accounts to act in, or not active", strings.Join(unknown, ", ")))
	}
	return slices.DeleteFunc(all, func(m session.Member) bool { return !in.fits(m) }), nil
}

func (in accountsInput) fits(m session.Member) bool {
	if in.OU != "" && !m.In(in.OU) || len(in.Include) > 0 && !slices.Contains(in.Include, m.ID) || slices.Contains(in.Exclude, m.ID) {
		return false
	}
	for key, want := range in.Tags {
		if value, tagged := m.Tags[key]; !tagged || want != "" && value != want {
			return false
		}
	}
	return true
}
