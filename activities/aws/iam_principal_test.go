package aws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

// What is protected no effect touches, and its preview says so; what was contained before is let go.
func TestProtectedPrincipals(t *testing.T) {
	protect := func(s *standin.State) {
		tag := map[string]string{protectedTag: "true"}
		user(s).Tags, role(s).Tags, console(s).Tags, bucket(s).Tags = tag, tag, tag, tag
	}
	for name, input := range map[string]string{
		"aws.iam.delete_access_key": deleteInput, "aws.iam.block_console": consoleInput, "aws.iam.quarantine_user": userInput,
		"aws.iam.quarantine_role": roleInput, "aws.s3.deny_bucket_access": bucketJSON,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(protect)
			_, err := w.attempt(step(t.Context()), t, name, input)
			require.Equal(t, "Protected", kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
			_, err = w.lookAt(t, scheduled, name, input)
			require.Equal(t, "Protected", kindOf(t, err).Kind)
			require.Empty(t, w.Mutations())
			if a, _ := w.registry.Lookup(name); a.Undo == "" {
				return
			}

			w = newWorld(t)
			out := w.run(t, name, input)
			w.Update(protect)
			undo, undoInput := w.undo(t, name, input, out)
			require.NotEmpty(t, w.look(t, undo, undoInput).Changes)
			w.run(t, undo, undoInput)
		})
	}
}

func TestOwnPrincipals(t *testing.T) {
	for arn, want := range map[string][]string{
		"arn:aws:sts::111122223333:assumed-role/countersign/run-1": {
			"arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/countersign", "arn:aws:iam::111122223333:role/*/countersign",
		},
		"arn:aws-cn:sts::111122223333:assumed-role/countersign/run-1": {
			"arn:aws-cn:iam::111122223333:root", "arn:aws-cn:iam::111122223333:role/countersign", "arn:aws-cn:iam::111122223333:role/*/countersign",
		},
		"arn:aws:iam::111122223333:user/tools/countersign": {"arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/tools/countersign"},
	} {
		require.Equal(t, want, ownPrincipals(&clients{Account: "111122223333", ARN: arn}))
	}
	roles := []string{"arn:aws:iam::111122223333:role/SecOpsRead", "arn:aws:iam::111122223333:role/SecOpsRespond"}
	looks := &clients{Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/SecOpsRead/run-1", Roles: roles}
	changes := &clients{Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/SecOpsRespond/run-1", Roles: roles}
	require.Len(t, ownPrincipals(looks), 5)
	require.Equal(t, ownPrincipals(looks), ownPrincipals(changes), "what is shown by one role is what is written by the other")
}
