package playbooks_test

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/activitytest"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/practice"
)

const responder = "alice@example.com"

// The playbooks that ship answer the events that ship, with the real activities, over HTTP, in the
// sample estate of the stand-in: what people are told to try first works.
func TestPlaybooksAnswerTheSampleEstate(t *testing.T) {
	for file, tc := range map[string]struct {
		playbook string
		verdict  string // to a question
		outcome  string // a part of it, or of the error that the run ends with
		changes  []string
	}{
		"guardduty-iam-malicious-ip-caller": {
			"aws-compromised-access-key", "", "contained",
			[]string{"UpdateAccessKey", "AttachUserPolicy", "PutUserPolicy", "ArchiveFindings"},
		},
		"cloudtrail-s3-put-bucket-policy": {
			"aws-public-bucket", "", "closed: the bucket example-payments-exports is blocked", []string{"PutPublicAccessBlock"},
		},
		"cloudtrail-s3-delete-bucket-public-access-block": {
			"aws-public-bucket", "", "DeleteBucketPublicAccessBlock by arn:aws:iam::111122223333:user/ci-deployer", []string{"PutPublicAccessBlock"},
		},
		"securityhub-s3-public-access": {
			"aws-public-bucket", "", "closed: the bucket example-payments-exports is blocked", []string{"PutPublicAccessBlock"},
		},
		"cloudtrail-ec2-authorize-security-group-ingress": {
			"aws-open-security-group", "", "closed: sg-0000000000000000b no longer lets in tcp 22 from 0.0.0.0/0", []string{"RevokeSecurityGroupIngress"},
		},
		"cloudtrail-stop-logging": {
			"aws-cloudtrail-stopped", "", "logging again, and arn:aws:iam::111122223333:user/ci-deployer, which stopped the trail, is contained",
			[]string{"StartLogging", "UpdateAccessKey", "PutUserPolicy"},
		},
		"cloudtrail-console-login-root": {"aws-root-console-login", "hostile", "hostile, says alice@example.com: tried", nil},
		"cloudtrail-console-login-user": {
			"aws-unusual-console-login", "hostile", "contained: billing-admin is denied everything", []string{"AttachUserPolicy", "PutUserPolicy"},
		},
		"schedule-aws-stale-access-keys": {
			"aws-stale-access-keys", "", "2 disabled, 0 failed", []string{"UpdateAccessKey", "UpdateAccessKey"},
		},
	} {
		t.Run(file, func(t *testing.T) {
			estate, err := standin.New(standin.Options{})
			require.NoError(t, err)
			web := httptest.NewServer(estate)
			t.Cleanup(web.Close)
			registry := activities.NewRegistry()
			all.Register(registry, all.Options{
				AWS: aws.Options{
					Endpoint:    web.URL,
					Credentials: credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, ""),
				},
				Directory: func() (directory.Directory, error) {
					return directory.Directory{Groups: map[string][]string{"secops-oncall": {responder}}}, nil
				},
			})
			raw, err := fs.ReadFile(playbooks.Events, "events/"+file+".json")
			require.NoError(t, err)
			ev, err := gateway.Normalise(raw)
			require.NoError(t, err)

			outcome := answer(t, registry, ev, tc.playbook, tc.verdict)
			require.Contains(t, outcome, tc.outcome)
			var changes []string
			for _, m := range estate.Mutations() {
				require.True(t, m.Changed)
				changes = append(changes, m.Action)
			}
			require.Equal(t, tc.changes, changes)
		})
	}
}

// answer runs the playbook that an event starts, with a person who says yes to what is asked.
func answer(t *testing.T, registry *activities.Registry, ev event.Event, want, verdict string) string {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	suite.SetDisableRegistrationAliasing(true)
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute}) // late is not stuck
	registry.Guard(activitytest.NewAllow(t))
	registry.Bind(env)
	desk := practice.New()
	desk.Bind(env)
	workflows.Bind(env)
	var run workflows.Input
	started := 0
	for _, file := range files(t) {
		pb := compile(t, registry, file)
		key, ok, err := pb.Match(ev)
		require.NoError(t, err)
		if pb.Schedule != nil && !ok {
			key, ok = ev.ID, ev.Source == playbook.ScheduleSource && ev.Subject == pb.Name
		}
		if !ok {
			continue
		}
		require.Equal(t, want, strings.TrimSuffix(path.Base(file), ".yaml"))
		started++
		run, err = workflows.NewInput(pb, ev, nil)
		require.NoError(t, err)
		env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.RunID(pb.Name, key), TaskQueue: workflows.TaskQueue})
	}
	require.NotZero(t, started, "nothing answers the event")
	env.SetOnTimerScheduledListener(func(string, time.Duration) {
		env.RegisterDelayedCallback(func() { respond(t, env, desk, verdict) }, time.Second)
	})
	env.ExecuteWorkflow(workflows.RunType, run)
	if err := env.GetWorkflowError(); err != nil {
		return err.Error()
	}
	var result workflows.Report
	require.NoError(t, env.GetWorkflowResult(&result))
	return result.Outcome
}

// respond says yes to whatever is asked now, and gives its verdict to a question.
func respond(t *testing.T, env *testsuite.TestWorkflowEnvironment, desk *practice.Desk, verdict string) {
	t.Helper()
	value, err := env.QueryWorkflow(workflows.StatusQuery)
	if err != nil {
		return // the run has ended
	}
	var s workflows.Status
	if err := value.Get(&s); err != nil {
		return
	}
	for _, request := range s.Asking() {
		yes, err := desk.Vote(request.Request, approval.Vote{Approval: request.ID, Digest: request.Digest, Person: responder, Verdict: approval.Approve})
		require.NoError(t, err)
		env.UpdateWorkflowNoRejection(workflows.DecideUpdate, request.ID, t, yes)
	}
	for _, q := range s.Unanswered() {
		said, err := desk.Answer(q.Question, approval.Answer{Question: q.ID, Digest: q.Digest, Person: responder, Values: map[string]json.RawMessage{
			"verdict": json.RawMessage(strconv.Quote(verdict)), "note": json.RawMessage(`"tried"`),
		}})
		require.NoError(t, err)
		env.UpdateWorkflowNoRejection(workflows.AnswerUpdate, q.ID, t, said)
	}
}
