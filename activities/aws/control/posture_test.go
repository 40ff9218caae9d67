package control

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const trailARN = `"arn:aws:cloudtrail:us-east-1:111122223333:trail/all"`

var postureCases = []one{
	{"Account.1", "none", func(a *standin.Account, _ *standin.Region) { delete(a.Contacts, "SECURITY") }, failsWhole(), `{"SECURITY":"none"}`},
	{"CloudTrail.1", "none", func(_ *standin.Account, r *standin.Region) { r.Trails = nil }, failsWhole(), `{"trails":"none"}`},
	{"CloudTrail.1", "stopped", func(_ *standin.Account, r *standin.Region) { r.Trails["all"].Logging = false }, failsWhole(), `{` + trailARN + `:"does not log"}`},
	{"CloudTrail.1", "cannot deliver", func(_ *standin.Account, r *standin.Region) { r.Trails["all"].DeliveryFailed = "NoSuchBucket" }, failsWhole(), `{` + trailARN + `:"cannot deliver: NoSuchBucket"}`},
	{"CloudTrail.1", "of one region", func(_ *standin.Account, r *standin.Region) { r.Trails["all"].MultiRegion = false }, failsWhole(), `{` + trailARN + `:"is of one region"}`},
	{"CloudTrail.1", "writes alone", func(_ *standin.Account, r *standin.Region) {
		r.Trails["all"].Selectors = []standin.EventSelector{{ReadWrite: "WriteOnly", Management: true}, {ReadWrite: "All"}}
	}, failsWhole(), `{` + trailARN + `:"does not take all management events"}`},
	{"CloudTrail.1", "reads and writes apart", func(_ *standin.Account, r *standin.Region) {
		r.Trails["all"].Selectors = []standin.EventSelector{{ReadWrite: "WriteOnly", Management: true}, {ReadWrite: "ReadOnly", Management: true}}
	}, []string{"PASS iam::111122223333:root"}, ""},
	{"CloudTrail.1", "advanced", func(_ *standin.Account, r *standin.Region) {
		r.Trails["all"].Advanced = []standin.AdvancedSelector{{Fields: []standin.FieldSelector{
			{Field: "eventCategory", Equals: []string{"Management"}}, {Field: "eventSource", NotEquals: []string{"kms.amazonaws.com"}},
		}}}
	}, []string{"PASS iam::111122223333:root"}, ""},
	{"CloudTrail.1", "advanced, reads alone", func(_ *standin.Account, r *standin.Region) {
		r.Trails["all"].Advanced = []standin.AdvancedSelector{{Fields: []standin.FieldSelector{
			{Field: "eventCategory", Equals: []string{"Management"}}, {Field: "readOnly", Equals: []string{"true"}},
		}}}
	}, failsWhole(), ""},
	{"CloudTrail.1", "advanced, narrowed", func(_ *standin.Account, r *standin.Region) {
		r.Trails["all"].Advanced = []standin.AdvancedSelector{{Fields: []standin.FieldSelector{
			{Field: "eventCategory", Equals: []string{"Management"}}, {Field: "eventName", Equals: []string{"RunInstances"}},
		}}}
	}, failsWhole(), ""},
	{"CloudTrail.1", "at home elsewhere", func(a *standin.Account, r *standin.Region) {
		a.Regions["eu-west-1"], r.Trails = &standin.Region{Trails: r.Trails}, nil
	}, []string{"PASS iam::111122223333:root"}, ""},
	{"CloudTrail.2", "no key", func(_ *standin.Account, r *standin.Region) { r.Trails["all"].Key = "" },
		[]string{"FAIL cloudtrail:us-east-1:111122223333:trail/all"}, `{"KmsKeyId":"none"}`},
	{"CloudTrail.2", "no trail", func(_ *standin.Account, r *standin.Region) { r.Trails = nil }, none, ""},
	{"CloudTrail.2", "at home elsewhere", func(a *standin.Account, r *standin.Region) {
		a.Regions["eu-west-1"], r.Trails = &standin.Region{Trails: r.Trails}, nil
	}, none, ""},
	{"CloudTrail.4", "not validated", func(_ *standin.Account, r *standin.Region) { r.Trails["all"].Validated = false },
		[]string{"FAIL cloudtrail:us-east-1:111122223333:trail/all"}, `{"LogFileValidationEnabled":"false"}`},
	{"Config.1", "none", func(_ *standin.Account, r *standin.Region) { r.Recorders = nil }, failsWhole(), `{"recorders":"none"}`},
	{"Config.1", "stopped", func(_ *standin.Account, r *standin.Region) { r.Recorders["default"].Recording = false }, failsWhole(), `{"default":"stopped"}`},
	{"Config.1", "fails", func(_ *standin.Account, r *standin.Region) { r.Recorders["default"].Failed = "NoSuchBucket" }, failsWhole(), `{"default":"fails: NoSuchBucket"}`},
	{"IAM.28", "none", func(_ *standin.Account, r *standin.Region) { r.Analyzers = nil }, failsWhole(), `{"analyzers":"none"}`},
	{"IAM.28", "another kind, another state", func(_ *standin.Account, r *standin.Region) {
		r.Analyzers = map[string]*standin.Analyzer{"unused": {Type: "ACCOUNT_UNUSED_ACCESS", Status: "ACTIVE"}, "broken": {Type: "ORGANIZATION", Status: "FAILED"}}
	}, failsWhole(), `{"analyzers":"broken (ORGANIZATION, FAILED), unused (ACCOUNT_UNUSED_ACCESS, ACTIVE)"}`},
	{"GuardDuty.1", "none", func(_ *standin.Account, r *standin.Region) { r.Detectors = nil }, failsWhole(), `{"detectors":"none"}`},
	{"GuardDuty.1", "off", func(_ *standin.Account, r *standin.Region) { r.Detectors[standin.SampleDetector].Disabled = true },
		[]string{"FAIL guardduty:us-east-1:111122223333:detector/" + standin.SampleDetector}, `{"status":"DISABLED"}`},
	{"Countersign.SecurityHub", "off", func(_ *standin.Account, r *standin.Region) { r.Hub = nil }, failsWhole(), `{"hub":"none"}`},
	{"KMS.4", "not rotated", func(_ *standin.Account, r *standin.Region) {
		r.Keys["1234abcd-12ab-34cd-56ef-00000000000b"] = &standin.Key{Disabled: true}
		r.Keys["1234abcd-12ab-34cd-56ef-00000000000c"] = &standin.Key{AWSManaged: true}
		r.Keys["1234abcd-12ab-34cd-56ef-00000000000d"] = &standin.Key{Spec: "RSA_2048", Usage: "SIGN_VERIFY"}
		r.Keys["1234abcd-12ab-34cd-56ef-00000000000e"] = &standin.Key{Origin: "EXTERNAL"}
		end := ago(-7)
		r.Keys["1234abcd-12ab-34cd-56ef-00000000000f"] = &standin.Key{Deletion: &end}
	}, []string{
		"PASS kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-00000000000a", "FAIL kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-00000000000b",
	}, `{"KeyRotationEnabled":"false","KeyState":"Disabled"}`},
	{"KMS.4", "no keys", func(_ *standin.Account, r *standin.Region) { r.Keys = nil }, none, ""},
	{"RDS.2", "public", func(_ *standin.Account, r *standin.Region) { r.DBInstances["orders"].Public = true },
		[]string{"FAIL rds:us-east-1:111122223333:db:orders"}, `{"PubliclyAccessible":"true","Engine":"postgres"}`},
	{"RDS.3", "plain", func(_ *standin.Account, r *standin.Region) { r.DBInstances["orders"].Encrypted = false },
		[]string{"FAIL rds:us-east-1:111122223333:db:orders"}, `{"StorageEncrypted":"false","Engine":"postgres"}`},
	{"RDS.3", "no databases", func(_ *standin.Account, r *standin.Region) { r.DBInstances = nil }, none, ""},
}

// A member sees the organization's trail, not what it takes: its own account answers for that.
func TestTrailOfTheOrganization(t *testing.T) {
	const member, key = "222233334444", "AKIAIOSFODNN7MEMBERX"
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		s.Callers[key] = standin.Caller{Account: member, ARN: "arn:aws:iam::222233334444:user/x", UserID: "AIDA"}
		s.Accounts[member] = &standin.Account{}
		s.Accounts[ourAccount].Regions[region].Trails["all"].Organization = true
		s.Organization = &standin.Organization{ID: "o-a", Management: ourAccount, Root: "r-a", Members: map[string]*standin.Member{
			ourAccount: {Name: "a", Parent: "r-a"}, member: {Name: "b", Parent: "r-a"},
		}}
	})
	look := func() []string {
		w.s.sessions = newSessions(w.url, credentials.NewStaticCredentialsProvider(key, "x", ""))
		out := w.lookIn(t, member, of(t, "CloudTrail.1"))
		return told(out)
	}
	require.Equal(t, []string{"NOT_APPLICABLE iam::222233334444:root"}, look())
	w.Update(func(s *standin.State) { s.Accounts[ourAccount].Regions[region].Trails["all"].Logging = false })
	require.Equal(t, []string{"FAIL iam::222233334444:root"}, look())
	require.Equal(t, none, func() []string {
		out := w.lookIn(t, member, of(t, "CloudTrail.2"))
		return []string{strings.ReplaceAll(told(out)[0], member, ourAccount)}
	}())
}

func TestKeyThatKeepsEverybodyOut(t *testing.T) {
	w := newWorld(t)
	w.change(func(_ *standin.Account, r *standin.Region) {
		r.Keys["1234abcd-12ab-34cd-56ef-00000000000b"] = &standin.Key{Rotated: true}
	})
	w.Inject(standin.Fault{Service: "kms", Action: "DescribeKey", Kind: standin.Deny, Times: 1})
	require.Equal(t, []string{
		"ERROR kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-00000000000a", "PASS kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-00000000000b",
	}, told(w.look(t, of(t, "KMS.4"))))
}
