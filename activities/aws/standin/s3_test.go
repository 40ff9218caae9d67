package standin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func s3Client(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

func TestPublicAccessBlock(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx, bucket := s3Client(cfg), t.Context(), aws.String(standin.SampleBucket)
	get := func() (*types.PublicAccessBlockConfiguration, error) {
		out, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket})
		if err != nil {
			return nil, err
		}
		return out.PublicAccessBlockConfiguration, nil
	}
	_, err := get()
	require.Equal(t, "NoSuchPublicAccessBlockConfiguration", code(t, err))

	half := &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true)}
	for range 2 {
		_, err = client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: bucket, PublicAccessBlockConfiguration: half})
		require.NoError(t, err)
	}
	got, err := get()
	require.NoError(t, err)
	require.Equal(t, &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(false), BlockPublicPolicy: aws.Bool(false), RestrictPublicBuckets: aws.Bool(true),
	}, got, "what is left out is off")

	for range 2 {
		_, err = client.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: bucket})
		require.NoError(t, err)
	}
	_, err = get()
	require.Equal(t, "NoSuchPublicAccessBlockConfiguration", code(t, err))
	require.Equal(t, []string{"PutPublicAccessBlock", "DeletePublicAccessBlock"}, changed(s))
	require.Equal(t, map[string]any{"Bucket": standin.SampleBucket, "PublicAccessBlockConfiguration": map[string]any{"BlockPublicAcls": "true", "RestrictPublicBuckets": "true"}},
		s.Mutations()[0].Parameters)
}

func TestBucketPolicyStatus(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx := s3Client(cfg), t.Context()
	for policy, public := range map[string]bool{
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}]}`:                                                true,
		`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject"}]}`:                                        true,
		`{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*"}]}`:                                                         false,
		`{"Statement":[{"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}]}`:              false,
		`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"s3:GetObject"}]}`:           false,
		`{"Statement":[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject"}],"Version":1}`: false,
	} {
		s.Update(func(st *standin.State) {
			st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Buckets[standin.SampleBucket].Policy = policy
		})
		out, err := client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: aws.String(standin.SampleBucket)})
		require.NoError(t, err)
		require.Equal(t, public, *out.PolicyStatus.IsPublic, policy)
	}
}

func TestBucketACL(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	const everyone = "http://acs.amazonaws.com/groups/global/AllUsers"
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Buckets[standin.SampleBucket].Grants = []standin.Grant{{Group: everyone, Permission: "READ"}}
	})
	out, err := s3Client(cfg).GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: aws.String(standin.SampleBucket)})
	require.NoError(t, err)
	require.Len(t, out.Grants, 2)
	require.Equal(t, types.TypeCanonicalUser, out.Grants[0].Grantee.Type)
	require.Equal(t, *out.Owner.ID, *out.Grants[0].Grantee.ID)
	require.Equal(t, types.PermissionFullControl, out.Grants[0].Permission)
	require.Equal(t, types.TypeGroup, out.Grants[1].Grantee.Type)
	require.Equal(t, everyone, *out.Grants[1].Grantee.URI)
	require.Equal(t, types.PermissionRead, out.Grants[1].Permission)
}

func TestS3Errors(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	s.Update(func(st *standin.State) {
		st.Accounts[standin.SampleAccount].Regions["eu-west-1"] = &standin.Region{Buckets: map[string]*standin.Bucket{"example-eu": {}}}
		st.Accounts["444455556666"] = &standin.Account{Regions: map[string]*standin.Region{"us-east-1": {Buckets: map[string]*standin.Bucket{"example-theirs": {}}}}}
		st.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Buckets["example-plain"] = &standin.Bucket{}
	})
	client := s3Client(cfg)
	policy := func(bucket, owner string) func(context.Context) error {
		return func(ctx context.Context) error {
			in := &s3.GetBucketPolicyStatusInput{Bucket: &bucket}
			if owner != "" {
				in.ExpectedBucketOwner = &owner
			}
			_, err := client.GetBucketPolicyStatus(ctx, in)
			return err
		}
	}
	for name, tt := range map[string]struct {
		call func(context.Context) error
		want string
	}{
		"no such bucket":     {policy("example-none", ""), "NoSuchBucket"},
		"odd name":           {policy("Example_", ""), "InvalidBucketName"},
		"no policy":          {policy("example-plain", ""), "NoSuchBucketPolicy"},
		"another region":     {policy("example-eu", ""), "PermanentRedirect"},
		"another account":    {policy("example-theirs", ""), "AccessDenied"},
		"not who it expects": {policy("example-plain", "444455556666"), "AccessDenied"},
		"unknown action": {func(ctx context.Context) error {
			_, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("example-plain")})
			return err
		}, "NotImplemented"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, code(t, tt.call(t.Context())))
		})
	}
	require.Empty(t, s.Mutations(), "what failed is no mutation")
}

// What the SDK does not send.
func TestRawS3Requests(t *testing.T) {
	s, err := standin.New(standin.Options{})
	require.NoError(t, err)
	const block = "/" + standin.SampleBucket + "?publicAccessBlock"
	for name, tt := range map[string]struct {
		path, body, sum string
		want            string
	}{
		"no checksum":     {block, "<PublicAccessBlockConfiguration/>", "", "InvalidRequest"},
		"no XML":          {block, "{}", "x", "MalformedXML"},
		"cut short":       {block, "<PublicAccessBlockConfiguration>", "x", "MalformedXML"},
		"another element": {block, "<Tagging></Tagging>", "x", "MalformedXML"},
		"no boolean":      {block, "<PublicAccessBlockConfiguration><IgnorePublicAcls>perhaps</IgnorePublicAcls></PublicAccessBlockConfiguration>", "x", "MalformedXML"},
		"deep":            {block, strings.Repeat("<a>", 100), "x", "MalformedXML"},
		"an object":       {"/" + standin.SampleBucket + "/key?publicAccessBlock", "<PublicAccessBlockConfiguration/>", "x", "NotImplemented"},
		"bad query":       {"/" + standin.SampleBucket + "?publicAccessBlock&%zz", "", "x", "MalformedXML"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPut, tt.path, strings.NewReader(tt.body))
			r.Header.Set("Authorization", auth(standin.SampleAccessKeyID, "s3"))
			if tt.sum != "" {
				r.Header.Set("Content-MD5", tt.sum)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			require.Contains(t, w.Body.String(), "<Code>"+tt.want+"</Code>")
			require.NotEmpty(t, w.Header().Get("X-Amz-Request-Id"))
		})
	}
	require.Empty(t, s.Mutations())
}
