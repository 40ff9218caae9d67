package standin_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestBucketPolicy(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx, bucket := s3Client(cfg), t.Context(), aws.String(standin.SampleBucket)
	const policy = `{ "Statement": {"Effect": "Deny", "Principal": "*", "NotAction": "s3:Get*", "Resource": "<&>"} }`
	for range 2 {
		_, err := client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(policy)})
		require.NoError(t, err)
	}
	got, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
	require.NoError(t, err)
	require.Equal(t, policy, *got.Policy)
	require.Equal(t, policy, s.Mutations()[0].Parameters["Policy"])
	for range 2 {
		_, err = client.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: bucket})
		require.NoError(t, err)
	}
	_, err = client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
	require.Equal(t, "NoSuchBucketPolicy", code(t, err))
	require.Equal(t, []string{"PutBucketPolicy", "DeleteBucketPolicy"}, changed(s))
}

func TestBucketPolicyIsRefused(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	const public = `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}`
	put := func(policy string) error {
		_, err := s3Client(cfg).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(standin.SampleBucket), Policy: &policy})
		return err
	}
	for policy, want := range map[string]string{
		`no JSON`:         "MalformedPolicy",
		`{}`:              "MalformedPolicy",
		` ` + public:      "MalformedPolicy",
		`{"Statement":7}`: "MalformedPolicy",
		`{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`:                 "MalformedPolicy",
		`{"Statement":[{"Effect":"deny","Principal":"*","Action":"*","Resource":"*"}]}`: "MalformedPolicy",
		`{"Statement":[],"Id":"` + strings.Repeat("x", 20<<10) + `"}`:                   "PolicyTooLarge",
	} {
		require.Equal(t, want, code(t, put(policy)), policy[:min(len(policy), 80)])
	}
	require.NoError(t, put(public))
	block := &standin.PublicAccessBlock{BlockPublicPolicy: true}
	s.Update(func(st *standin.State) { st.Accounts[standin.SampleAccount].PublicAccessBlock = block })
	require.Equal(t, "AccessDenied", code(t, put(public)))
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].PublicAccessBlock = nil
		st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Buckets[standin.SampleBucket].Block = block
	})
	require.Equal(t, "AccessDenied", code(t, put(public)))
}

func TestBucketTagging(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, in := s3Client(cfg), &s3.GetBucketTaggingInput{Bucket: aws.String(standin.SampleBucket)}
	out, err := client.GetBucketTagging(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, out.TagSet, 1)
	require.Equal(t, "owner payments@example.com", *out.TagSet[0].Key+" "+*out.TagSet[0].Value)
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Buckets[standin.SampleBucket].Tags = nil
	})
	_, err = client.GetBucketTagging(t.Context(), in)
	require.Equal(t, "NoSuchTagSet", code(t, err))
}
