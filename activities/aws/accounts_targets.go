package aws

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/countersign/countersign/activities"
)

const (
	// accountsTimeout leaves room to ask hundreds of accounts.
	accountsTimeout = 5 * time.Minute
	// askedAtOnce is how many accounts are asked for their regions at the same time.
	askedAtOnce = 8
)

func (s *service) registerTargets(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:        "aws.ec2.list_regions",
		Title:       "List the regions that an AWS account can use",
		Effect:      activities.Read,
		Permissions: []string{"ec2:DescribeRegions"},
	}, s.listRegions)
	activities.Register(r, activities.Spec{
		Name:  "aws.accounts.list_targets",
		Title: "List accounts and regions to go through",
		Doc: "For a for_each over many accounts: each account with each of its regions, canary accounts first. Without regions each account is asked which it can use; " +
			"one that cannot be asked is in unreachable, and its regions are missing, which a playbook must not take for nothing to do.",
		Effect:      activities.Read,
		Permissions: append(slices.Clone(organizationReads), "ec2:DescribeRegions"),
		Timeout:     accountsTimeout,
	}, s.listTargets)
}

type regionsInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits"`
}

type regionsOutput struct {
	Regions []string `json:"regions" jsonschema:"regions that are on in the account, by name"`
}

func (s *service) listRegions(ctx context.Context, in regionsInput) (regionsOutput, error) {
	regions, err := s.regionsOf(ctx, in.Account)
	return regionsOutput{Regions: regions}, err
}

// regionsOf asks without AllRegions, so that what the account has not opted into is not told.
func (s *service) regionsOf(ctx context.Context, account string) ([]string, error) {
	c, err := s.global(ctx, account)
	if err != nil {
		return nil, err
	}
	out, err := c.EC2().DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if err != nil {
		return nil, failed(err, "list the regions of account %s", account)
	}
	regions := []string{}
	for _, r := range out.Regions {
		if sdk.ToString(r.OptInStatus) != "not-opted-in" {
			regions = append(regions, sdk.ToString(r.RegionName))
		}
	}
	slices.Sort(regions)
	return regions, nil
}

type targetsInput struct {
	Regions      []string          `json:"regions,omitempty" jsonschema:"these regions in each account; by default all that the account can use"`
	Accounts     []string          `json:"accounts,omitempty" jsonschema:"only these accounts"`
	Tags         map[string]string `json:"tags,omitempty" jsonschema:"only accounts that have all these tags; an empty value is any"`
	OU           string            `json:"ou,omitempty" jsonschema:"only accounts in this organizational unit or below it"`
	WholeAccount bool              `json:"whole_account,omitempty" jsonschema:"also a target without a region for each account, before its others: for what has no region"`
}

type target struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits"`
	Region  string `json:"region" jsonschema:"region; empty for the account as a whole"`
}

type unreachable struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits"`
	Reason  string `json:"reason" jsonschema:"why it could not be asked for its regions"`
}

type targetsOutput struct {
	Targets     []target      `json:"targets" jsonschema:"accounts and regions, canary accounts first"`
	Accounts    int           `json:"accounts" jsonschema:"how many accounts they are in"`
	Unreachable []unreachable `json:"unreachable" jsonschema:"accounts whose regions are not known, and so not among the targets"`
}

func (s *service) listTargets(ctx context.Context, in targetsInput) (targetsOutput, error) {
	members, err := s.membersOf(ctx, accountsInput{Tags: in.Tags, OU: in.OU, Include: in.Accounts}, false)
	if err != nil {
		return targetsOutput{}, err
	}
	regions := make([][]string, len(members))
	errs := make([]error, len(members))
	var wait sync.WaitGroup
	places := make(chan struct{}, askedAtOnce)
	for i, m := range members {
		if len(in.Regions) > 0 {
			regions[i] = in.Regions
			continue
		}
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			regions[i], errs[i] = s.regionsOf(ctx, m.ID)
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return targetsOutput{}, fmt.Errorf("list the regions of %d accounts: %w", len(members), err)
	}
	out := targetsOutput{Targets: []target{}, Accounts: len(members), Unreachable: []unreachable{}}
	for i, m := range members {
		if in.WholeAccount {
			out.Targets = append(out.Targets, target{Account: m.ID})
		}
		if errs[i] != nil {
			out.Unreachable = append(out.Unreachable, unreachable{Account: m.ID, Reason: errs[i].Error()})
		}
		for _, region := range regions[i] {
			out.Targets = append(out.Targets, target{Account: m.ID, Region: region})
		}
	}
	if n := len(out.Unreachable); n > 0 && n == len(members) {
		return targetsOutput{}, fmt.Errorf("list the regions of %d accounts, and none could be asked: %w", n, errs[0])
	}
	return out, nil
}
