package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countersign/countersign/activities"
)

// The groups of an ACL that are not the account's own people, by the end of their URI.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#specifying-grantee-predefined-groups
var publicGroups = map[string]string{
	"/groups/global/AllUsers":           "everyone",
	"/groups/global/AuthenticatedUsers": "any_aws_account",
}

func (s *service) registerExposure(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.s3.get_bucket_exposure",
		Title: "Find how an S3 bucket is open to the public",
		Doc: "Looks at the bucket's own public access block, policy and ACL. A block on the whole account may close what is open here, and an ACL " +
			"of a single object or an access point may open what is closed: neither is looked at.",
		Effect:      activities.Read,
		Targets:     []string{"bucket"},
		Permissions: []string{"s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicyStatus", "s3:GetBucketAcl"},
		Scopes:      scopes(bucketARNs, "s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicyStatus", "s3:GetBucketAcl"),
	}, s.getExposure)
}

type bucketInput struct {
	Account string `json:"account" jsonschema:"AWS account of twelve digits that owns the bucket"`
	Region  string `json:"region" jsonschema:"region that the bucket is in"`
	Bucket  string `json:"bucket" jsonschema:"name of the bucket, without s3:// or an ARN's beginning"`
}

func (in bucketInput) String() string {
	return fmt.Sprintf("bucket %s in account %s, %s", in.Bucket, in.Account, in.Region)
}

type bucketGrant struct {
	Group      string `json:"group" jsonschema:"everyone or any_aws_account"`
	Permission string `json:"permission" jsonschema:"READ, WRITE, READ_ACP, WRITE_ACP or FULL_CONTROL"`
}

type exposureOutput struct {
	Public       bool              `json:"public" jsonschema:"true if policy or ACL let the public in and the block does not stop it"`
	Blocked      bool              `json:"blocked" jsonschema:"true if all four switches of the block are on"`
	Block        publicAccessBlock `json:"block" jsonschema:"the bucket's public access block"`
	HasPolicy    bool              `json:"has_policy" jsonschema:"true if the bucket has a policy"`
	PolicyPublic bool              `json:"policy_public" jsonschema:"true if S3 counts the policy as public"`
	PublicGrants []bucketGrant     `json:"public_grants" jsonschema:"what the ACL grants to people outside the account"`
}

func (s *service) getExposure(ctx context.Context, in bucketInput) (exposureOutput, error) {
	what := "look at the exposure of " + in.String()
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return exposureOutput{}, err
	}
	out := exposureOutput{PublicGrants: []bucketGrant{}}
	if out.Block, err = readBlock(ctx, c, in, what); err != nil {
		return exposureOutput{}, err
	}
	out.Blocked = out.Block == everythingBlocked
	status, err := c.S3().GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account})
	switch {
	case answered(err, "NoSuchBucketPolicy"):
	case err != nil:
		return exposureOutput{}, failed(err, "%s: read its policy's status", what)
	default:
		out.HasPolicy = true
		out.PolicyPublic = status.PolicyStatus != nil && sdk.ToBool(status.PolicyStatus.IsPublic)
	}
	acl, err := c.S3().GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account})
	if err != nil {
		return exposureOutput{}, failed(err, "%s: read its ACL", what)
	}
	for _, g := range acl.Grants {
		if g.Grantee == nil {
			continue
		}
		_, path, _ := strings.Cut(sdk.ToString(g.Grantee.URI), "acs.amazonaws.com")
		if group := publicGroups[path]; group != "" {
			out.PublicGrants = append(out.PublicGrants, bucketGrant{group, string(g.Permission)})
		}
	}
	slices.SortFunc(out.PublicGrants, func(a, b bucketGrant) int {
		return strings.Compare(b.Group+a.Permission, a.Group+b.Permission) // everyone first
	})
	out.Public = out.PolicyPublic && !out.Block.RestrictPublicBuckets || len(out.PublicGrants) > 0 && !out.Block.IgnorePublicAcls
	return out, nil
}
