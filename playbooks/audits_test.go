package playbooks_test

import (
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/finding/report"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/workflows/playbook"
)

// The audits that ship, as their schedules start them, with the real activities, over HTTP, in the
// sample estate of the stand-in: what they find there is there, and what people agree to is done.
func TestAuditsOfTheSampleEstate(t *testing.T) {
	for name, tc := range map[string]struct {
		verdict string // to a question
		outcome string // a part of it, or of the error that the run ends with
		changes []string
	}{
		"aws-account-audit":       {"", "; accounts: 1", nil},
		"aws-public-buckets":      {"", "1 of 1 public buckets closed", []string{"PutPublicAccessBlock"}},
		"aws-open-admin-ports":    {"", "1 of 1 open security groups closed", []string{"RevokeSecurityGroupIngress"}},
		"aws-cloudtrail-off":      {"", "1 trails stopped, 1 of them started", []string{"StartLogging"}},
		"aws-unencrypted-volumes": {"", "0 volumes are not encrypted", nil},
		"aws-root-use":            {"expected", "the root user was used in", nil},
		"aws-stale-access-keys":   {"", "2 disabled, 0 failed, 0 left", []string{"UpdateAccessKey", "UpdateAccessKey"}},
		"aws-unused-roles":        {"", "1 in quarantine, 0 failed, 0 left", []string{"PutRolePolicy"}},
	} {
		t.Run(name, func(t *testing.T) {
			estate, err := standin.New(standin.Options{})
			require.NoError(t, err)
			web := httptest.NewServer(estate)
			t.Cleanup(web.Close)
			findings, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, findings.Close()) })
			registry := activities.NewRegistry()
			all.Register(registry, all.Options{
				AWS: aws.Options{
					Endpoint:    web.URL,
					Credentials: credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, ""),
				},
				Directory: func() (directory.Directory, error) {
					return directory.Directory{Groups: map[string][]string{"secops-oncall": {responder}}}, nil
				},
				Findings: report.Options{Reader: findings}, Recorder: findings,
			})
			ev := playbook.ScheduledEvent(name, time.Date(2026, time.November, 23, 6, 0, 0, 0, time.UTC))
			require.Contains(t, answer(t, registry, ev, name, tc.verdict), tc.outcome)
			var changes []string
			for _, m := range estate.Mutations() {
				if m.Changed {
					changes = append(changes, m.Action)
				}
			}
			require.Equal(t, tc.changes, changes)
		})
	}
}
