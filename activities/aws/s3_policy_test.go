package aws

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const ourDenial = `{"Sid":"CountersignDenyAccess","Effect":"Deny","Principal":"*","Action":"s3:*",` +
	`"Resource":["arn:aws:s3:::example-payments-exports","arn:aws:s3:::example-payments-exports/*"],` +
	`"Condition":{"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:role/countersign-responder",` +
	`"arn:aws:iam::111122223333:role/*/countersign-responder"]}}}`

func TestDenyBucketAccess(t *testing.T) {
	const share = `{"Sid": "share", "Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "s3:GetObject", "Resource": "*"}`
	for name, tc := range map[string]struct{ before, after string }{
		"no policy":     {``, `{"Version":"2012-10-17","Statement":[` + ourDenial + `]}`},
		"a statement":   {`{"Version":"2008-10-17","Id":"x","Statement":` + share + `}`, `{"Version":"2008-10-17","Id":"x","Statement":[` + share + `,` + ourDenial + `]}`},
		"a list":        {`{"Statement":[` + share + `]}`, `{"Statement":[` + share + `,` + ourDenial + `]}`},
		"an empty list": {`{"Version":"2012-10-17","Statement":[]}`, `{"Version":"2012-10-17","Statement":[` + ourDenial + `]}`},
		"spaced":        {"{\n  \"Statement\": [" + share + "]\n}", `{"Statement":[` + share + `,` + ourDenial + `]}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(func(s *standin.State) { bucket(s).Policy = tc.before })
			out := w.run(t, "aws.s3.deny_bucket_access", bucketJSON)
			require.Equal(t, bucketPolicyOutput{PreviousPolicy: tc.before, Changed: true, Verified: true}, decode[bucketPolicyOutput](t, out))
			state := w.State()
			require.Equal(t, tc.after, bucket(&state).Policy)
			undo, input := w.undo(t, "aws.s3.deny_bucket_access", bucketJSON, out)
			require.NotEmpty(t, w.look(t, undo, input).Changes)
			w.run(t, undo, input)
			state = w.State()
			require.Equal(t, tc.before, bucket(&state).Policy, "byte for byte")
		})
	}
}

// A statement with our name that somebody has written is replaced, and not put back: by it an undo
// could grant rights.
func TestDenyBucketAccessOverAForeignStatement(t *testing.T) {
	w := newWorld(t)
	const planted = `{"Statement":[{"Sid":"CountersignDenyAccess","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}`
	w.Update(func(s *standin.State) { bucket(s).Policy = planted })
	out := w.run(t, "aws.s3.deny_bucket_access", bucketJSON)
	state := w.State()
	require.Equal(t, `{"Statement":[`+ourDenial+`]}`, bucket(&state).Policy)
	undo, input := w.undo(t, "aws.s3.deny_bucket_access", bucketJSON, out)
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "BadInput", kindOf(t, err).Kind)
}

// A restore writes nothing but what is there beside the denial, whoever asks.
func TestRestoreBucketPolicyGrantsNothing(t *testing.T) {
	w := newWorld(t)
	w.run(t, "aws.s3.deny_bucket_access", bucketJSON)
	for _, previous := range []string{
		`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}`,
		`{"Statement":[]}`, ``, `no JSON`,
	} {
		_, err := w.attempt(step(t.Context()), t, "aws.s3.restore_bucket_policy",
			`{"account":"111122223333","region":"us-east-1","bucket":"example-payments-exports","previous_policy":`+fmt.Sprintf("%q", previous)+`}`)
		require.Equal(t, "ChangedSince", kindOf(t, err).Kind, previous)
		require.True(t, kindOf(t, err).Permanent)
	}
	require.Equal(t, []string{"PutBucketPolicy"}, w.effects())
}

// What AWS may read otherwise than we compare it is not written: a key that is there twice, or another
// version, by which variables in a policy mean something or nothing.
func TestRestoreBucketPolicyThatReadsTwoWays(t *testing.T) {
	w := newWorld(t)
	var before string
	w.Update(func(s *standin.State) { before = region(s).Buckets[standin.SampleBucket].Policy })
	require.Contains(t, before, `"Statement":`)
	w.run(t, "aws.s3.deny_bucket_access", bucketJSON)
	for name, tc := range map[string]struct{ policy, kind string }{
		"statements twice":     {strings.Replace(before, `"Statement":`, `"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}],"Statement":`, 1), "BadInput"},
		"in another case":      {strings.Replace(before, `"Statement":`, `"statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}],"Statement":`, 1), "BadInput"},
		"a principal twice":    {strings.Replace(before, `"Effect":`, `"Effect":"Allow","Effect":`, 1), "BadInput"},
		"of another version":   {strings.Replace(before, `2012-10-17`, `2008-10-17`, 1), "ChangedSince"},
		"of no version at all": {strings.Replace(before, `"Version":"2012-10-17",`, ``, 1), "ChangedSince"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, before, tc.policy)
			_, err := w.attempt(step(t.Context()), t, "aws.s3.restore_bucket_policy",
				`{"account":"111122223333","region":"us-east-1","bucket":"example-payments-exports","previous_policy":`+fmt.Sprintf("%q", tc.policy)+`}`)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
		})
	}
	require.Equal(t, []string{"PutBucketPolicy"}, w.effects())
}

func TestBucketPolicyBounds(t *testing.T) {
	w := newWorld(t)
	statement := `{"Sid":"x","Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:GetObject","Resource":"` + strings.Repeat("x", 20<<10-300) + `"}`
	w.Update(func(s *standin.State) { bucket(s).Policy = `{"Statement":[` + statement + `]}` })
	_, err := w.attempt(step(t.Context()), t, "aws.s3.deny_bucket_access", bucketJSON)
	require.Equal(t, "BadPolicy", kindOf(t, err).Kind)
	require.ErrorContains(t, err, "S3 takes 20480")
	w.Update(func(s *standin.State) {
		bucket(s).Policy = `{"Statement":[` + statement + strings.Repeat(" ", 400) + `]}`
	})
	_, err = w.attempt(step(t.Context()), t, "aws.s3.deny_bucket_access", bucketJSON)
	require.Equal(t, "PolicyTooLarge", kindOf(t, err).Kind)
	require.Empty(t, w.Mutations())
}

// A policy that is public cannot be written while public policies are blocked.
func TestDenyBucketAccessBehindABlock(t *testing.T) {
	w := newWorld(t)
	w.run(t, "aws.s3.block_public_access", bucketJSON)
	_, err := w.attempt(step(t.Context()), t, "aws.s3.deny_bucket_access", bucketJSON)
	require.Equal(t, "AccessDenied", kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)
}
