package cli_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/starter/cli"
)

// With live reads the plan of a real finding is decided by what AWS says now, and nothing is changed.
func TestPlanReads(t *testing.T) {
	aws, err := standin.New(standin.Options{})
	require.NoError(t, err)
	web := httptest.NewServer(aws)
	defer web.Close()
	t.Setenv("AWS_ENDPOINT_URL", web.URL)
	t.Setenv("AWS_REGION", standin.SampleRegion)
	t.Setenv("AWS_ACCESS_KEY_ID", standin.SampleAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", standin.SampleSecretKey)

	var out, talk bytes.Buffer
	code := cli.Main(context.Background(), []string{"plan", "--live-reads", "--event", "../../playbooks/events/guardduty-iam-malicious-ip-caller.json"}, cli.Streams{Out: &out, Err: &talk})
	require.Zero(t, code, talk.String())
	require.Equal(t, "reading aws.guardduty.get_finding\nreading aws.iam.get_access_key_last_used\n", talk.String())
	require.Regexp(t, `(?m)^will  finding  read  aws.guardduty.get_finding$`, out.String())
	require.Regexp(t, `(?m)^not   stop-\d+  stop$`, out.String(), "the finding is about the key of the event")
	require.Regexp(t, `(?m)^ +will  contain_user  approve$`, out.String())
	require.NotContains(t, out.String(), "depends on steps.finding")
	require.Empty(t, aws.Mutations())
}
