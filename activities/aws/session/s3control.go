package session

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// awsHost is a host of AWS itself, which has a name for every account.
var awsHost = regexp.MustCompile(`\.(amazonaws\.(com|com\.cn|eu)|api\.aws)$`)

// oneHost makes a client of S3 Control leave the host of another endpoint as it is. S3 Control is
// asked at a host whose name begins with the account; the SDK puts the account before the name of
// every host, also before that of a stand-in, and 111122223333.127.0.0.1 is nowhere. The account is in
// the header x-amz-account-id anyway. A VPC endpoint is AWS's own and keeps its names.
func oneHost(o *s3control.Options) {
	if o.BaseEndpoint == nil {
		return
	}
	at, err := url.Parse(*o.BaseEndpoint)
	if err != nil || awsHost.MatchString(at.Hostname()) {
		return
	}
	o.EndpointResolverV2 = hostAsItIs{s3control.NewDefaultEndpointResolverV2()}
}

// hostAsItIs takes from the SDK's own answer what belongs to it, as the name to sign for.
type hostAsItIs struct{ s3control.EndpointResolverV2 }

func (r hostAsItIs) ResolveEndpoint(ctx context.Context, p s3control.EndpointParameters) (smithyendpoints.Endpoint, error) {
	at, err := r.EndpointResolverV2.ResolveEndpoint(ctx, p)
	at.URI.Host = strings.TrimPrefix(at.URI.Host, sdk.ToString(p.AccountId)+".")
	return at, err
}
