package control

import (
	"context"
	"slices"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"

	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/finding"
)

var accountPublicAccess = &check{
	Control: finding.Control{
		ID: "S3.1", Title: "The account blocks public access to all its buckets", Severity: finding.Medium,
		Remedy:    "Set all four switches of the account's public access block, after a look at which buckets are public on purpose.",
		Standards: []string{cis("3.0.0", "2.1.4")},
	},
	permissions: []string{"s3:GetAccountPublicAccessBlock"},
	look: func(ctx context.Context, f *facts) ([]seen, error) {
		out, err := f.c.S3Control().GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &f.account})
		if session.Answered(err, "NoSuchPublicAccessBlockConfiguration") {
			return []seen{verdict(f.whole(), false, map[string]string{"PublicAccessBlock": "none"})}, nil
		}
		if err != nil {
			return nil, f.failed(err, "s3:GetAccountPublicAccessBlock")
		}
		b := out.PublicAccessBlockConfiguration
		return []seen{blocks(f.whole(), b.BlockPublicAcls, b.IgnorePublicAcls, b.BlockPublicPolicy, b.RestrictPublicBuckets)}, nil
	},
}

var bucketPublicAccess = &check{
	Control: finding.Control{
		ID: "S3.8", Title: "Buckets block public access", Severity: finding.High,
		Remedy:    "Set all four switches of the bucket's public access block, after a look at whether it is public on purpose.",
		Playbook:  "aws-public-buckets",
		Standards: []string{cis("3.0.0", "2.1.4")},
	},
	scope:       ofRegion,
	permissions: []string{"s3:ListAllMyBuckets", "s3:GetBucketPublicAccessBlock"},
	look: eachBucket(func(ctx context.Context, f *facts, bucket, arn string) (seen, error) {
		out, err := f.c.S3().GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &bucket, ExpectedBucketOwner: &f.account}, patientlyS3)
		if session.Answered(err, "NoSuchPublicAccessBlockConfiguration") {
			return verdict(arn, false, map[string]string{"PublicAccessBlock": "none"}), nil
		}
		if err != nil {
			return seen{}, f.failed(err, "s3:GetBucketPublicAccessBlock")
		}
		b := out.PublicAccessBlockConfiguration
		return blocks(arn, b.BlockPublicAcls, b.IgnorePublicAcls, b.BlockPublicPolicy, b.RestrictPublicBuckets), nil
	}),
}

var bucketTLS = &check{
	Control: finding.Control{
		ID: "S3.5", Title: "Buckets refuse requests without TLS", Severity: finding.Medium,
		Remedy:    "Add a statement to the bucket's policy that denies everybody everything when aws:SecureTransport is false.",
		Standards: []string{cis("3.0.0", "2.1.1")},
	},
	scope:       ofRegion,
	permissions: []string{"s3:ListAllMyBuckets", "s3:GetBucketPolicy"},
	look: eachBucket(func(ctx context.Context, f *facts, bucket, arn string) (seen, error) {
		out, err := f.c.S3().GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket, ExpectedBucketOwner: &f.account}, patientlyS3)
		if session.Answered(err, "NoSuchBucketPolicy") {
			return verdict(arn, false, map[string]string{"policy": "none"}), nil
		}
		if err != nil {
			return seen{}, f.failed(err, "s3:GetBucketPolicy")
		}
		list, err := statements(sdk.ToString(out.Policy))
		if err != nil {
			return seen{resource: arn, status: finding.Error, evidence: map[string]string{"code": "BadPolicy"}}, nil
		}
		ok := slices.ContainsFunc(list, func(s statement) bool { return s.onlyTLS(bucket) })
		return verdict(arn, ok, map[string]string{"denies requests without TLS": strconv.FormatBool(ok)}), nil
	}),
}

// blocks is what the four switches of a public access block say.
func blocks(resource string, acls, ignoreACLs, policy, restrict *bool) seen {
	all, evidence := true, map[string]string{}
	for name, on := range map[string]*bool{
		"BlockPublicAcls": acls, "IgnorePublicAcls": ignoreACLs, "BlockPublicPolicy": policy, "RestrictPublicBuckets": restrict,
	} {
		all = all && sdk.ToBool(on)
		evidence[name] = strconv.FormatBool(sdk.ToBool(on))
	}
	return verdict(resource, all, evidence)
}

// eachBucket looks at every bucket of the region. A bucket whose owner keeps everybody out by its policy
// is an error of that bucket alone.
func eachBucket(look func(_ context.Context, _ *facts, bucket, arn string) (seen, error)) func(context.Context, *facts) ([]seen, error) {
	return func(ctx context.Context, f *facts) ([]seen, error) {
		buckets, err := f.buckets(ctx)
		if err != nil {
			return nil, err
		}
		var out []seen
		for _, b := range buckets {
			name := sdk.ToString(b.Name)
			arn := "arn:aws:s3:::" + name
			one, err := look(ctx, f, name, arn)
			if session.Answered(err, "NoSuchBucket") {
				continue // deleted since they were listed
			}
			if err != nil {
				one, err = f.refused(ctx, arn, err)
			}
			if err != nil {
				return nil, err
			}
			out = append(out, one)
		}
		return out, nil
	}
}

func patientlyS3(o *s3.Options) { o.RetryMaxAttempts = patientAttempts }

// buckets are those of the account that are in the region.
func (f *facts) buckets(ctx context.Context) ([]s3types.Bucket, error) {
	return read(ctx, f, "buckets", func(ctx context.Context) ([]s3types.Bucket, error) {
		var out []s3types.Bucket
		pages := s3.NewListBucketsPaginator(f.c.S3(), &s3.ListBucketsInput{BucketRegion: &f.region, MaxBuckets: sdk.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, patientlyS3)
			if err != nil {
				return nil, f.failed(err, "s3:ListAllMyBuckets")
			}
			out = append(out, page.Buckets...)
		}
		return out, nil
	})
}
