package standin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func disable(t *testing.T, cfg aws.Config, status iamtypes.StatusType) error {
	t.Helper()
	_, err := iam.NewFromConfig(cfg).UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{
		UserName: aws.String(standin.SampleUser), AccessKeyId: aws.String(standin.SampleUserAccessKey), Status: status,
	})
	return err
}

func TestStateSurvives(t *testing.T) {
	file := filepath.Join(t.TempDir(), "aws.json")
	first, cfg := start(t, standin.Options{File: file})
	info, err := os.Stat(file)
	require.NoError(t, err, "the first start writes the seed")
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	// Killed in the middle of a call: the effect is on disk though nobody was told.
	first.Inject(standin.Fault{Kind: standin.TimeoutAfterEffect, Times: 1})
	require.Error(t, disable(t, cfg, "Inactive"))
	second, cfg := start(t, standin.Options{File: file, Seed: &standin.State{}})
	require.Empty(t, cmp.Diff(first.State(), second.State()), "the file wins over the seed")
	require.Empty(t, cmp.Diff(first.Mutations(), second.Mutations()))
	require.Empty(t, second.Calls())

	require.NoError(t, disable(t, cfg, "Inactive"))
	require.Equal(t, 2, second.Mutations()[1].Seq)
	third, _ := start(t, standin.Options{File: file})
	require.Len(t, third.Mutations(), 2)
	left, err := filepath.Glob(file + ".*")
	require.NoError(t, err)
	require.Empty(t, left, "no temporary files stay")
}

func TestStateThatCannotBeKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(dir, 0o700))
	s, cfg := start(t, standin.Options{File: filepath.Join(dir, "aws.json")})
	require.NoError(t, os.RemoveAll(dir))
	require.Equal(t, "ServiceFailure", code(t, disable(t, cfg, "Inactive")))
	require.Empty(t, s.Mutations())
	require.Equal(t, "Active", s.State().Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser].AccessKeys[standin.SampleUserAccessKey].Status)
	require.Panics(t, func() { s.Update(func(*standin.State) {}) })
}

func TestBadFiles(t *testing.T) {
	for name, tt := range map[string]struct{ content, want string }{
		"empty":          {"", "EOF"},
		"cut short":      {`{"version":1,"state":{"accounts":`, "unexpected EOF"},
		"of another age": {`{"version":2,"state":{"accounts":{}}}`, "layout version is 2, this program reads 1"},
		"unknown key":    {`{"version":1,"stat":{}}`, `unknown field "stat"`},
		"no state":       {`{"version":1}`, "no state"},
		"more":           {`{"version":1,"state":{"accounts":{}}} {}`, "more follows"},
		"null entries":   {`{"version":1,"state":{"accounts":{"1":null,"2":{"iam":{"users":{"u":null}}}}}}`, `account "1" is null`},
		"no account":     {`{"version":1,"state":{"callers":{"AKIA":{"account":"3"}},"accounts":{}}}`, `caller AKIA: no account "3"`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "aws.json")
			require.NoError(t, os.WriteFile(file, []byte(tt.content), 0o600))
			_, err := standin.New(standin.Options{File: file})
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, file)
		})
	}
}

func TestSeed(t *testing.T) {
	_, err := standin.New(standin.Options{Seed: &standin.State{Accounts: map[string]*standin.Account{"1": nil}}})
	require.ErrorContains(t, err, `account "1" is null`)

	seed := standin.Sample()
	s, err := standin.New(standin.Options{Seed: seed})
	require.NoError(t, err)
	seed.Accounts[standin.SampleAccount].Alias = "changed later"
	require.Equal(t, "example-workloads", s.State().Accounts[standin.SampleAccount].Alias)
	s.State().Accounts[standin.SampleAccount].Alias = "a copy"
	require.Equal(t, "example-workloads", s.State().Accounts[standin.SampleAccount].Alias)
	_, err = standin.New(standin.Options{Seed: &standin.State{}})
	require.NoError(t, err)
}

func auth(key, service string) string {
	return "AWS4-HMAC-SHA256 Credential=" + key + "/20261123/us-east-1/" + service + "/aws4_request, SignedHeaders=host, Signature=00"
}

func TestRawRequests(t *testing.T) {
	s, err := standin.New(standin.Options{})
	require.NoError(t, err)
	ours := standin.SampleAccessKeyID
	const identity = "Action=GetCallerIdentity&Version=2011-06-15"
	for name, tt := range map[string]struct {
		method, path, auth, target, body string
		status                           int
		want                             []string
	}{
		"no signature":        {body: identity, status: 403, want: []string{"<ErrorResponse xmlns=", "<Code>MissingAuthenticationToken</Code>"}},
		"no signature, REST":  {method: "GET", path: "/detector", status: 403, want: []string{`"MissingAuthenticationTokenException"`}},
		"no signature, JSON":  {target: "CloudTrail_20131101.LookupEvents", status: 400, want: []string{`"MissingAuthenticationTokenException"`}},
		"another signature":   {auth: "Basic xyz", body: identity, status: 400, want: []string{"IncompleteSignature"}},
		"unknown key":         {auth: auth("AKIANOBODYNOBODY", "sts"), body: identity, status: 403, want: []string{"<Type>Sender</Type><Code>InvalidClientTokenId</Code>"}},
		"unknown key, EC2":    {auth: auth("AKIANOBODYNOBODY", "ec2"), body: "Action=DescribeInstances&Version=2016-11-15", status: 401, want: []string{"<Response><Errors><Error><Code>AuthFailure</Code>", "<RequestID>"}},
		"unknown key, JSON":   {auth: auth("AKIANOBODYNOBODY", "cloudtrail"), target: "CloudTrail_20131101.LookupEvents", status: 400, want: []string{`"UnrecognizedClientException"`}},
		"disabled key":        {auth: auth(standin.SampleInactiveAccessKey, "sts"), body: identity, status: 403, want: []string{"InvalidClientTokenId"}},
		"unknown service":     {auth: auth(ours, "sqs"), status: 400, want: []string{"cloudtrail, ", "ec2, ", "sts"}},
		"identity":            {auth: auth(ours, "sts"), body: identity, status: 200, want: []string{`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>`, "<ResponseMetadata><RequestId>"}},
		"in the URL":          {method: "GET", path: "/?" + identity, auth: auth(ours, "sts"), status: 200, want: []string{"<Account>111122223333</Account>"}},
		"old version":         {auth: auth(ours, "sts"), body: "Action=GetCallerIdentity&Version=2000-01-01", status: 400, want: []string{"InvalidAction"}},
		"no action":           {auth: auth(ours, "iam"), body: "Version=2010-05-08", status: 400, want: []string{"InvalidAction"}},
		"markup in a name":    {auth: auth(ours, "iam"), body: "Version=2010-05-08&Action=%3Cb%3E%00", status: 400, want: []string{"&lt;b&gt;"}},
		"bad form":            {auth: auth(ours, "iam"), body: "Version=%zz", status: 400, want: []string{"MalformedInput"}},
		"deep form":           {auth: auth(ours, "iam"), body: strings.Repeat("a.", 100) + "a=1", status: 400, want: []string{"MalformedInput"}},
		"long body":           {auth: auth(ours, "iam"), body: strings.Repeat("a", 1<<20+1), status: 413, want: []string{"RequestEntityTooLarge"}},
		"long target":         {auth: auth(ours, "cloudtrail"), target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", body: `{"MaxResults":1}`, status: 200, want: []string{`"EventTime":1795`}},
		"another target":      {auth: auth(ours, "cloudtrail"), target: "Logs.LookupEvents", body: `{}`, status: 400, want: []string{"UnknownOperationException"}},
		"body is no object":   {auth: auth(ours, "cloudtrail"), target: "CloudTrail_20131101.LookupEvents", body: `[]`, status: 400, want: []string{"SerializationException"}},
		"body has wrong type": {auth: auth(ours, "cloudtrail"), target: "CloudTrail_20131101.LookupEvents", body: `{"MaxResults":"x"}`, status: 400, want: []string{"SerializationException"}},
		"empty list":          {auth: auth(ours, "guardduty"), method: "POST", path: "/detector/" + standin.SampleDetector + "/findings", body: `{"findingCriteria":{"criterion":{"id":{"eq":["x"]}}}}`, status: 200, want: []string{`"findingIds":[]`}},
		"unknown path":        {auth: auth(ours, "guardduty"), method: "DELETE", path: "/detector", status: 400, want: []string{"UnknownOperationException"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.method == "" {
				tt.method = http.MethodPost
			}
			if tt.path == "" {
				tt.path = "/"
			}
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			r.Header.Set("Authorization", tt.auth)
			if tt.auth == "" {
				r.Header.Del("Authorization")
			}
			if tt.target != "" {
				r.Header.Set("X-Amz-Target", tt.target)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			require.Equal(t, tt.status, w.Code, w.Body.String())
			require.NotEmpty(t, w.Header().Get("X-Amzn-RequestId"))
			for _, want := range tt.want {
				require.Contains(t, w.Body.String(), want)
			}
		})
	}
	for _, call := range s.Calls() {
		require.LessOrEqual(t, len(call.Action), 128)
	}
}

func TestConcurrentCalls(t *testing.T) {
	s, cfg := start(t, standin.Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 10 {
				status := []iamtypes.StatusType{"Inactive", "Active"}[i%2]
				if err := disable(t, cfg, status); err != nil {
					t.Error(err)
				}
				_, _ = s.State(), s.Mutations()
			}
		})
	}
	wg.Wait()
	require.Len(t, s.Mutations(), 80)
	require.Len(t, s.Calls(), 80)
	for i, m := range s.Mutations() {
		require.Equal(t, i+1, m.Seq)
	}
}

func TestCallsAreBounded(t *testing.T) {
	s, err := standin.New(standin.Options{})
	require.NoError(t, err)
	for i := range 10_010 {
		r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		service := "sts"
		if i < 10 {
			service = "iam"
		}
		r.Header.Set("Authorization", auth("AKIANOBODYNOBODY", service))
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	calls := s.Calls()
	require.Len(t, calls, 10_000)
	require.Equal(t, "sts", calls[0].Service, "the oldest are gone")
}

func FuzzRequest(f *testing.F) {
	const form = "application/x-www-form-urlencoded"
	ours := standin.SampleAccessKeyID
	f.Add("POST", "/", auth(ours, "iam"), "", []byte("Action=UpdateAccessKey&Version=2010-05-08&UserName=ci-deployer&AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=Inactive"))
	f.Add("POST", "/", auth(ours, "iam"), "", []byte("Action=PutRolePolicy&Version=2010-05-08&RoleName=web-server-role&PolicyName=p&PolicyDocument=%7B%22Statement%22%3A%5Bnull%5D%7D"))
	f.Add("POST", "/", auth(ours, "ec2"), "", []byte("Action=AuthorizeSecurityGroupIngress&Version=2016-11-15&GroupId=sg-0000000000000000a&IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8"))
	f.Add("POST", "/", auth(ours, "ec2"), "", []byte("Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag:Name&Filter.1.Value.1=*a*%5C"))
	f.Add("POST", "/", auth(ours, "ec2"), "", []byte("Action=DescribeTags&Version=2016-11-15&.1=x&Filter.member.1.Name=key"))
	f.Add("POST", "/", auth(ours, "ec2"), "", []byte("Action=CreateSnapshots&Version=2016-11-15&InstanceSpecification.InstanceId=i-0abc123def4567890&TagSpecification.1.ResourceType=snapshot"))
	f.Add("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", auth(ours, "sts"), "", []byte{})
	f.Add("POST", "/detector/"+standin.SampleDetector+"/findings", auth(ours, "guardduty"), "", []byte(`{"findingCriteria":{"criterion":{"severity":{"gte":4}}},"sortCriteria":{"attributeName":"severity"}}`))
	f.Add("POST", "/detector/%2f/findings/archive", auth(ours, "guardduty"), "", []byte(`{"findingIds":["x"]}`))
	f.Add("POST", "/", auth(ours, "cloudtrail"), "CloudTrail_20131101.LookupEvents", []byte(`{"StartTime":1e300,"LookupAttributes":[{}]}`))
	f.Add("PUT", "/example-payments-exports?publicAccessBlock", auth(ours, "s3"), "", []byte("<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"))
	f.Add("POST", "/", auth(ours, "cloudtrail"), "CloudTrail_20131101.StartLogging", []byte(`{"Name":"arn:aws:cloudtrail:::trail/x"}`))
	f.Add("POST", "/", "", "", []byte("\x00\xff"))
	f.Fuzz(func(t *testing.T, method, path, authorization, target string, body []byte) {
		r, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader(string(body)))
		if err != nil || r.URL.Host != "localhost" {
			return
		}
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", form)
		r.Header.Set("Content-MD5", "x")
		s, err := standin.New(standin.Options{})
		require.NoError(t, err)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code < 200 {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		_, err = io.Copy(io.Discard, w.Body)
		require.NoError(t, err)
	})
}
