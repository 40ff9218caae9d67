package control

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

var bucketCases = []one{
	{"S3.1", "none", func(a *standin.Account, _ *standin.Region) { a.PublicAccessBlock = nil }, failsWhole(), `{"PublicAccessBlock":"none"}`},
	{"S3.1", "one switch off", func(a *standin.Account, _ *standin.Region) {
		a.PublicAccessBlock = &standin.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}
	}, failsWhole(), `{"BlockPublicAcls":"true","IgnorePublicAcls":"true","BlockPublicPolicy":"false","RestrictPublicBuckets":"true"}`},
	{"S3.8", "none", func(_ *standin.Account, r *standin.Region) { r.Buckets["example-open"] = &standin.Bucket{} },
		[]string{"PASS s3:::example-good", "FAIL s3:::example-open"}, `{"PublicAccessBlock":"none"}`},
	{"S3.8", "one switch off", func(_ *standin.Account, r *standin.Region) {
		r.Buckets["example-open"] = &standin.Bucket{Block: &standin.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true}}
	}, []string{"PASS s3:::example-good", "FAIL s3:::example-open"}, ""},
	{"S3.8", "no buckets", func(_ *standin.Account, r *standin.Region) { r.Buckets = nil }, none, ""},
	{"S3.8", "of another region", func(a *standin.Account, _ *standin.Region) {
		a.Regions["eu-west-1"] = &standin.Region{Buckets: map[string]*standin.Bucket{"example-eu": {}}}
	}, []string{"PASS s3:::example-good"}, ""},
	{"S3.5", "no policy", func(_ *standin.Account, r *standin.Region) { r.Buckets["example-good"].Policy = "" }, []string{"FAIL s3:::example-good"}, `{"policy":"none"}`},
	{"S3.5", "another policy", func(_ *standin.Account, r *standin.Region) {
		r.Buckets["example-good"].Policy = onlyTLS("example-other")
	},
		[]string{"FAIL s3:::example-good"}, `{"denies requests without TLS":"false"}`},
	{"S3.5", "what nobody can read", func(_ *standin.Account, r *standin.Region) { r.Buckets["example-good"].Policy = "{" }, []string{"ERROR s3:::example-good"}, `{"code":"BadPolicy"}`},
}

func TestBucketThatKeepsEverybodyOut(t *testing.T) {
	w := newWorld(t)
	w.change(func(_ *standin.Account, r *standin.Region) {
		r.Buckets["example-shut"] = &standin.Bucket{Block: r.Buckets["example-good"].Block}
	})
	w.Inject(standin.Fault{Service: "s3", Action: "GetPublicAccessBlock", Kind: standin.Deny, Times: 1, After: 1})
	results := w.look(t, of(t, "S3.8"))
	require.Equal(t, []string{"PASS s3:::example-good", "ERROR s3:::example-shut"}, told(results))
	require.Equal(t, `{"code":"AccessDenied","permission":"s3:GetBucketPublicAccessBlock"}`, evidence(t, results[1]))
}

func TestOnlyTLS(t *testing.T) {
	whole := onlyTLS("b")
	for name, tc := range map[string]struct {
		document string
		want     bool
	}{
		"whole":                  {whole, true},
		"by an ARN":              {strings.Replace(whole, `"Principal":"*"`, `"Principal":{"AWS":["*"]}`, 1), true},
		"one resource for both":  {strings.Replace(whole, `["arn:aws:s3:::b","arn:aws:s3:::b/*"]`, `"arn:aws:s3:::b*"`, 1), true},
		"boolean":                {strings.Replace(whole, `"false"`, `false`, 1), true},
		"another case":           {strings.Replace(whole, `aws:SecureTransport`, `AWS:securetransport`, 1), true},
		"objects alone":          {strings.Replace(whole, `["arn:aws:s3:::b","arn:aws:s3:::b/*"]`, `"arn:aws:s3:::b/*"`, 1), false},
		"reads alone":            {strings.Replace(whole, `"s3:*"`, `"s3:GetObject"`, 1), false},
		"one account":            {strings.Replace(whole, `"Principal":"*"`, `"Principal":{"AWS":"arn:aws:iam::111122223333:root"}`, 1), false},
		"allowed":                {strings.Replace(whole, `"Deny"`, `"Allow"`, 1), false},
		"with TLS":               {strings.Replace(whole, `"false"`, `"true"`, 1), false},
		"with another condition": {strings.Replace(whole, `"Condition":{`, `"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a"},`, 1), false},
		"all but some":           {strings.Replace(whole, `"Principal":"*"`, `"NotPrincipal":{"AWS":"*"}`, 1), false},
	} {
		list, err := statements(tc.document)
		require.NoError(t, err, name)
		require.Equal(t, tc.want, list[0].onlyTLS("b"), name)
	}
}
