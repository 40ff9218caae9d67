package aws

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
)

func TestGetAccessKeyLastUsed(t *testing.T) {
	w := newWorld(t)
	const used = `{"account":"111122223333","access_key_id":"AKIAIOSFODNN7EXAMPLE"}`
	require.JSONEq(t, `{"user":"ci-deployer","never_used":false,"last_used":"2026-11-20T21:14:00Z","service":"s3","region":"us-east-1"}`,
		string(w.run(t, "aws.iam.get_access_key_last_used", used)))
	const never = `{"account":"111122223333","access_key_id":"AKIAI44QH8DHBEXAMPLE"}`
	require.JSONEq(t, `{"user":"ci-deployer","never_used":true,"service":"","region":""}`,
		string(w.run(t, "aws.iam.get_access_key_last_used", never)))

	w.Inject(standin.Fault{Action: "GetAccessKeyLastUsed", Kind: standin.Deny})
	_, err := w.attempt(step(t.Context()), t, "aws.iam.get_access_key_last_used", used)
	require.True(t, kindOf(t, err).Permanent)
}

func TestAccessKeyOnALaterPage(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		user := s.Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser]
		for i := range 150 {
			user.AccessKeys["AKIA"+string(rune('A'+i/26))+string(rune('A'+i%26))+"EXAMPLE"] = &standin.AccessKey{Status: "Inactive"}
		}
		user.AccessKeys["AKIAZZZZZZZZZZZLAST0"] = &standin.AccessKey{Status: "Active"}
	})
	out := w.run(t, "aws.iam.disable_access_key", `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAZZZZZZZZZZZLAST0"}`)
	require.JSONEq(t, `{"previous_status":"Active","changed":true,"verified":true}`, string(out))
}

func TestAccessKeyUndoLeavesWhatWasSo(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct{ name, input, want string }{
		// The key was inactive before anyone disabled it.
		{
			"aws.iam.enable_access_key", `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAI44QH8DHBEXAMPLE","previous_status":"Inactive"}`,
			`{"previous_status":"Inactive","changed":false,"verified":true}`,
		},
		{
			"aws.iam.disable_access_key", `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAIOSFODNN7EXAMPLE","previous_status":"Active"}`,
			`{"previous_status":"Active","changed":false,"verified":true}`,
		},
		// Somebody has enabled it meanwhile.
		{
			"aws.iam.enable_access_key", `{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAIOSFODNN7EXAMPLE","previous_status":"Inactive"}`,
			`{"previous_status":"Active","changed":false,"verified":false}`,
		},
	} {
		require.JSONEq(t, tc.want, string(w.run(t, tc.name, tc.input)))
	}
	require.Empty(t, w.Mutations())
	_, err := w.attempt(step(t.Context()), t, "aws.iam.enable_access_key",
		`{"account":"111122223333","user":"ci-deployer","access_key_id":"AKIAIOSFODNN7EXAMPLE","previous_status":"Off"}`)
	require.Equal(t, "BadInput", kindOf(t, err).Kind)
}

func TestQuarantineTakesNoOtherPolicy(t *testing.T) {
	w := newWorld(t)
	for _, arn := range []string{
		"arn:aws:iam::aws:policy/AdministratorAccess",
		"arn:aws:iam::111122223333:policy/AWSCompromisedKeyQuarantineV3",
		"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3x",
		"arn:aws:iam::aws:policy/team/AWSDenyAll",
		" arn:aws:iam::aws:policy/AWSDenyAll",
	} {
		for _, name := range []string{"aws.iam.attach_quarantine_policy", "aws.iam.detach_quarantine_policy"} {
			_, err := w.attempt(step(t.Context()), t, name, `{"account":"111122223333","user":"ci-deployer","policy_arn":"`+arn+`"}`)
			require.Equal(t, "BadInput", kindOf(t, err).Kind, arn)
			require.True(t, kindOf(t, err).Permanent)
		}
	}
	require.Empty(t, w.Calls())
	w.run(t, "aws.iam.attach_quarantine_policy", `{"account":"111122223333","user":"ci-deployer","policy_arn":"arn:aws:iam::aws:policy/AWSDenyAll"}`)
}

func TestSessionsDocument(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 0, 1, 0, time.UTC)
	document := sessionsDocument(at)
	require.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Sid":"CountersignRevokeOlderSessions","Effect":"Deny","Action":["*"],"Resource":["*"],
		"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T10:00:01Z"}}}]}`, document)
	before, ours := revokedBefore(document)
	require.True(t, ours)
	require.True(t, before.Equal(at))
	for name, foreign := range map[string]string{
		"nothing":     ``,
		"no JSON":     `{`,
		"allows":      `{"Version":"2012-10-17","Statement":[{"Sid":"CountersignRevokeOlderSessions","Effect":"Allow","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T10:00:01Z"}}}]}`,
		"says more":   `{"Version":"2012-10-17","Statement":[{"Sid":"CountersignRevokeOlderSessions","Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T10:00:01Z"},"Bool":{"aws:SecureTransport":"true"}}}]}`,
		"another way": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`,
	} {
		_, ours := revokedBefore(foreign)
		require.False(t, ours, name)
	}
}

func inline(w *world) string {
	return w.State().Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser].Inline[sessionsPolicy]
}

// The line is when the step asked, rounded up to the seconds of a policy.
func TestRevokeLine(t *testing.T) {
	w := newWorld(t)
	out := decode[revoked](t, w.run(t, "aws.iam.revoke_user_sessions", userInput))
	line := scheduled.Truncate(time.Second).Add(time.Second)
	require.Equal(t, revoked{PolicyName: sessionsPolicy, RevokedBefore: line, Changed: true, Verified: true}, out)
	require.JSONEq(t, sessionsDocument(line), inline(w))

	for name, tc := range map[string]struct{ before, kind string }{
		"earlier is done already": {"2026-11-22T00:00:00Z", ""},
		"the future":              {"2026-11-23T10:00:02Z", "BadInput"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := w.attempt(step(t.Context()), t, "aws.iam.revoke_user_sessions",
				`{"account":"111122223333","user":"ci-deployer","revoked_before":"`+tc.before+`"}`)
			if tc.kind != "" {
				require.Equal(t, tc.kind, kindOf(t, err).Kind)
				return
			}
			require.NoError(t, err)
			require.Equal(t, revoked{PolicyName: sessionsPolicy, RevokedBefore: line, PreviousPolicy: sessionsDocument(line), Verified: true}, decode[revoked](t, out))
		})
	}
	_, err := w.attempt(activities.WithInfo(t.Context(), activities.Info{Run: "r"}), t, "aws.iam.revoke_user_sessions", userInput)
	require.Equal(t, "NoStep", kindOf(t, err).Kind)
}

// Two runs revoke the sessions of one user, and are undone in either order.
func TestRevokeTwiceUndoneInAnyOrder(t *testing.T) {
	at := func(when time.Time) activities.Info { return activities.Info{Run: "r", Scheduled: when} }
	for name, laterFirst := range map[string]bool{"later first": true, "earlier first": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, err := w.attempt(activities.WithInfo(t.Context(), at(scheduled)), t, "aws.iam.revoke_user_sessions", userInput)
			require.NoError(t, err)
			afterFirst := inline(w)
			second, err := w.attempt(activities.WithInfo(t.Context(), at(scheduled.Add(time.Hour))), t, "aws.iam.revoke_user_sessions", userInput)
			require.NoError(t, err)
			afterSecond := inline(w)

			undo1, input1 := w.undo(t, "aws.iam.revoke_user_sessions", userInput, first)
			undo2, input2 := w.undo(t, "aws.iam.revoke_user_sessions", userInput, second)
			if laterFirst {
				w.run(t, undo2, input2)
				require.Equal(t, afterFirst, inline(w))
				w.run(t, undo1, input1)
				require.Empty(t, inline(w))
				return
			}
			out := decode[restored](t, w.run(t, undo1, input1))
			require.Equal(t, restored{PreviousPolicy: afterSecond, Verified: true}, out)
			require.Equal(t, afterSecond, inline(w), "a later revocation stands")
		})
	}
}

// Whoever can write policies must not be able to stop the revocation by taking its name, nor to
// have rights granted by its undo.
func TestRevokeOverAForeignPolicy(t *testing.T) {
	w := newWorld(t)
	const planted = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	w.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser].Inline = map[string]string{sessionsPolicy: planted}
	})
	out := w.run(t, "aws.iam.revoke_user_sessions", userInput)
	require.Equal(t, planted, decode[revoked](t, out).PreviousPolicy)
	require.NotEqual(t, planted, inline(w))

	undo, input := w.undo(t, "aws.iam.revoke_user_sessions", userInput, out)
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "BadInput", kindOf(t, err).Kind)
	require.NotEqual(t, planted, inline(w))
}

// Nor what reads as ours to one and as something else to another: with a key twice, the one of the two
// that AWS goes by might grant rights.
func TestRestoreOfAPolicyThatReadsTwoWays(t *testing.T) {
	const evil = `{"Effect":"Allow","Action":["*"],"Resource":["*"]}`
	for _, twice := range []string{
		strings.Replace(sessionsDocument(now), `"Statement":`, `"Statement":[`+evil+`],"Statement":`, 1),
		strings.Replace(sessionsDocument(now), `"Effect":"Deny"`, `"Effect":"Allow","Effect":"Deny"`, 1),
		strings.Replace(sessionsDocument(now), `"Effect":"Deny"`, `"effect":"Allow","Effect":"Deny"`, 1),
	} {
		_, ours := revokedBefore(twice)
		require.False(t, ours, twice)
	}
	_, ours := revokedBefore(sessionsDocument(now))
	require.True(t, ours)
	_, ours = deniedBy(strings.Replace(denyDocument("CountersignQuarantine0123456789abcdef"), `"Effect":"Deny"`, `"Effect":"Allow","Effect":"Deny"`, 1))
	require.False(t, ours)
}

func TestRestoreTouchesNothingElse(t *testing.T) {
	w := newWorld(t)
	w.run(t, "aws.iam.revoke_user_sessions", userInput)
	_, err := w.attempt(step(t.Context()), t, "aws.iam.restore_user_sessions",
		`{"account":"111122223333","user":"ci-deployer","policy_name":"guardrails","revoked_before":"2026-11-23T10:00:01Z"}`)
	require.Equal(t, "BadInput", kindOf(t, err).Kind)

	out := w.run(t, "aws.iam.restore_user_sessions",
		`{"account":"111122223333","user":"ci-deployer","policy_name":"CountersignRevokeOlderSessions","revoked_before":"2026-11-23T09:00:00Z"}`)
	require.False(t, decode[restored](t, out).Changed)
	require.NotEmpty(t, inline(w))
}

func TestServiceLinkedRoleIsRefused(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].IAM.Roles["AWSServiceRoleForSupport"] = &standin.Role{ID: "AROASERVICELINKED0000", Path: "/aws-service-role/support.amazonaws.com/"}
	})
	_, err := w.attempt(step(t.Context()), t, "aws.iam.revoke_role_sessions", `{"account":"111122223333","role":"AWSServiceRoleForSupport"}`)
	require.Equal(t, "ServiceLinkedRole", kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)
	require.Empty(t, w.Mutations())
}
