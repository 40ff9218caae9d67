package aws

import (
	"bytes"
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

func (s *service) registerBucketPolicy(r *activities.Registry) {
	activities.Register(r, activities.Spec{
		Name:  "aws.s3.deny_bucket_access",
		Title: "Deny everybody an S3 bucket",
		Doc: "Adds one statement to the bucket's policy, " + denyAccessSID + ", which denies every S3 action to everybody, AWS services that deliver logs " +
			"included, but the account's root user and the role by which Countersign acts. What else the policy says stays. S3 refuses to write a " +
			"policy that is public while the bucket or the account blocks public policies: then block public access is what there is to do.",
		Effect:      activities.Change,
		Undo:        "aws.s3.restore_bucket_policy",
		Targets:     []string{"bucket"},
		Permissions: []string{"s3:GetBucketPolicy", "s3:GetBucketTagging", "s3:PutBucketPolicy"},
		Scopes:      scopes(bucketARNs, "s3:GetBucketPolicy", "s3:GetBucketTagging", "s3:PutBucketPolicy"),
		Timeout:     s3Timeout,
	}, s.denyBucket)
	activities.Register(r, activities.Spec{
		Name:  "aws.s3.restore_bucket_policy",
		Title: "Put back the policy that an S3 bucket had",
		Doc: "Where the bucket had none it gets none. A policy that is no longer as aws.s3.deny_bucket_access left it is refused: somebody has decided " +
			"since.",
		Effect:      activities.Change,
		Undo:        "aws.s3.deny_bucket_access",
		Targets:     []string{"bucket"},
		Permissions: []string{"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"},
		Scopes:      scopes(bucketARNs, "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
		Timeout:     s3Timeout,
	}, s.restoreBucketPolicy)
	activities.Previews(r, "aws.s3.deny_bucket_access", s.previewDenyBucket)
	activities.Previews(r, "aws.s3.restore_bucket_policy", s.previewRestoreBucketPolicy)
}

var bucketARNs = []string{"arn:aws:s3:::{bucket}"}

type denyBucketInput struct {
	Account        string  `json:"account" jsonschema:"AWS account of twelve digits that owns the bucket"`
	Region         string  `json:"region" jsonschema:"region that the bucket is in"`
	Bucket         string  `json:"bucket" jsonschema:"name of the bucket"`
	PreviousPolicy *string `json:"previous_policy,omitempty" jsonschema:"set when undoing: the policy that the call to undo had found; if that did not deny everybody, nothing is done"`
}

type restoreBucketPolicyInput struct {
	Account        string `json:"account" jsonschema:"AWS account of twelve digits that owns the bucket"`
	Region         string `json:"region" jsonschema:"region that the bucket is in"`
	Bucket         string `json:"bucket" jsonschema:"name of the bucket"`
	PreviousPolicy string `json:"previous_policy,omitempty" jsonschema:"policy to put back, as the call to undo had found it; none if there was none; if it denied everybody, nothing is done"`
}

func (in denyBucketInput) bucket() bucketInput {
	return bucketInput{Account: in.Account, Region: in.Region, Bucket: in.Bucket}
}

func (in restoreBucketPolicyInput) bucket() bucketInput {
	return bucketInput{Account: in.Account, Region: in.Region, Bucket: in.Bucket}
}

// leave reports that the call to undo changed nothing, so neither does this one.
func (in denyBucketInput) leave() bool {
	return in.PreviousPolicy != nil && !parsePolicy(*in.PreviousPolicy).denies(in.Bucket)
}

func (in restoreBucketPolicyInput) leave() bool {
	return parsePolicy(in.PreviousPolicy).denies(in.Bucket)
}

type bucketPolicyOutput struct {
	PreviousPolicy string `json:"previous_policy" jsonschema:"policy found before, byte for byte; empty if there was none"`
	Changed        bool   `json:"changed" jsonschema:"false if the policy already was so"`
	Verified       bool   `json:"verified" jsonschema:"true if the policy was read back as it should be"`
}

func (s *service) denyBucket(ctx context.Context, in denyBucketInput) (bucketPolicyOutput, error) {
	what := "deny everybody " + in.bucket().String()
	ctx, c, now, want, err := s.findDenied(ctx, in, what)
	if err != nil {
		return bucketPolicyOutput{}, err
	}
	if in.leave() {
		return bucketPolicyOutput{PreviousPolicy: now, Verified: !parsePolicy(now).denies(in.Bucket)}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return bucketPolicyOutput{}, err
	}
	if !sameDocument(now, want) {
		if err := s.writePolicy(ctx, c, in.bucket(), want, what); err != nil {
			return bucketPolicyOutput{}, err
		}
	}
	return bucketPolicyOutput{PreviousPolicy: first, Changed: !sameDocument(first, want), Verified: true}, nil
}

func (s *service) restoreBucketPolicy(ctx context.Context, in restoreBucketPolicyInput) (bucketPolicyOutput, error) {
	what := "restore the policy of " + in.bucket().String()
	ctx, c, now, err := s.findPolicyToRestore(ctx, in, what)
	if err != nil {
		return bucketPolicyOutput{}, err
	}
	if in.leave() {
		return bucketPolicyOutput{PreviousPolicy: now, Verified: sameDocument(now, in.PreviousPolicy)}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return bucketPolicyOutput{}, err
	}
	if !sameDocument(now, in.PreviousPolicy) {
		if err := s.writePolicy(ctx, c, in.bucket(), in.PreviousPolicy, what); err != nil {
			return bucketPolicyOutput{}, err
		}
	}
	return bucketPolicyOutput{PreviousPolicy: first, Changed: !sameDocument(first, in.PreviousPolicy), Verified: true}, nil
}

// findDenied is what both the change and its preview look at first: the policy as it is, and as it
// shall be.
func (s *service) findDenied(ctx context.Context, in denyBucketInput, what string) (_ context.Context, c *clients, now, want string, err error) {
	if c, err = s.in(ctx, in.Account, in.Region); err != nil {
		return nil, nil, "", "", err
	}
	if now, err = readPolicy(ctx, c, in.bucket(), what); err != nil {
		return nil, nil, "", "", err
	}
	if in.leave() {
		return released(ctx), c, now, now, nil
	}
	tags, err := bucketTags(ctx, c, in.bucket(), what)
	if err != nil {
		return nil, nil, "", "", err
	}
	if ctx, err = s.clear(ctx, c, what, thing{arn: c.ARNOf("s3", in.Bucket), tags: tags}); err != nil {
		return nil, nil, "", "", err
	}
	if parsePolicy(now).denies(in.Bucket) {
		return ctx, c, now, now, nil
	}
	want, err = parsePolicy(now).deny(in.Bucket, ownPrincipals(c))
	if err != nil {
		err = activities.Permanent("BadPolicy", fmt.Errorf("%s: %w", what, err))
	}
	return ctx, c, now, want, err
}

// findPolicyToRestore is what both a restore and its preview look at first. It takes nothing for the
// policy to put back but what the present one says beside the denial: writing whatever the caller says
// would be a way to grant rights.
func (s *service) findPolicyToRestore(ctx context.Context, in restoreBucketPolicyInput, what string) (context.Context, *clients, string, error) {
	c, err := s.in(ctx, in.Account, in.Region)
	if err != nil {
		return nil, nil, "", err
	}
	now, err := readPolicy(ctx, c, in.bucket(), what)
	if err != nil {
		return nil, nil, "", err
	}
	is, was := parsePolicy(now), parsePolicy(in.PreviousPolicy)
	switch {
	case in.leave(), sameDocument(now, in.PreviousPolicy):
	case was.replaced():
		return nil, nil, "", badInput("%s: the policy to put back has a statement %s that Countersign did not write; put it back by hand", what, denyAccessSID)
	case !is.denies(in.Bucket) || !is.sameBeside(was) || in.PreviousPolicy != "" && !bytes.Equal(is.version, was.version):
		return nil, nil, "", activities.Permanent("ChangedSince", fmt.Errorf("%s: the policy is not as it was left: somebody has changed it since", what))
	case in.PreviousPolicy != "" && !plain(in.PreviousPolicy):
		return nil, nil, "", badInput("%s: the policy to put back has a key twice, and AWS may read another than we compare; put it back by hand", what)
	}
	return released(ctx), c, now, nil
}

func readPolicy(ctx context.Context, c *clients, in bucketInput, what string) (string, error) {
	out, err := c.S3().GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account})
	if answered(err, "NoSuchBucketPolicy") {
		return "", nil
	}
	if err != nil {
		return "", failed(err, "%s: read its policy", what)
	}
	policy := sdk.ToString(out.Policy)
	if len(policy) > maxBucketPolicy {
		return "", activities.Permanent("PolicyTooLarge", fmt.Errorf("%s: its policy has %d bytes; S3 has said that %d are the most", what, len(policy), maxBucketPolicy))
	}
	return policy, nil
}

// writePolicy writes a policy, or none, and waits until it shows.
func (s *service) writePolicy(ctx context.Context, c *clients, in bucketInput, want, what string) (err error) {
	if want == "" {
		_, err = c.S3().DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account})
	} else {
		_, err = c.S3().PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account, Policy: &want})
	}
	if err != nil {
		return failed(err, "%s", what)
	}
	return s.settle(ctx, what, func(ctx context.Context) (bool, error) {
		now, err := readPolicy(ctx, c, in, what)
		return sameDocument(now, want), err
	})
}

func bucketTags(ctx context.Context, c *clients, in bucketInput, what string) (map[string]string, error) {
	out, err := c.S3().GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &in.Bucket, ExpectedBucketOwner: &in.Account})
	if answered(err, "NoSuchTagSet") {
		return nil, nil
	}
	if err != nil {
		return nil, failed(err, "%s: read its tags", what)
	}
	tags := map[string]string{}
	for _, t := range out.TagSet {
		tags[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
	}
	return tags, nil
}

func (s *service) previewDenyBucket(ctx context.Context, in denyBucketInput) (preview.Preview, error) {
	_, _, now, want, err := s.findDenied(ctx, in, "preview of the policy of "+in.bucket().String())
	if err != nil || in.leave() || sameDocument(now, want) {
		return unchanged, err
	}
	return shown(preview.Change{Target: in.bucket().String(), What: "policy", Before: sayPolicy(now, in.Bucket), After: sayPolicy(want, in.Bucket)}), nil
}

func (s *service) previewRestoreBucketPolicy(ctx context.Context, in restoreBucketPolicyInput) (preview.Preview, error) {
	_, _, now, err := s.findPolicyToRestore(ctx, in, "preview of the policy of "+in.bucket().String())
	if err != nil || in.leave() || sameDocument(now, in.PreviousPolicy) {
		return unchanged, err
	}
	return shown(preview.Change{
		Target: in.bucket().String(), What: "policy", Before: sayPolicy(now, in.Bucket), After: sayPolicy(in.PreviousPolicy, in.Bucket),
	}), nil
}
