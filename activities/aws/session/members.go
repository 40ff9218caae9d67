package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"

	"github.com/countersign/countersign/activities"
)

const (
	// membersTime is how long a list of the organization's accounts is good, and membersStale for how
	// long it is used when no other can be had.
	membersTime  = 5 * time.Minute
	membersStale = time.Hour
	// taggers is how many accounts are asked for their tags at once. There is no call for many.
	taggers = 4
)

// members are the accounts of the organization as they were read last.
type members struct {
	lock   turn
	read   time.Time
	list   []Member
	ids    map[string]bool
	tagged bool
}

// UnknownAccount is the kind of the error of a call for an account that the accounts file does not know.
const UnknownAccount = "UnknownAccount"

// known refuses an account that is not among those to act in.
func (s *Sessions) known(ctx context.Context, account string) error {
	_, ids, err := s.listed(ctx, false)
	if err != nil {
		return err
	}
	if !ids[account] {
		return activities.Permanent(UnknownAccount, fmt.Errorf("account %s: it is not one of the accounts to act in, or is not active", account))
	}
	return nil
}

// Members are the accounts to act in, canaries first and then by id: those of the file, the active ones
// of the organization, or the one of the worker's credentials. Tags of an organization's accounts are
// read only if they are asked for.
func (s *Sessions) Members(ctx context.Context, tags bool) ([]Member, error) {
	list, _, err := s.listed(ctx, tags)
	return slices.Clone(list), err
}

func (s *Sessions) listed(ctx context.Context, tags bool) ([]Member, map[string]bool, error) {
	if s.opts.Accounts == nil {
		own, err := s.dialed(ctx, "")
		if err != nil {
			return nil, nil, err
		}
		return []Member{{ID: own.Account}}, map[string]bool{own.Account: true}, nil
	}
	m := &s.members
	select {
	case m.lock <- struct{}{}:
		defer func() { <-m.lock }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	age := s.opts.Clock().Sub(m.read)
	if m.ids != nil && (!s.opts.Accounts.Organization || age < membersTime && (m.tagged || !tags)) {
		return m.list, m.ids, nil
	}
	list, err := s.readMembers(ctx, tags)
	if err != nil {
		if m.ids != nil && age < membersStale && !Permanent(err) && (m.tagged || !tags) {
			return m.list, m.ids, nil
		}
		return nil, nil, err
	}
	m.read, m.list, m.ids, m.tagged = s.opts.Clock(), s.opts.Accounts.ordered(list), map[string]bool{}, tags
	for _, one := range list {
		m.ids[one.ID] = true
	}
	return m.list, m.ids, nil
}

// ordered puts the canaries first, in the order of the file.
func (a *Accounts) ordered(list []Member) []Member {
	rank := func(id string) int {
		if at := slices.Index(a.Canary, id); at >= 0 {
			return at
		}
		return len(a.Canary)
	}
	slices.SortFunc(list, func(x, y Member) int {
		return cmp.Or(cmp.Compare(rank(x.ID), rank(y.ID)), strings.Compare(x.ID, y.ID))
	})
	return list
}

func (s *Sessions) readMembers(ctx context.Context, tags bool) ([]Member, error) {
	a := s.opts.Accounts
	if !a.Organization {
		return slices.Clone(a.Accounts), nil
	}
	own, err := s.dialed(ctx, "")
	if err != nil {
		return nil, err
	}
	client := organizations.NewFromConfig(s.hub(own))
	roots, err := client.ListRoots(ctx, &organizations.ListRootsInput{})
	if err != nil {
		return nil, Failed(err, "list the accounts of the organization")
	}
	var list []Member
	for _, root := range roots.Roots {
		if err := walk(ctx, client, sdk.ToString(root.Id), Member{units: []string{sdk.ToString(root.Id)}}, &list); err != nil {
			return nil, err
		}
	}
	if tags {
		err = tag(ctx, client, list)
	}
	return list, err
}

// maxDepth is more than the organization's own bound on units in units.
const maxDepth = 10

// walk adds the active accounts of a unit and of those in it.
func walk(ctx context.Context, client *organizations.Client, unit string, at Member, list *[]Member) error {
	if len(at.units) > maxDepth {
		return fmt.Errorf("list the accounts of the organization: units in units, more than %d deep", maxDepth)
	}
	accounts := organizations.NewListAccountsForParentPaginator(client, &organizations.ListAccountsForParentInput{ParentId: &unit})
	for accounts.HasMorePages() {
		page, err := accounts.NextPage(ctx)
		if err != nil {
			return Failed(err, "list the accounts of the organizational unit %s", unit)
		}
		for _, one := range page.Accounts {
			if isActive(one) {
				*list = append(*list, Member{
					ID: sdk.ToString(one.Id), Name: sdk.ToString(one.Name), Email: sdk.ToString(one.Email), OU: at.OU, units: at.units,
				})
			}
		}
	}
	units := organizations.NewListOrganizationalUnitsForParentPaginator(client, &organizations.ListOrganizationalUnitsForParentInput{ParentId: &unit})
	for units.HasMorePages() {
		page, err := units.NextPage(ctx)
		if err != nil {
			return Failed(err, "list the units in the organizational unit %s", unit)
		}
		for _, one := range page.OrganizationalUnits {
			id := sdk.ToString(one.Id)
			below := Member{OU: strings.Trim(at.OU+"/"+sdk.ToString(one.Name), "/"), units: append(slices.Clip(at.units), id)}
			if err := walk(ctx, client, id, below, list); err != nil {
				return err
			}
		}
	}
	return nil
}

// isActive goes by the state, and by the status where an endpoint tells no state yet.
func isActive(one types.Account) bool {
	if one.State != "" {
		return one.State == types.AccountStateActive
	}
	return one.Status == types.AccountStatusActive
}

// tag reads the tags of accounts.
func tag(ctx context.Context, client *organizations.Client, list []Member) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wait sync.WaitGroup
	places := make(chan struct{}, taggers)
	errs := make([]error, len(list))
	for i := range list {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			list[i].Tags = map[string]string{}
			pages := organizations.NewListTagsForResourcePaginator(client, &organizations.ListTagsForResourceInput{ResourceId: &list[i].ID})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					errs[i] = Failed(err, "read the tags of account %s", list[i].ID)
					cancel()
					return
				}
				for _, one := range page.Tags {
					list[i].Tags[sdk.ToString(one.Key)] = sdk.ToString(one.Value)
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs { // the first that is not for being stopped
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(errs...)
}
