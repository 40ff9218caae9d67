package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
)

const (
	hubAccount = "999988887777"
	workerKey  = "AKIAIOSFODNN7WORKERX"
	hubRole    = "arn:aws:iam::999988887777:role/security/CountersignHub"
)

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

// estate is an organization of a hub and some members, each with the two roles.
type estate struct {
	*standin.Server
	opts session.Options
	mu   sync.Mutex
	now  time.Time
}

func (e *estate) clock() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *estate) sleep(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = e.now.Add(d)
}

func member(n int) string { return fmt.Sprintf("1000000%05d", n) }

const everything = `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func newEstate(t *testing.T, members int, file string) *estate {
	t.Helper()
	st := &standin.State{
		Callers: map[string]standin.Caller{workerKey: {Account: hubAccount, ARN: "arn:aws:iam::" + hubAccount + ":role/Worker", UserID: "AROAWORKER:w"}},
		Accounts: map[string]*standin.Account{hubAccount: {IAM: standin.IAM{Roles: map[string]*standin.Role{"CountersignHub": {
			ID: "AROAHUB", Path: "/security/", Inline: map[string]string{"hub": everything},
			Trust: `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:role/Worker"},"Action":"sts:AssumeRole"}}`,
		}}}}},
		Organization: &standin.Organization{
			ID: "o-exampleorgid", Management: hubAccount, Root: "r-ab12",
			Units:   map[string]*standin.Unit{"ou-ab12-work": {Name: "workloads", Parent: "r-ab12"}, "ou-ab12-prod": {Name: "prod", Parent: "ou-ab12-work"}},
			Members: map[string]*standin.Member{hubAccount: {Name: "security", Parent: "r-ab12"}},
		},
	}
	for i := range members {
		id := member(i)
		st.Accounts[id] = &standin.Account{IAM: standin.IAM{
			Users: map[string]*standin.User{"bob": {ID: "AIDABOB"}, "eve": {ID: "AIDAEVE"}},
			Roles: map[string]*standin.Role{},
		}}
		for _, name := range []string{"SecOpsRead", "SecOpsRespond"} {
			st.Accounts[id].IAM.Roles[name] = &standin.Role{
				ID: "AROA" + strings.ToUpper(name), Inline: map[string]string{"all": everything},
				Trust: `{"Statement":{"Effect":"Allow","Principal":{"AWS":"` + hubRole + `"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],
					"Condition":{"StringEquals":{"sts:ExternalId":"c0unters1gn","aws:PrincipalOrgID":"o-exampleorgid"}}}}`,
			}
		}
		st.Organization.Members[id] = &standin.Member{Name: fmt.Sprint("member-", i), Parent: "ou-ab12-prod", Tags: map[string]string{"n": fmt.Sprint(i)}}
	}
	e := &estate{now: time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC)}
	var err error
	e.Server, err = standin.New(standin.Options{Seed: st, Clock: e.clock})
	require.NoError(t, err)
	web := httptest.NewServer(e.Server)
	t.Cleanup(web.Close)
	e.opts = session.Options{
		Endpoint: web.URL, Credentials: credentials.NewStaticCredentialsProvider(workerKey, standin.SampleSecretKey, ""), Clock: e.clock,
		Backoff: retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil }),
	}
	e.opts.Accounts, err = session.ParseAccounts([]byte(file))
	require.NoError(t, err)
	return e
}

const ofOrganization = "hub: " + hubRole + "\nexternal_id: c0unters1gn\norganization: true\ncanary: [\"100000000002\"]\n"

// count is how often an action was called.
func (e *estate) count(action string) int {
	n := 0
	for _, c := range e.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

func reading(ctx context.Context, run string) context.Context {
	return activities.WithInfo(ctx, activities.Info{Run: run, Step: "look"})
}

// acting is the context of an effect on a user.
func acting(ctx context.Context, user string, by ...string) context.Context {
	return activities.WithActing(ctx, activities.Acting{
		Spec: activities.Spec{
			Name: "aws.iam.tag", Effect: activities.Change, Permissions: []string{"iam:GetUser", "iam:PutUserPolicy"},
			Scopes: map[string][]string{"iam:GetUser": {"arn:aws:iam::{account}:user/{user}"}, "iam:PutUserPolicy": {"arn:aws:iam::{account}:user/{user}"}},
		},
		Input: json.RawMessage(`{"account":"` + member(0) + `","user":"` + user + `"}`),
		Run:   "aws-key/one two", Step: "contain.disable", Approval: "contain", By: by,
	})
}

func getUser(ctx context.Context, c *session.Clients, user string) error {
	_, err := c.IAM().GetUser(ctx, &iam.GetUserInput{UserName: &user})
	return err
}

func put(ctx context.Context, c *session.Clients, user string) error {
	_, err := c.IAM().PutUserPolicy(session.Cleared(ctx), &iam.PutUserPolicyInput{
		UserName: &user, PolicyName: aws.String("p"), PolicyDocument: aws.String(everything[:len(everything)-1] + `,"Version":"2012-10-17"}`),
	})
	return err
}

// What looks has the reading role; an effect has the other, cut to it, in the name of who approved it.
func TestRoles(t *testing.T) {
	e := newEstate(t, 3, ofOrganization)
	s := session.New(e.opts)
	ctx := reading(t.Context(), "run-1")
	c, err := s.Global(ctx, member(0))
	require.NoError(t, err)
	require.Equal(t, "arn:aws:iam::"+member(0)+":role/SecOpsRead", c.Principal)
	require.NoError(t, getUser(ctx, c, "bob"))

	ctx = acting(t.Context(), "bob", "alice@example.com", "carol@example.com")
	c, err = s.Global(ctx, member(0))
	require.NoError(t, err)
	require.Equal(t, "arn:aws:sts::"+member(0)+":assumed-role/SecOpsRespond/aws-key-one-two", c.ARN)
	require.NoError(t, put(ctx, c, "bob"))
	require.True(t, session.Answered(put(ctx, c, "eve"), "AccessDenied"), "the role may, and this call may not")
	_, err = c.IAM().ListUsers(ctx, nil)
	require.True(t, session.Answered(err, "AccessDenied"))

	m := e.Mutations()[0]
	require.Equal(t, "alice@example.com", m.SourceIdentity)
	require.Equal(t, c.ARN, m.Caller)
	var found int
	for _, one := range e.Sessions() {
		if !strings.HasSuffix(one.Role, "/SecOpsRespond") {
			continue
		}
		found++
		require.Equal(t, map[string]string{"case": "aws-key/one two", "step": "contain.disable", "approval": "contain"}, one.Tags)
		require.Equal(t, 15*time.Minute, one.Ends.Sub(e.now))
	}
	require.Equal(t, 1, found)

	// Nobody approved it: it says that.
	ctx = acting(t.Context(), "eve")
	c, err = s.Global(ctx, member(0))
	require.NoError(t, err)
	require.NoError(t, put(ctx, c, "eve"))
	require.Equal(t, "countersign", e.Mutations()[1].SourceIdentity)
}

func TestUnknownAccount(t *testing.T) {
	for name, file := range map[string]string{
		"organization": ofOrganization,
		"file":         "hub: " + hubRole + "\nexternal_id: c0unters1gn\naccounts: [{id: \"" + member(1) + "\"}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t, 2, file)
			e.Update(func(st *standin.State) { st.Organization.Members[member(0)].State = "SUSPENDED" })
			s := session.New(e.opts)
			for _, id := range []string{member(0), "123456789012"} {
				_, err := s.Global(t.Context(), id)
				require.Equal(t, session.UnknownAccount, kind(t, err), id)
				require.True(t, session.Permanent(err))
			}
			_, err := s.Global(t.Context(), member(1))
			require.NoError(t, err)
			_, err = s.In(t.Context(), member(1), "eu-west-1.evil.example")
			require.Equal(t, "BadInput", kind(t, err))
		})
	}
}

func TestInputThatWouldWiden(t *testing.T) {
	e := newEstate(t, 1, ofOrganization)
	_, err := session.New(e.opts).Global(acting(t.Context(), "*"), member(0))
	require.Equal(t, "BadInput", kind(t, err))
	require.Zero(t, e.count("AssumeRole")-1, "the hub's alone")
}

// Credentials are shared by the calls of a run, and got anew before they end.
func TestSessionsAreKept(t *testing.T) {
	e := newEstate(t, 1, ofOrganization)
	s := session.New(e.opts)
	ctx := reading(t.Context(), "run-1")
	look := func() {
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			c, err := s.In(ctx, member(0), region)
			require.NoError(t, err)
			require.NoError(t, getUser(ctx, c, "bob"))
		}
	}
	look()
	look()
	asked := e.count("AssumeRole")
	require.Equal(t, 1, e.count("GetCallerIdentity"))
	e.sleep(11 * time.Minute)
	look()
	require.Equal(t, asked, e.count("AssumeRole"))
	e.sleep(2 * time.Minute)
	look()
	require.Greater(t, e.count("AssumeRole"), asked)
	require.NotContains(t, codes(e), "ExpiredToken")
}

// Credentials that are refused as expired are got anew, once.
func TestExpired(t *testing.T) {
	e := newEstate(t, 1, ofOrganization)
	s := session.New(e.opts)
	ctx := reading(t.Context(), "run-1")
	c, err := s.Global(ctx, member(0))
	require.NoError(t, err)
	asked := e.count("AssumeRole")
	e.Inject(standin.Fault{Service: "iam", Kind: standin.Expired, Times: 1})
	require.NoError(t, getUser(ctx, c, "bob"))
	require.Equal(t, asked+1, e.count("AssumeRole"))

	e.Inject(standin.Fault{Service: "iam", Kind: standin.Expired})
	err = session.Failed(getUser(ctx, c, "bob"), "look")
	require.Equal(t, "ExpiredToken", kind(t, err))
	require.False(t, session.Permanent(err))
	require.Equal(t, asked+2, e.count("AssumeRole"), "once")
}

func TestRoleThatCannotBeTaken(t *testing.T) {
	e := newEstate(t, 1, ofOrganization)
	e.Update(func(st *standin.State) { st.Accounts[member(0)].IAM.Roles["SecOpsRead"].Trust = `{"Statement":[]}` })
	_, err := session.New(e.opts).Global(t.Context(), member(0))
	require.Equal(t, "AccessDenied", kind(t, err))
	require.ErrorContains(t, err, "take the role arn:aws:iam::"+member(0)+":role/SecOpsRead")
	e.Inject(standin.Fault{Service: "sts", Action: "AssumeRole", Kind: standin.ServerError})
	_, err = session.New(e.opts).Global(t.Context(), member(0))
	require.False(t, session.Permanent(err))
}

func kind(t *testing.T, err error) string {
	t.Helper()
	var e *activities.Error
	require.ErrorAs(t, err, &e)
	return e.Kind
}

func codes(e *estate) []string {
	var out []string
	for _, c := range e.Calls() {
		out = append(out, c.Code)
	}
	return out
}
