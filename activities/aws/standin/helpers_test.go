package standin_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

// now is the time in all tests.
var now = time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC)

// start serves a stand-in, and gives a client configuration for it that does not retry.
func start(t *testing.T, opts standin.Options) (*standin.Server, aws.Config) {
	t.Helper()
	if opts.Clock == nil {
		opts.Clock = func() time.Time { return now }
	}
	s, err := standin.New(opts)
	require.NoError(t, err)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, aws.Config{
		Region:       standin.SampleRegion,
		Credentials:  credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, ""),
		BaseEndpoint: aws.String(web.URL),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// code is the API error code of an error.
func code(t *testing.T, err error) string {
	t.Helper()
	var api smithy.APIError
	require.Truef(t, errors.As(err, &api), "no API error: %v", err)
	return api.ErrorCode()
}

func changed(s *standin.Server) []string {
	var out []string
	for _, m := range s.Mutations() {
		if m.Changed {
			out = append(out, m.Action)
		}
	}
	return out
}
