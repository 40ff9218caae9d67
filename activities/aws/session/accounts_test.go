package session_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
)

func TestParseAccounts(t *testing.T) {
	a, err := session.ParseAccounts([]byte(ofOrganization))
	require.NoError(t, err)
	require.Equal(t, session.Roles{Read: "SecOpsRead", Respond: "SecOpsRespond"}, a.Roles)
	require.Equal(t, "aws", a.Partition)

	for name, tt := range map[string]struct{ file, want string }{
		"empty":              {"", "it is empty"},
		"unknown key":        {"organisation: true", "field organisation not found"},
		"neither":            {"external_id: abc", "either organization: true or a list"},
		"both":               {"organization: true\naccounts: [{id: \"111122223333\"}]", "either organization: true or a list"},
		"an account":         {"accounts: [{id: \"1\"}]", "want twelve digits"},
		"an account twice":   {"accounts: [{id: \"111122223333\"}, {id: \"111122223333\"}]", "is there twice"},
		"a canary":           {"accounts: [{id: \"111122223333\"}]\ncanary: [\"444455556666\"]", "none of the accounts"},
		"a hub":              {"organization: true\nhub: CountersignHub", "want the ARN of a role"},
		"another partition":  {"organization: true\nhub: arn:aws:iam::999988887777:role/h\npartition: aws-cn", "not in the partition"},
		"one role":           {"organization: true\nroles: {read: Both, respond: Both}", "what looks must not be able to change"},
		"a role with a path": {"organization: true\nroles: {read: a/b}", "without a path"},
		"an external id":     {"organization: true\nexternal_id: \"a b\"", "external_id"},
		"a tag":              {"organization: true\nprotected: {tags: [\"=x\"]}", "is no tag"},
		"two documents":      {"organization: true\n---\norganization: true", "more follows"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := session.ParseAccounts([]byte(tt.file))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestMembers(t *testing.T) {
	e := newEstate(t, 45, ofOrganization)
	e.Update(func(st *standin.State) { st.Organization.Members[member(7)].State = "PENDING_CLOSURE" })
	s := session.New(e.opts)
	list, err := s.Members(t.Context(), false)
	require.NoError(t, err)
	require.Len(t, list, 45, "44 members and the hub")
	require.Equal(t, "100000000002", list[0].ID, "the canary first")
	require.Equal(t, member(0), list[1].ID)
	require.Equal(t, "workloads/prod", list[0].OU)
	for unit, in := range map[string]bool{"workloads": true, "workloads/prod/": true, "ou-ab12-work": true, "r-ab12": true, "prod": false, "work": false} {
		require.Equal(t, in, list[0].In(unit), unit)
	}
	require.Empty(t, list[0].Tags)

	list, err = s.Members(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"n": "2"}, list[0].Tags)

	// For a while the list is good, and for a longer while better than none.
	asked := e.count("ListRoots")
	e.sleep(4 * time.Minute)
	_, err = s.Members(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, asked, e.count("ListRoots"))
	e.Inject(standin.Fault{Service: "organizations", Kind: standin.Throttle})
	e.sleep(2 * time.Minute)
	_, err = s.Members(t.Context(), false)
	require.NoError(t, err)
	e.sleep(time.Hour)
	_, err = s.Members(t.Context(), false)
	require.ErrorContains(t, err, "list the accounts of the organization")
	e.ClearFaults()

	e.Update(func(st *standin.State) { st.Organization.Members[member(0)].State = "SUSPENDED" })
	_, err = s.Global(t.Context(), member(0))
	require.Equal(t, session.UnknownAccount, kind(t, err))
}

func TestProtected(t *testing.T) {
	e := newEstate(t, 1, ofOrganization+`
protected:
  tags: [data-class=crown-jewels, frozen]
  arns: ["arn:aws:iam::*:role/OrganizationAccountAccessRole", "arn:aws:s3:::audit-*"]
  break_glass: ["break-glass-*"]
`)
	s := session.New(e.opts)
	c, err := s.Global(t.Context(), member(0))
	require.NoError(t, err)
	iam := "arn:aws:iam::" + member(0)
	for arn, why := range map[string]string{
		iam + ":role/SecOpsRead":                            "the worker acts by it",
		iam + ":role/path/SecOpsRespond":                    "a role that the worker acts by",
		hubRole:                                             "the worker's hub",
		"arn:aws:iam::999988887777:role/Worker":             "the worker runs as it",
		iam + ":role/aws-service-role/x.amazonaws.com/ForX": "role of an AWS service",
		iam + ":role/OrganizationAccountAccessRole":         "the accounts file protects",
		"arn:aws:s3:::audit-logs/with/slashes":              "the accounts file protects",
		iam + ":user/ops/break-glass-1":                     "when nothing else works",
		iam + ":role/break-glass-2":                         "when nothing else works",
		iam + ":role/SecOpsReadOther":                       "",
		iam + ":user/bob":                                   "",
		"arn:aws:s3:::my-audit-logs":                        "",
		"arn:aws:ec2:us-east-1:1:instance/break-glass-1":    "",
		"": "",
	} {
		got := s.Protected(c, arn, nil)
		require.Equal(t, why == "", got == "", "%s: %s", arn, got)
		require.Contains(t, got, why)
	}
	for _, tags := range []map[string]string{{"data-class": "crown-jewels"}, {"frozen": ""}, {"secops:protected": "x"}} {
		require.NotEmpty(t, s.Protected(c, "arn:aws:s3:::b", tags), "%v", tags)
	}
	for _, tags := range []map[string]string{{"data-class": "public"}, {"secops:protected": "false"}, {"unfrozen": ""}} {
		require.Empty(t, s.Protected(c, "arn:aws:s3:::b", tags), "%v", tags)
	}
}

// Two hundred accounts in four regions at once: one session for each account, and no more clients than a
// few accounts have.
func TestManyAccounts(t *testing.T) {
	const accounts = 200
	e := newEstate(t, accounts, ofOrganization)
	s := session.New(e.opts)
	ctx := reading(t.Context(), "audit-1")
	var wait sync.WaitGroup
	places := make(chan struct{}, 16)
	errs := make(chan error, accounts*4)
	for i := range accounts {
		for _, region := range []string{"us-east-1", "us-west-2", "eu-west-1", "eu-central-1"} {
			places <- struct{}{}
			wait.Go(func() {
				defer func() { <-places }()
				errs <- look(ctx, s, member(i), region)
			})
		}
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.LessOrEqual(t, e.count("AssumeRole"), accounts+4+1, "one each, and the hub's")
	require.LessOrEqual(t, session.KeptClients(s), 128)
}

func look(ctx context.Context, s *session.Sessions, account, region string) error {
	c, err := s.In(ctx, account, region)
	if err != nil {
		return err
	}
	if c.Account != account || c.Region != region {
		return fmt.Errorf("asked for %s in %s, got %s in %s", account, region, c.Account, c.Region)
	}
	return getUser(ctx, c, "bob")
}
