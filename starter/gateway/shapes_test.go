package gateway_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway"
)

// sample is an event of the library as a test can change it.
func sample(t *testing.T, name string) object {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(library, name+".json"))
	require.NoError(t, err)
	var members map[string]any
	require.NoError(t, json.Unmarshal(raw, &members))
	return objects(members).(object)
}

// objects makes nested maps changeable by path.
func objects(v any) any {
	members, ok := v.(map[string]any)
	if !ok {
		return v
	}
	made := object{}
	for name, member := range members {
		made[name] = objects(member)
	}
	return made
}

func TestTypesOfAWSEvents(t *testing.T) {
	t.Parallel()
	record := object{"eventVersion": "1.11", "eventSource": "s3.amazonaws.com", "eventName": "PutBucketPolicy", "eventID": "e", "awsRegion": "us-east-1", "recipientAccountId": account}
	for name, tc := range map[string]struct {
		source, detailType string
		eventType, says    string
	}{
		"an API call":         {"aws.s3", "AWS API Call via CloudTrail", "aws.cloudtrail.event", ""},
		"a sign-in":           {"aws.signin", "AWS Console Sign In via CloudTrail", "aws.cloudtrail.event", ""},
		"a service by itself": {"aws.kms", "AWS Service Event via CloudTrail", "aws.cloudtrail.event", ""},
		"an action":           {"aws.billingconsole", "AWS Console Action via CloudTrail", "aws.cloudtrail.event", ""},
		"an insight":          {"aws.cloudtrail", "AWS Insight via CloudTrail", "aws.cloudtrail.aws_insight_via_cloudtrail", ""},
		"an impostor":         {"com.example.s3", "AWS API Call via CloudTrail", "com.example.s3.aws_api_call_via_cloudtrail", ""},
		"made of its names":   {"aws.cloudtrail", "Event", "", "the type aws.cloudtrail.event, which is reserved"},
		"a finding by name":   {"aws.securityhub", "Finding", "", "which is reserved"},
		"a custom action":     {"aws.securityhub", "Security Hub Findings - Custom Action", "aws.securityhub.security_hub_findings_custom_action", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.Normalise(health().with("source", tc.source).with("detail-type", tc.detailType).with("detail", record).json(t))
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.eventType, got.Type)
			require.Equal(t, tc.source+"/111122223333/us-east-1", got.Source)
			requireStable(t, got)
		})
	}
}

// One matter is one event, so lists are taken apart.
func TestNormaliseAll(t *testing.T) {
	t.Parallel()
	hub := sample(t, "securityhub-s3-public-access")
	one := hub["detail"].(object)["findings"].([]any)[0]
	two := hub.with("detail", object{"findings": []any{one, one}})
	for name, tc := range map[string]struct {
		in  object
		ids []string
	}{
		"a finding":    {hub, []string{hub["id"].(string)}},
		"two findings": {two, []string{hub["id"].(string) + "/1", hub["id"].(string) + "/2"}},
		"two alerts":   {sample(t, "alertmanager-pod-exec"), []string{"8f2a6c1b9d3e4f70/firing/2026-11-22T17:05:12.446Z", "03b7e9d2c4a15f68/resolved/2026-11-22T16:48:42.446Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := gateway.NormaliseAll(tc.in.json(t))
			require.NoError(t, err)
			var ids []string
			for _, e := range events {
				ids = append(ids, e.ID)
				requireStable(t, e)
			}
			require.Equal(t, tc.ids, ids)
			_, err = gateway.Normalise(tc.in.json(t))
			if len(tc.ids) == 1 {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "read event: there are 2 events in it; want one")
		})
	}
}

// GitHub's kinds of alerts are told by what they hold. The same change sent again is the same event.
func TestGitHub(t *testing.T) {
	t.Parallel()
	secret := sample(t, "github-secret-scanning-alert-created")
	code := sample(t, "github-code-scanning-alert-created")
	for name, tc := range map[string]struct {
		in                     object
		eventType, id, subject string
	}{
		"a secret":       {secret, "github.secret_scanning_alert", "secret_scanning_alert/42/created/2026-11-22T16:20:31Z", "https://github.com/example-payments/ledger/security/secret-scanning/42"},
		"its place":      {secret.with("location", object{"type": "commit"}), "github.secret_scanning_alert_location", "secret_scanning_alert_location/42/created/2026-11-22T16:20:31Z", "https://github.com/example-payments/ledger/security/secret-scanning/42"},
		"never updated":  {secret.with("alert/updated_at", nil).with("alert/html_url", nil).with("alert/created_at", "2026-11-22T16:00:00Z"), "github.secret_scanning_alert", "secret_scanning_alert/42/created/2026-11-22T16:00:00Z", ""},
		"a person acted": {code.with("commit_oid", "x").with("action", "closed_by_user"), "github.code_scanning_alert", "code_scanning_alert/7/closed_by_user/2026-11-22T16:31:50Z/x", "https://github.com/example-payments/ledger/security/code-scanning/7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.Normalise(tc.in.json(t))
			require.NoError(t, err)
			require.Equal(t, []string{tc.eventType, tc.id, tc.subject}, []string{got.Type, got.ID, got.Subject})
			require.Equal(t, "https://github.com/example-payments/ledger", got.Source)
			require.JSONEq(t, string(tc.in.json(t)), string(got.Data))
			requireStable(t, got)
		})
	}
}

func TestNormaliseRefusesContradictions(t *testing.T) {
	t.Parallel()
	trail, hub := sample(t, "cloudtrail-iam-create-access-key"), sample(t, "securityhub-s3-public-access")
	secret, alerts := sample(t, "github-secret-scanning-alert-created"), sample(t, "alertmanager-pod-exec")
	hubFinding := func(path string, value any) object {
		return hub.with("detail", object{"findings": []any{objects(hub["detail"].(object)["findings"].([]any)[0]).(object).with(path, value)}})
	}
	alert := func(path string, value any) object {
		return alerts.with("alerts", []any{objects(alerts["alerts"].([]any)[0]).(object).with(path, value)})
	}
	for name, tc := range map[string]struct {
		in   object
		says string
	}{
		"trail of another region":  {trail.with("detail/awsRegion", "eu-west-1"), `awsRegion is "eu-west-1", and the event comes from us-east-1`},
		"trail of another account": {trail.with("detail/recipientAccountId", member), `recipientAccountId is "444455556666", and the event comes from 111122223333`},
		"trail without an event":   {trail.with("detail", object{"awsRegion": "us-east-1"}), "eventSource is missing; eventName is missing; eventID is missing"},
		"no findings":              {hub.with("detail", object{}), "detail: findings is missing"},
		"empty findings":           {hub.with("detail", object{"findings": []any{}}), "detail: findings is empty"},
		"findings of text":         {hub.with("detail", object{"findings": []any{"x"}}), "detail: it is a string; an object is expected"},
		"finding without an id":    {hubFinding("Id", nil), "detail: Id is missing"},
		"finding of no account":    {hubFinding("AwsAccountId", "x"), `AwsAccountId is "x"; 12 digits are expected`},
		"finding of no product":    {hubFinding("ProductArn", "x"), `ProductArn is "x"; an ARN is expected`},
		"hostile id":               {hubFinding("Id", "\x1b[2J"), "Id holds U+001B, which does not print"},
		"other version":            {alerts.with("version", "3"), `Alertmanager notification: version is "3"; "4" is expected`},
		"no alerts":                {alerts.with("alerts", []any{}), "alerts is empty"},
		"alerts as an object":      {alerts.with("alerts", object{}), "alerts is an object; an array is expected"},
		"nobody's":                 {alerts.with("externalURL", nil), "externalURL is missing"},
		"no fingerprint":           {alert("fingerprint", nil), "alert 1: fingerprint is missing"},
		"other status":             {alert("status", "pending"), `status is "pending"; "firing" or "resolved" is expected`},
		"resolved, not ended":      {alert("status", "resolved").with("alerts", []any{object{"status": "resolved", "fingerprint": "f", "labels": object{}, "startsAt": "2026-11-22T17:05:12Z"}}), "endsAt is missing"},
		"no labels":                {alert("labels", nil), "labels: it is empty; an object is expected"},
		"an alert of text":         {alerts.with("alerts", []any{"x"}), "alert 1: it is a string; an object is expected"},
		"no action":                {secret.with("action", nil), "GitHub webhook: action is missing"},
		"no kind of alert":         {secret.with("alert/secret_type", nil), "alert is of no kind that is read: looked for secret_type, security_advisory, or rule and tool"},
		"no number":                {secret.with("alert/number", nil), "alert.number is missing"},
		"a number of text":         {secret.with("alert/number", "42"), "alert.number is a string; a whole number is expected"},
		"a broken number":          {secret.with("alert/number", 4.5), "alert.number is a number; a whole number is expected"},
		"no repository":            {secret.with("repository", "x"), "repository: it is a string; an object is expected"},
		"an unnamed repository":    {secret.with("repository", object{}), "repository.html_url is missing"},
		"no time":                  {secret.with("alert/updated_at", nil).with("alert/created_at", nil), "alert.created_at is missing"},
		"another webhook":          {object{"action": "opened", "sender": object{}, "issue": object{}}, "it looks like a webhook of GitHub about something else: send it as the data of a CloudEvents event"},
		"CloudEvents, finding of nobody": {
			cloudEvent().with("type", "aws.securityhub.finding").with("source", "aws.health/111122223333/us-east-1"), "are for what AWS services send",
		},
		"CloudEvents, record of nobody": {
			cloudEvent().with("type", "aws.cloudtrail.event").with("source", "com.example/111122223333/us-east-1"), "are for what AWS services send",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := gateway.NormaliseAll(tc.in.json(t))
			require.ErrorContains(t, err, tc.says)
			requirePrintable(t, err)
			require.Empty(t, events)
		})
	}
}
