package aws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func bucket(s *standin.State) *standin.Bucket { return region(s).Buckets[standin.SampleBucket] }

func TestGetBucketExposure(t *testing.T) {
	const (
		everyone = "http://acs.amazonaws.com/groups/global/AllUsers"
		anybody  = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
		logs     = "http://acs.amazonaws.com/groups/s3/LogDelivery"
	)
	off := publicAccessBlock{Exists: true}
	for name, tc := range map[string]struct {
		arrange func(*standin.Bucket)
		want    exposureOutput
	}{
		"a public policy": {func(*standin.Bucket) {}, exposureOutput{Public: true, HasPolicy: true, PolicyPublic: true}},
		"a public policy that is restricted": {
			func(b *standin.Bucket) { b.Block = &standin.PublicAccessBlock{RestrictPublicBuckets: true} },
			exposureOutput{HasPolicy: true, PolicyPublic: true, Block: publicAccessBlock{Exists: true, RestrictPublicBuckets: true}},
		},
		"a policy for one account": {
			func(b *standin.Bucket) {
				b.Policy = `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"s3:*","Resource":"*"}]}`
			},
			exposureOutput{HasPolicy: true},
		},
		"nothing":             {func(b *standin.Bucket) { b.Policy = "" }, exposureOutput{}},
		"a block that is off": {func(b *standin.Bucket) { b.Policy, b.Block = "", &standin.PublicAccessBlock{} }, exposureOutput{Block: off}},
		"a public ACL": {
			func(b *standin.Bucket) {
				b.Policy = ""
				b.Grants = []standin.Grant{{Group: logs, Permission: "WRITE"}, {Group: anybody, Permission: "READ_ACP"}, {Group: everyone, Permission: "READ"}, {Account: "somebody", Permission: "READ"}}
			},
			exposureOutput{Public: true, PublicGrants: []bucketGrant{{"everyone", "READ"}, {"any_aws_account", "READ_ACP"}}},
		},
		"a public ACL that is ignored": {
			func(b *standin.Bucket) {
				b.Policy, b.Block = "", &standin.PublicAccessBlock{IgnorePublicAcls: true}
				b.Grants = []standin.Grant{{Group: everyone, Permission: "READ"}}
			},
			exposureOutput{Block: publicAccessBlock{Exists: true, IgnorePublicAcls: true}, PublicGrants: []bucketGrant{{"everyone", "READ"}}},
		},
		"all blocked": {
			func(b *standin.Bucket) {
				b.Block = &standin.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
			},
			exposureOutput{Blocked: true, HasPolicy: true, PolicyPublic: true, Block: everythingBlocked},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(func(s *standin.State) { tc.arrange(bucket(s)) })
			if tc.want.PublicGrants == nil {
				tc.want.PublicGrants = []bucketGrant{}
			}
			require.Equal(t, tc.want, decode[exposureOutput](t, w.run(t, "aws.s3.get_bucket_exposure", bucketJSON)))
		})
	}
}

// A bucket that is not where, or whose, the call says it is, is nothing to try again.
func TestBucketElsewhere(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].Regions["eu-west-1"] = &standin.Region{Buckets: map[string]*standin.Bucket{"example-eu": {}}}
		s.Accounts["444455556666"] = &standin.Account{Regions: map[string]*standin.Region{"us-east-1": {Buckets: map[string]*standin.Bucket{"example-theirs": {}}}}}
	})
	for name, kind := range map[string]string{"example-eu": "PermanentRedirect", "example-theirs": "AccessDenied", "Bad_Name": "InvalidBucketName", "example-none": "NoSuchBucket"} {
		for _, activity := range []string{"aws.s3.get_bucket_exposure", "aws.s3.block_public_access"} {
			_, err := w.attempt(step(t.Context()), t, activity, `{"account":"111122223333","region":"us-east-1","bucket":"`+name+`"}`)
			require.Equal(t, kind, kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent, kind)
		}
	}
	require.Empty(t, w.Mutations())
}

// Undo puts back exactly what was there, which "all off" is not when there was something or nothing.
func TestRestorePublicAccess(t *testing.T) {
	for name, before := range map[string]*standin.PublicAccessBlock{
		"none": nil, "off": {}, "half": {BlockPublicAcls: true, IgnorePublicAcls: true},
		"on": {BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(func(s *standin.State) { bucket(s).Block = before })
			out := w.run(t, "aws.s3.block_public_access", bucketJSON)
			undo, input := w.undo(t, "aws.s3.block_public_access", bucketJSON, out)
			w.run(t, undo, input)
			state := w.State()
			require.Equal(t, before, bucket(&state).Block)
		})
	}
}

// What somebody has decided since is not overwritten.
func TestRestorePublicAccessOfAChangedBucket(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.s3.block_public_access", bucketJSON)
	undo, input := w.undo(t, "aws.s3.block_public_access", bucketJSON, out)
	w.Update(func(s *standin.State) { bucket(s).Block.RestrictPublicBuckets = false })
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "ChangedSince", kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)
	require.Equal(t, []string{"PutPublicAccessBlock"}, w.effects())
}
