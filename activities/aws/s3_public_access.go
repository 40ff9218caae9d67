package aws

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/countersign/countersign/activities"
)

func (s *service) registerPublicAccess(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.s3.block_public_access",
		Title: "Block public access to an S3 bucket",
		Doc: "Turns all four switches of the bucket's public access block on. Policy and ACL stay as they are, but what they give to the public no " +
			"longer counts: a web site that the bucket serves goes dark, and so do other accounts that came in by a public policy or an ACL.",
		Effect:      activities.Change,
		Undo:        "aws.s3.restore_public_access",
		Targets:     []string{"bucket"},
		Permissions: []string{"s3:GetBucketTagging", "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
		Scopes:      scopes(bucketARNs, "s3:GetBucketTagging", "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
		Timeout:     s3Timeout,
	}, s.blockPublicAccess)
	activities.Register(r, activities.Spec{
		Name:  "aws.s3.restore_public_access",
		Title: "Put back the public access block that an S3 bucket had",
		Doc: "Where the bucket had none it gets none. A bucket whose block is no longer as aws.s3.block_public_access left it is refused: " +
			"somebody has decided since.",
		Effect:      activities.Change,
		Undo:        "aws.s3.block_public_access",
		Targets:     []string{"bucket"},
		Permissions: []string{"s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
		Scopes:      scopes(bucketARNs, "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
		Timeout:     s3Timeout,
	}, s.restorePublicAccess)
}

// s3Timeout leaves room to read back.
const s3Timeout = iamTimeout

// publicAccessBlock is the switches of a bucket, and whether it has any: none is not the same as
// all off, although it blocks as little.
type publicAccessBlock struct {
	Exists                bool `json:"exists" jsonschema:"false if the bucket has no block of its own"`
	BlockPublicAcls       bool `json:"block_public_acls" jsonschema:"true if new public ACLs are refused"`
	IgnorePublicAcls      bool `json:"ignore_public_acls" jsonschema:"true if public ACLs do not count"`
	BlockPublicPolicy     bool `json:"block_public_policy" jsonschema:"true if a new public policy is refused"`
	RestrictPublicBuckets bool `json:"restrict_public_buckets" jsonschema:"true if a public policy lets in only the account and AWS services"`
}

var everythingBlocked = publicAccessBlock{Exists: true, BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}

type blockInput struct {
	Account       string             `json:"account" jsonschema:"AWS account of twelve digits that owns the bucket"`
	Region        string             `json:"region" jsonschema:"region that the bucket is in"`
	Bucket        string             `json:"bucket" jsonschema:"name of the bucket"`
	PreviousBlock *publicAccessBlock `json:"previous_block,omitempty" jsonschema:"set when undoing: the block that the call to undo had found; if that did not block everything, nothing is done"`
}

type restoreBlockInput struct {
	Account       string            `json:"account" jsonschema:"AWS account of twelve digits that owns the bucket"`
	Region        string            `json:"region" jsonschema:"region that the bucket is in"`
	Bucket        string            `json:"bucket" jsonschema:"name of the bucket"`
	PreviousBlock publicAccessBlock `json:"previous_block" jsonschema:"block to put back, as the call to undo had found it; if it blocked everything, nothing is done"`
}

func (in blockInput) bucket() bucketInput {
	return bucketInput{Account: in.Account, Region: in.Region, Bucket: in.Bucket}
}

func (in restoreBlockInput) bucket() bucketInput {
	return bucketInput{Account: in.Account, Region: in.Region, Bucket: in.Bucket}
}

// leave reports that the call to undo changed nothing, so neither does this one.
func (in blockInput) leave() bool {
	return in.PreviousBlock != nil && *in.PreviousBlock != everythingBlocked
}

func (in restoreBlockInput) leave() bool { return in.PreviousBlock == everythingBlocked }

type blockOutput struct {
	PreviousBlock publicAccessBlock `json:"previous_block" jsonschema:"block found before"`
	Changed       bool              `json:"changed" jsonschema:"false if the block already was so"`
	Verified      bool              `json:"verified" jsonschema:"true if the block was read back as it should be"`
}

func (s *service) blockPublicAccess(ctx context.Context, in blockInput) (blockOutput, error) {
	if in.leave() {
		return s.leaveBlock(ctx, in.bucket(), *in.PreviousBlock)
	}
	return s.setBlock(ctx, in.bucket(), everythingBlocked, "block public access to "+in.bucket().String())
}

func (s *service) restorePublicAccess(ctx context.Context, in restoreBlockInput) (blockOutput, error) {
	if in.leave() {
		return s.leaveBlock(ctx, in.bucket(), in.PreviousBlock)
	}
	return s.setBlock(ctx, in.bucket(), in.PreviousBlock, "restore public access to "+in.bucket().String())
}

// leaveBlock is the undo of a call that had found the block as it wanted it, and changed nothing.
func (s *service) leaveBlock(ctx context.Context, in bucketInput, previous publicAccessBlock) (blockOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return blockOutput{}, err
	}
	now, err := readBlock(ctx, c, in, "leave the public access block of "+in.String())
	return blockOutput{PreviousBlock: now, Verified: now == previous}, err
}

func (s *service) setBlock(ctx context.Context, in bucketInput, want publicAccessBlock, what string) (blockOutput, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return blockOutput{}, err
	}
	now, err := readBlock(ctx, c, in, what)
	if err != nil {
		return blockOutput{}, err
	}
	if err := changedSince(now, want, what); err != nil {
		return blockOutput{}, err
	}
	if ctx, err = s.clearBlock(ctx, c, in, want, what); err != nil {
		return blockOutput{}, err
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return blockOutput{}, err
	}
	if now != want {
		if err := writeBlock(ctx, c, in, want, what); err != nil {
			return blockOutput{}, err
		}
		if err := s.settle(ctx, what, func(ctx context.Context) (bool, error) {
			now, err := readBlock(ctx, c, in, what)
			return now == want, err
		}); err != nil {
			return blockOutput{}, err
		}
	}
	return blockOutput{PreviousBlock: first, Changed: first != want, Verified: true}, nil
}

// clearBlock lets a block be put on a bucket that is not protected, and taken off any.
func (s *service) clearBlock(ctx context.Context, c *clients, in bucketInput, want publicAccessBlock, what string) (context.Context, error) {
	if want != everythingBlocked {
		return released(ctx), nil
	}
	tags, err := bucketTags(ctx, c, in, what)
	if err != nil {
		return nil, err
	}
	return s.clear(ctx, c, what, thing{arn: c.ARNOf("s3", in.Bucket), tags: tags})
}

// changedSince refuses to put back what somebody has decided about since it was left.
func changedSince(now, want publicAccessBlock, what string) error {
	if want != everythingBlocked && now != want && now != everythingBlocked {
		return activities.Permanent("ChangedSince", fmt.Errorf("%s: the block is not as it was left: somebody has changed it since", what))
	}
	return nil
}

func readBlock(ctx context.Context, c *clients, in bucketInput, what string) (publicAccessBlock, error) {
	out, err := c.S3().GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account})
	if answered(err, "NoSuchPublicAccessBlockConfiguration") {
		return publicAccessBlock{}, nil
	}
	if err != nil {
		return publicAccessBlock{}, failed(err, "%s: read its public access block", what)
	}
	block := publicAccessBlock{Exists: true}
	if now := out.PublicAccessBlockConfiguration; now != nil {
		block.BlockPublicAcls, block.IgnorePublicAcls = sdk.ToBool(now.BlockPublicAcls), sdk.ToBool(now.IgnorePublicAcls)
		block.BlockPublicPolicy, block.RestrictPublicBuckets = sdk.ToBool(now.BlockPublicPolicy), sdk.ToBool(now.RestrictPublicBuckets)
	}
	return block, nil
}

func writeBlock(ctx context.Context, c *clients, in bucketInput, want publicAccessBlock, what string) error {
	var err error
	if want.Exists {
		_, err = c.S3().PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
			Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account,
			PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
				BlockPublicAcls: &want.BlockPublicAcls, IgnorePublicAcls: &want.IgnorePublicAcls,
				BlockPublicPolicy: &want.BlockPublicPolicy, RestrictPublicBuckets: &want.RestrictPublicBuckets,
			},
		})
	} else {
		_, err = c.S3().DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account})
	}
	if err != nil {
		return failed(err, "%s", what)
	}
	return nil
}
