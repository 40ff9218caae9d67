package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

func (s *service) registerAccountBlock(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.s3.block_account_public_access",
		Title: "Block public access to every S3 bucket of an account",
		Doc: "Turns all four switches of the account's public access block on, for the buckets of every region, also those made later. Every web site " +
			"that a bucket of the account serves goes dark, and so do other accounts that came in by a public policy or an ACL: ask a second person. " +
			"S3 takes some minutes to spread it.",
		Effect:      activities.Change,
		Undo:        "aws.s3.restore_account_public_access",
		Targets:     []string{"account"},
		Permissions: []string{"s3:GetAccountPublicAccessBlock", "s3:PutAccountPublicAccessBlock"},
		Timeout:     s3Timeout,
	}, s.blockAccount)
	activities.Register(r, activities.Spec{
		Name:  "aws.s3.restore_account_public_access",
		Title: "Put back the public access block that an account had for S3",
		Doc: "Where the account had none it gets none. An account whose block is no longer as aws.s3.block_account_public_access left it is refused: " +
			"somebody has decided since.",
		Effect:      activities.Change,
		Undo:        "aws.s3.block_account_public_access",
		Targets:     []string{"account"},
		Permissions: []string{"s3:GetAccountPublicAccessBlock", "s3:PutAccountPublicAccessBlock"},
		Timeout:     s3Timeout,
	}, s.restoreAccount)
	activities.Previews(r, "aws.s3.block_account_public_access", s.previewBlockAccount)
	activities.Previews(r, "aws.s3.restore_account_public_access", s.previewRestoreAccount)
}

type blockAccountInput struct {
	Account       string             `json:"account" jsonschema:"AWS account of twelve digits whose buckets shall not be public"`
	PreviousBlock *publicAccessBlock `json:"previous_block,omitempty" jsonschema:"set when undoing: the block that the call to undo had found; if that did not block everything, nothing is done"`
}

type restoreAccountInput struct {
	Account       string            `json:"account" jsonschema:"AWS account of twelve digits whose block is put back"`
	PreviousBlock publicAccessBlock `json:"previous_block" jsonschema:"block to put back, as the call to undo had found it; if it blocked everything, nothing is done"`
}

// accountBlock is one of the two calls: the block that is wanted of an account.
type accountBlock struct {
	account string
	want    publicAccessBlock
	leave   bool // the call to undo changed nothing, so neither does this one
}

func (in blockAccountInput) call() accountBlock {
	return accountBlock{
		account: in.Account, want: everythingBlocked, leave: in.PreviousBlock != nil && *in.PreviousBlock != everythingBlocked,
	}
}

func (in restoreAccountInput) call() accountBlock {
	return accountBlock{account: in.Account, want: in.PreviousBlock, leave: in.PreviousBlock == everythingBlocked}
}

func (b accountBlock) target() string { return "S3 in account " + b.account }

func (b accountBlock) String() string {
	if b.want == everythingBlocked && !b.leave {
		return "block public access to " + b.target()
	}
	return "restore public access to " + b.target()
}

func (s *service) blockAccount(ctx context.Context, in blockAccountInput) (blockOutput, error) {
	return s.setAccountBlock(ctx, in.call())
}

func (s *service) restoreAccount(ctx context.Context, in restoreAccountInput) (blockOutput, error) {
	return s.setAccountBlock(ctx, in.call())
}

func (s *service) setAccountBlock(ctx context.Context, b accountBlock) (blockOutput, error) {
	ctx, c, now, err := s.findAccountBlock(ctx, b, b.String())
	if err != nil {
		return blockOutput{}, err
	}
	if b.leave {
		return blockOutput{PreviousBlock: now, Verified: now == b.want}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return blockOutput{}, err
	}
	if now != b.want {
		if err := b.write(ctx, c); err != nil {
			return blockOutput{}, failed(err, "%s", b)
		}
		if err := s.settle(ctx, b.String(), func(ctx context.Context) (bool, error) {
			now, err := readAccountBlock(ctx, c, b.String())
			return now == b.want, err
		}); err != nil {
			return blockOutput{}, err
		}
	}
	return blockOutput{PreviousBlock: first, Changed: first != b.want, Verified: true}, nil
}

// findAccountBlock is what both the change and its preview look at first.
func (s *service) findAccountBlock(ctx context.Context, b accountBlock, what string) (context.Context, *clients, publicAccessBlock, error) {
	c, err := s.global(ctx, b.account)
	if err != nil {
		return nil, nil, publicAccessBlock{}, err
	}
	now, err := readAccountBlock(ctx, c, what)
	if err == nil && !b.leave {
		err = changedSince(now, b.want, what)
	}
	if err != nil {
		return nil, nil, publicAccessBlock{}, err
	}
	if b.leave || b.want != everythingBlocked {
		return released(ctx), c, now, nil
	}
	ctx, err = s.clear(ctx, c, what, thing{arn: "account " + b.account})
	return ctx, c, now, err
}

func readAccountBlock(ctx context.Context, c *clients, what string) (publicAccessBlock, error) {
	out, err := c.S3Control().GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &c.Account})
	if answered(err, "NoSuchPublicAccessBlockConfiguration") {
		return publicAccessBlock{}, nil
	}
	if err != nil {
		return publicAccessBlock{}, failed(err, "%s: read the account's public access block", what)
	}
	block := publicAccessBlock{Exists: true}
	if now := out.PublicAccessBlockConfiguration; now != nil {
		block.BlockPublicAcls, block.IgnorePublicAcls = sdk.ToBool(now.BlockPublicAcls), sdk.ToBool(now.IgnorePublicAcls)
		block.BlockPublicPolicy, block.RestrictPublicBuckets = sdk.ToBool(now.BlockPublicPolicy), sdk.ToBool(now.RestrictPublicBuckets)
	}
	return block, nil
}

func (b accountBlock) write(ctx context.Context, c *clients) (err error) {
	if b.want.Exists {
		_, err = c.S3Control().PutPublicAccessBlock(ctx, &s3control.PutPublicAccessBlockInput{
			AccountId: &c.Account,
			PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
				BlockPublicAcls: &b.want.BlockPublicAcls, IgnorePublicAcls: &b.want.IgnorePublicAcls,
				BlockPublicPolicy: &b.want.BlockPublicPolicy, RestrictPublicBuckets: &b.want.RestrictPublicBuckets,
			},
		})
	} else {
		_, err = c.S3Control().DeletePublicAccessBlock(ctx, &s3control.DeletePublicAccessBlockInput{AccountId: &c.Account})
	}
	return err
}

func (s *service) previewBlockAccount(ctx context.Context, in blockAccountInput) (preview.Preview, error) {
	return s.previewAccountBlock(ctx, in.call())
}

func (s *service) previewRestoreAccount(ctx context.Context, in restoreAccountInput) (preview.Preview, error) {
	return s.previewAccountBlock(ctx, in.call())
}

func (s *service) previewAccountBlock(ctx context.Context, b accountBlock) (preview.Preview, error) {
	_, _, now, err := s.findAccountBlock(ctx, b, "preview of "+b.target())
	if err != nil || b.leave || now == b.want {
		return unchanged, err
	}
	return shown(preview.Change{Target: b.target(), What: "public access block", Before: now.say(), After: b.want.say()}), nil
}
