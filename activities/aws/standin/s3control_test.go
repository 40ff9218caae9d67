package standin_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

// atHost keeps the SDK from putting the account before the host.
type atHost struct{ base string }

func (a atHost) ResolveEndpoint(context.Context, s3control.EndpointParameters) (smithyendpoints.Endpoint, error) {
	at, err := url.Parse(a.base)
	return smithyendpoints.Endpoint{URI: *at}, err
}

func s3controlClient(cfg aws.Config) *s3control.Client {
	return s3control.NewFromConfig(cfg, func(o *s3control.Options) { o.EndpointResolverV2 = atHost{*cfg.BaseEndpoint} })
}

func TestAccountPublicAccessBlock(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client, ctx, account := s3controlClient(cfg), t.Context(), aws.String(standin.SampleAccount)
	get := func() (*types.PublicAccessBlockConfiguration, error) {
		out, err := client.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: account})
		if err != nil {
			return nil, err
		}
		return out.PublicAccessBlockConfiguration, nil
	}
	_, err := get()
	require.Equal(t, "NoSuchPublicAccessBlockConfiguration", code(t, err))
	half := &types.PublicAccessBlockConfiguration{BlockPublicPolicy: aws.Bool(true)}
	for range 2 {
		_, err = client.PutPublicAccessBlock(ctx, &s3control.PutPublicAccessBlockInput{AccountId: account, PublicAccessBlockConfiguration: half})
		require.NoError(t, err)
	}
	got, err := get()
	require.NoError(t, err)
	require.Equal(t, &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(false), IgnorePublicAcls: aws.Bool(false), BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: aws.Bool(false),
	}, got)
	require.Equal(t, "s3control", s.Mutations()[0].Service)
	require.Equal(t, standin.SampleAccount, s.Mutations()[0].Parameters["AccountId"])
	for range 2 {
		_, err = client.DeletePublicAccessBlock(ctx, &s3control.DeletePublicAccessBlockInput{AccountId: account})
		require.NoError(t, err)
	}
	_, err = get()
	require.Equal(t, "NoSuchPublicAccessBlockConfiguration", code(t, err))
	require.Equal(t, []string{"PutPublicAccessBlock", "DeletePublicAccessBlock"}, changed(s))
}

func TestS3ControlErrors(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	client := s3controlClient(cfg)
	_, err := client.GetPublicAccessBlock(t.Context(), &s3control.GetPublicAccessBlockInput{AccountId: aws.String("444455556666")})
	require.Equal(t, "AccessDenied", code(t, err))
	_, err = client.ListAccessPoints(t.Context(), &s3control.ListAccessPointsInput{AccountId: aws.String(standin.SampleAccount)})
	require.Equal(t, "NotImplemented", code(t, err))
	s.Inject(standin.Fault{Service: "s3control", Kind: standin.Throttle, Times: 1})
	_, err = client.GetPublicAccessBlock(t.Context(), &s3control.GetPublicAccessBlockInput{AccountId: aws.String(standin.SampleAccount)})
	require.Equal(t, "SlowDown", code(t, err))

	r := httptest.NewRequest("GET", "/v20180820/configuration/publicAccessBlock", nil)
	r.Header.Set("Authorization", auth(standin.SampleAccessKeyID, "s3"))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), "<Code>InvalidRequest</Code>", "which account?")
}
