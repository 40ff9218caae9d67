package session

import (
	"errors"
	"net/http"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/stretchr/testify/require"
)

type asked struct{ request *http.Request }

func (a *asked) Do(r *http.Request) (*http.Response, error) {
	a.request = r
	return nil, errors.New("nobody there")
}

// The account is before the host where AWS has such names, in the header everywhere, and the
// request is signed for S3.
func TestS3ControlHost(t *testing.T) {
	for name, tc := range map[string]struct{ endpoint, want string }{
		"AWS":             {"", "https://111122223333.s3-control.eu-west-1.amazonaws.com/v20180820/configuration/publicAccessBlock"},
		"VPC endpoint":    {"https://control.vpce-1a2b3c4d.s3.eu-west-1.vpce.amazonaws.com", "https://111122223333.control.vpce-1a2b3c4d.s3.eu-west-1.vpce.amazonaws.com/v20180820/configuration/publicAccessBlock"},
		"address":         {"http://127.0.0.1:4566", "http://127.0.0.1:4566/v20180820/configuration/publicAccessBlock"},
		"another's name":  {"https://aws.example.com/mirror", "https://aws.example.com/mirror/v20180820/configuration/publicAccessBlock"},
		"a name like one": {"https://amazonaws.com.example.com", "https://amazonaws.com.example.com/v20180820/configuration/publicAccessBlock"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &asked{}
			c := &Clients{config: sdk.Config{
				Region: "eu-west-1", HTTPClient: a, Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "x", ""),
				Retryer: func() sdk.Retryer { return sdk.NopRetryer{} },
			}}
			if tc.endpoint != "" {
				c.config.BaseEndpoint = &tc.endpoint
			}
			_, err := c.S3Control().GetPublicAccessBlock(t.Context(), &s3control.GetPublicAccessBlockInput{AccountId: sdk.String("111122223333")})
			require.ErrorContains(t, err, "nobody there")
			require.Equal(t, tc.want, a.request.URL.String())
			require.Equal(t, "111122223333", a.request.Header.Get("X-Amz-Account-Id"))
			require.Contains(t, a.request.Header.Get("Authorization"), "/eu-west-1/s3/aws4_request")
		})
	}
}

func TestS3ControlHostOfTheEnvironment(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
	a := &asked{}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "x", "")))
	require.NoError(t, err)
	cfg.HTTPClient = a
	c := &Clients{config: cfg}
	_, err = c.S3Control().GetPublicAccessBlock(t.Context(), &s3control.GetPublicAccessBlockInput{AccountId: sdk.String("111122223333")})
	require.Error(t, err)
	require.Equal(t, "127.0.0.1:4566", a.request.URL.Host)
}
