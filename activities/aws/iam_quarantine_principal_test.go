package aws

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
)

func TestQuarantineUserAndRole(t *testing.T) {
	const document = `{"Version":"2012-10-17","Statement":[{"Sid":"CountersignQuarantinecase1","Effect":"Deny","Action":["*"],"Resource":["*"]}]}`
	w := newWorld(t)
	for name, input := range map[string]string{"aws.iam.quarantine_user": userInput, "aws.iam.quarantine_role": roleInput} {
		out := w.run(t, name, input)
		require.JSONEq(t, `{"sid":"CountersignQuarantinecase1","previous_policy":"","changed":true,"verified":true}`, string(out))
	}
	state := w.State()
	require.Equal(t, document, user(&state).Inline[denyPolicy])
	require.Equal(t, document, role(&state).Inline[denyPolicy])
}

func TestCaseSID(t *testing.T) {
	for run, want := range map[string]string{
		"case-1": "CountersignQuarantinecase1",
		"":       "CountersignQuarantine",
		"aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE": "CountersignQuarantineawscompromisedaccesskeyAKIAIOSFODNN7EXAMPLE",
		"é\"}]": "CountersignQuarantine",
	} {
		require.Equal(t, want, caseSID(run))
		sid, ours := deniedBy(denyDocument(caseSID(run)))
		require.True(t, ours)
		require.Equal(t, want, sid)
	}
	long := caseSID(strings.Repeat("a", 100) + "-end")
	require.True(t, sidForm.MatchString(long))
	require.True(t, strings.HasSuffix(long, "aend"))
	for name, foreign := range map[string]string{
		"nothing": ``, "no JSON": `{`, "a hole": strings.Replace(denyDocument(denyPolicy), `"*"`, `"s3:*"`, 1),
		"allows":     strings.Replace(denyDocument(denyPolicy), "Deny", "Allow", 1),
		"another id": denyDocument("Somebody"),
	} {
		_, ours := deniedBy(foreign)
		require.False(t, ours, name)
	}
}

// Who is quarantined for one case stays so when another case, which found it, is undone.
func TestQuarantineForTwoCases(t *testing.T) {
	w := newWorld(t)
	w.run(t, "aws.iam.quarantine_user", userInput)
	other := activities.WithMemory(activities.WithInfo(t.Context(), activities.Info{Run: "case-2", Scheduled: scheduled}), &activities.Memory{})
	out, err := w.attempt(other, t, "aws.iam.quarantine_user", userInput)
	require.NoError(t, err)
	require.False(t, decode[quarantinedOutput](t, out).Changed)
	undo, input := w.undo(t, "aws.iam.quarantine_user", userInput, out)
	require.False(t, decode[quarantinedOutput](t, w.run(t, undo, input)).Changed)
	require.Equal(t, []string{"PutUserPolicy"}, w.effects())

	out = w.run(t, "aws.iam.release_user", `{"account":"111122223333","user":"ci-deployer","sid":"CountersignQuarantinecase2"}`)
	require.False(t, decode[quarantinedOutput](t, out).Changed, "it is another's")
	require.Equal(t, []string{"PutUserPolicy"}, w.effects())
}

// Whoever can write policies must not be able to stop the quarantine by taking its name, nor to have
// rights granted by its undo.
func TestQuarantineOverAForeignPolicy(t *testing.T) {
	w := newWorld(t)
	const planted = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	w.Update(func(s *standin.State) { user(s).Inline = map[string]string{denyPolicy: planted} })
	out := w.run(t, "aws.iam.quarantine_user", userInput)
	require.Equal(t, planted, decode[quarantinedOutput](t, out).PreviousPolicy)
	undo, input := w.undo(t, "aws.iam.quarantine_user", userInput, out)
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "BadInput", kindOf(t, err).Kind)
	state := w.State()
	require.Equal(t, denyDocument("CountersignQuarantinecase1"), user(&state).Inline[denyPolicy])
}

func TestQuarantineRefuses(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].IAM.Roles["countersign-responder"] = &standin.Role{ID: "AROAIOSFODNN7RESPONDE", Path: "/secops/"}
	})
	for name, tc := range map[string]struct{ activity, input, kind string }{
		"a service's role": {"aws.iam.quarantine_role", `{"account":"111122223333","role":"AWSServiceRoleForSupport"}`, "ServiceLinkedRole"},
		"our own role":     {"aws.iam.quarantine_role", `{"account":"111122223333","role":"countersign-responder"}`, Protected},
		"root":             {"aws.iam.quarantine_user", `{"account":"111122223333","user":"root"}`, "RootUser"},
		"root of a report": {"aws.iam.quarantine_user", `{"account":"111122223333","user":"<root_account>"}`, "RootUser"},
		"a foreign sid":    {"aws.iam.release_user", `{"account":"111122223333","user":"ci-deployer","sid":"Allow"}`, "BadInput"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.attempt(step(t.Context()), t, tc.activity, tc.input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
			_, err = w.lookAt(t, scheduled, tc.activity, tc.input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
		})
	}
	require.Empty(t, w.Mutations())
}
