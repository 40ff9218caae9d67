package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/finding"
)

const (
	ourAccount = standin.SampleAccount
	region     = standin.SampleRegion
	whole      = "arn:aws:iam::" + ourAccount + ":root"
)

// asked is when the step of these tests asked for its call.
var asked = time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC)

// TestMain keeps the machine's own AWS settings out of the tests.
func TestMain(m *testing.M) {
	for _, setting := range os.Environ() {
		if key, _, _ := strings.Cut(setting, "="); strings.HasPrefix(key, "AWS_") {
			_ = os.Unsetenv(key)
		}
	}
	_ = os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	_ = os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Exit(m.Run())
}

// kept is a recorder that keeps parts in memory, the last of each place.
type kept struct {
	parts map[string]finding.Part
	fails error
}

func (k *kept) Record(_ context.Context, part finding.Part) error {
	if k.fails != nil {
		return k.fails
	}
	k.parts[part.Account+" "+part.Region] = part
	return nil
}

// world is a stand-in and the activity that looks at it.
type world struct {
	*standin.Server
	s      *service
	kept   *kept
	url    string
	unmade bool // a credential report is being made for ever
	pauses int
}

func newSessions(url string, as sdk.CredentialsProvider) *session.Sessions {
	return session.New(session.Options{
		Endpoint: url, Credentials: as,
		Backoff: retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil }),
	})
}

// newWorld starts with an account in which everything is as it should be.
func newWorld(t *testing.T) *world {
	t.Helper()
	state := standin.Sample()
	good(state.Accounts[ourAccount])
	server, err := standin.New(standin.Options{Seed: state, Clock: func() time.Time { return asked }})
	require.NoError(t, err)
	w := &world{Server: server, kept: &kept{parts: map[string]finding.Part{}}}
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if w.unmade && bytes.Contains(body, []byte("Action=GenerateCredentialReport")) {
			_, _ = io.WriteString(rw, "<GenerateCredentialReportResponse><GenerateCredentialReportResult><State>INPROGRESS</State></GenerateCredentialReportResult></GenerateCredentialReportResponse>")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		server.ServeHTTP(rw, r)
	}))
	t.Cleanup(web.Close)
	w.url = web.URL
	w.s = &service{
		sessions: newSessions(web.URL, credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, "")),
		recorder: w.kept,
		pause:    func(ctx context.Context, _ time.Duration) error { w.pauses++; return ctx.Err() },
	}
	return w
}

// change changes the account and its region behind everyone's back.
func (w *world) change(change func(*standin.Account, *standin.Region)) {
	w.Update(func(s *standin.State) { change(s.Accounts[ourAccount], s.Accounts[ourAccount].Regions[region]) })
}

// attempt looks at some controls, or all, at one attempt of a step.
func (w *world) attempt(t *testing.T, attempt int, where string, ids ...string) ([]finding.Result, checkOutput, error) {
	t.Helper()
	return w.attemptIn(t, ourAccount, attempt, where, ids...)
}

func (w *world) attemptIn(t *testing.T, account string, attempt int, where string, ids ...string) ([]finding.Result, checkOutput, error) {
	t.Helper()
	ctx := activities.WithInfo(t.Context(), activities.Info{Run: "run-1", Step: "look", Attempt: attempt, Scheduled: asked})
	in := checkInput{Audit: "run-1", Playbook: "p", Account: account, Region: where, Controls: ids}
	out, err := w.s.check(activities.WithMemory(ctx, &activities.Memory{}), in)
	if err != nil {
		return nil, out, err
	}
	registry := activities.NewRegistry()
	w.s.register(registry)
	a, ok := registry.Lookup("aws.audit.check")
	require.True(t, ok)
	// A playbook writes every field, also an empty region for the account as a whole.
	raw := fmt.Appendf(nil, `{"audit":%q,"playbook":%q,"account":%q,"region":%q}`, in.Audit, in.Playbook, in.Account, in.Region)
	require.NoError(t, a.Input.Validate(raw))
	raw, err = json.Marshal(out)
	require.NoError(t, err)
	require.NoError(t, a.Output.Validate(raw))
	return w.kept.parts[account+" "+where].Results, out, nil
}

// look looks at one control, where it looks.
func (w *world) look(t *testing.T, c *check) []finding.Result {
	t.Helper()
	return w.lookIn(t, ourAccount, c)
}

func (w *world) lookIn(t *testing.T, account string, c *check) []finding.Result {
	t.Helper()
	results, _, err := w.attemptIn(t, account, 1, place(c), c.ID)
	require.NoError(t, err)
	return results
}

func place(c *check) string {
	if c.scope == ofRegion {
		return region
	}
	return ""
}

// told are results in short: what of whom.
func told(results []finding.Result) []string {
	var out []string
	for _, r := range results {
		out = append(out, string(r.Status)+" "+strings.TrimPrefix(r.Resource, "arn:aws:"))
	}
	return out
}

func statuses(results []finding.Result) []finding.Status {
	var out []finding.Status
	for _, r := range results {
		out = append(out, r.Status)
	}
	return out
}

func evidence(t *testing.T, r finding.Result) string {
	t.Helper()
	raw, err := json.Marshal(r.Evidence)
	require.NoError(t, err)
	return string(raw)
}

// ago is some days before the step asked.
func ago(days int) time.Time { return asked.AddDate(0, 0, -days) }

func lately() *time.Time {
	at := ago(3)
	return &at
}

// readOnly is a policy that allows little.
const readOnly = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}`

// everything is a policy that allows everything on everything.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["*"],"Resource":"*"}]}`

func onlyTLS(bucket string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",`+
		`"Resource":["arn:aws:s3:::%[1]s","arn:aws:s3:::%[1]s/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, bucket)
}

// good makes everything that the controls look at as it should be, with something for each to look at.
func good(a *standin.Account) {
	block := &standin.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
	a.Contacts = map[string]*standin.Contact{"SECURITY": {Name: "Security", Title: "on call", Email: "security@example.com", Phone: "+1 555 0100"}}
	a.PublicAccessBlock = block
	a.IAM = standin.IAM{
		Root: standin.Root{MFA: true, Created: ago(900)},
		Users: map[string]*standin.User{
			"ada": {
				ID: "AIDA1", Created: ago(400), HardwareMFA: true, Groups: []string{"readers"},
				Login: &standin.LoginProfile{Created: ago(300), LastUsed: lately()},
			},
			"exporter": {ID: "AIDA2", Created: ago(400), AccessKeys: map[string]*standin.AccessKey{
				"AKIAEXPORTEREXPORT01": {Status: "Active", Created: ago(20), LastUsed: &standin.LastUsed{Time: ago(1), Service: "s3", Region: region}},
			}},
		},
		Groups:    map[string]*standin.Group{"readers": {ID: "AGPA1", Created: ago(400), Inline: map[string]string{"read": readOnly}}},
		Managed:   map[string]*standin.ManagedPolicy{"reading": {ID: "ANPA1", Created: ago(400), Document: readOnly}},
		Roles:     map[string]*standin.Role{"web": {ID: "AROA1", Created: ago(400), Inline: map[string]string{"read": readOnly}, LastUsed: &standin.LastUsed{Time: ago(2)}}},
		Passwords: &standin.PasswordPolicy{Length: 14, Reuse: 24},
	}
	r := a.Regions[region]
	r.VPCs = map[string]*standin.VPC{"vpc-0000000000000000a": {CIDR: "10.0.0.0/16"}}
	r.FlowLogs = map[string]*standin.FlowLog{"fl-0000000000000000a": {Resource: "vpc-0000000000000000a", Traffic: "ALL", Created: ago(100)}}
	ssh := 22
	r.SecurityGroups = map[string]*standin.SecurityGroup{
		"sg-0000000000000000a": {Name: "default", VPC: "vpc-0000000000000000a"},
		"sg-0000000000000000b": {Name: "admin", VPC: "vpc-0000000000000000a", Ingress: []standin.Rule{{ID: "sgr-1", Protocol: "tcp", From: &ssh, To: &ssh, CIDR: "203.0.113.0/24"}}},
	}
	web := 443
	r.NetworkACLs = map[string]*standin.NetworkACL{"acl-0000000000000000a": {VPC: "vpc-0000000000000000a", Entries: []standin.ACLEntry{
		{Number: 100, Action: "allow", Protocol: "6", CIDR: "0.0.0.0/0", From: &web, To: &web},
		{Number: 100, Egress: true, Action: "allow", Protocol: "-1", CIDR: "0.0.0.0/0"},
	}}}
	r.NetworkInterfaces = nil
	r.Instances = map[string]*standin.Instance{"i-0000000000000000a": {
		State: "running", Type: "m7g.large", Tokens: "required", Devices: []standin.Device{{Name: "/dev/xvda", Volume: "vol-0000000000000000a"}},
	}}
	r.Volumes = map[string]*standin.Volume{"vol-0000000000000000a": {Size: 8, Encrypted: true}}
	r.EBSEncryption = true
	r.Snapshots = map[string]*standin.Snapshot{"snap-0000000000000000a": {Volume: "vol-0000000000000000a", State: "completed", Progress: "100%"}}
	r.Images = map[string]*standin.Image{"ami-0000000000000000a": {Name: "web", State: "available"}}
	r.DBInstances = map[string]*standin.DBInstance{"orders": {Engine: "postgres", Status: "available", Encrypted: true}}
	r.Keys = map[string]*standin.Key{"1234abcd-12ab-34cd-56ef-00000000000a": {Created: ago(300), Rotated: true}}
	r.Hub = &standin.Hub{Subscribed: ago(300)}
	r.Detectors = map[string]*standin.Detector{standin.SampleDetector: {}}
	r.Analyzers = map[string]*standin.Analyzer{"outside": {Type: "ACCOUNT", Status: "ACTIVE", Created: ago(300)}}
	r.Recorders = map[string]*standin.Recorder{"default": {Role: "arn:aws:iam::" + ourAccount + ":role/config", Recording: true}}
	r.Buckets = map[string]*standin.Bucket{"example-good": {Created: ago(300), Block: block, Policy: onlyTLS("example-good")}}
	r.Trails = map[string]*standin.Trail{"all": {Bucket: "example-logs", MultiRegion: true, Validated: true, Logging: true, Key: "arn:aws:kms:us-east-1:" + ourAccount + ":key/k"}}
}

// of finds a control.
func of(t *testing.T, id string) *check {
	t.Helper()
	at := slices.IndexFunc(all, func(c *check) bool { return c.ID == id })
	require.GreaterOrEqual(t, at, 0, id)
	return all[at]
}
