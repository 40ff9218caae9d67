package aws

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
)

const (
	secretCall = `{"account":"111122223333","region":"us-east-1","secret":"payments/database"}`
	noSecret   = `{"account":"111122223333","region":"us-east-1","secret":"nobody"`
)

func rotationCalls(s *service) calls {
	return calls{"aws.secretsmanager.rotate_secret": erased(s.rotateSecret), "aws.secretsmanager.restore_version": erased(s.restoreVersion)}
}

var rotationChanges = []change{
	{
		name: "aws.secretsmanager.rotate_secret", input: secretCall, acts: []string{"RotateSecret"},
		service: "secretsmanager", act: "RotateSecret", pauses: 1,
		missing: noSecret + `}`, kind: "ResourceNotFoundException", leaves: onlyCurrent,
	},
	{
		name: "aws.secretsmanager.restore_version", after: []before{{"aws.secretsmanager.rotate_secret", secretCall}},
		acts:    []string{"UpdateSecretVersionStage", "UpdateSecretVersionStage"},
		service: "secretsmanager", act: "UpdateSecretVersionStage", back: "DescribeSecret", backCall: 2,
		missing: noSecret + `,"version":"` + standin.SampleSecretVersion + `","previous_version":"` + standin.SampleOldVersion + `"}`,
		kind:    "ResourceNotFoundException", leaves: withoutPending,
	},
}

func secretAt(s *standin.State) *standin.StoredSecret { return region(s).Secrets[standin.SampleSecret] }

// onlyCurrent forgets all versions but the current one: that of before the last rotation is let go of when a new
// one is made, and the new one stays as the previous one when it is taken back.
func onlyCurrent(s *standin.State) {
	maps.DeleteFunc(secretAt(s).Versions, func(_ string, v *standin.SecretVersion) bool { return !slices.Contains(v.Stages, stageCurrent) })
}

// withoutPending forgets the label that the rotation has left behind, which goes with the first undo.
func withoutPending(s *standin.State) {
	for _, v := range secretAt(s).Versions {
		v.Stages = slices.DeleteFunc(v.Stages, func(stage string) bool { return stage == stagePending })
	}
}

var rotationViews = map[string]view{"aws.secretsmanager.rotate_secret": seeVersion, "aws.secretsmanager.restore_version": seeVersion}

func seeVersion(s *standin.State) seen {
	return seen{"secret payments/database" + inRegion + ": current version": currentVersion(s)}
}

func currentVersion(s *standin.State) string {
	for id, v := range secretAt(s).Versions {
		if slices.Contains(v.Stages, stageCurrent) {
			return id
		}
	}
	return ""
}

// makeCurrent is somebody else who gives the secret another value.
func makeCurrent(s *standin.State) {
	for _, v := range secretAt(s).Versions {
		v.Stages = slices.DeleteFunc(v.Stages, func(stage string) bool { return stage == stageCurrent })
	}
	secretAt(s).Versions["99999999-0000-4000-8000-000000000001"] = &standin.SecretVersion{Stages: []string{stageCurrent}}
}

var rotationMeddling = meddlers{
	"aws.secretsmanager.rotate_secret": {
		"it is given another value": makeCurrent,
		"it is gone":                func(s *standin.State) { delete(region(s).Secrets, standin.SampleSecret) },
		"a rotation is under way": func(s *standin.State) {
			withoutPending(s)
			secretAt(s).Versions["99999999-0000-4000-8000-000000000002"] = &standin.SecretVersion{Stages: []string{stagePending}}
		},
		"the old version is gone": func(s *standin.State) { delete(secretAt(s).Versions, standin.SampleSecretVersion) },
	},
	"aws.secretsmanager.restore_version": {"it is given another value": makeCurrent},
}

// A rotation that was taken back is not in the way of the next.
func TestRotateAgainAfterUndo(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.secretsmanager.rotate_secret", secretCall)
	undo, input := w.undo(t, "aws.secretsmanager.rotate_secret", secretCall, out)
	w.run(t, undo, input)
	state := w.State()
	require.Equal(t, standin.SampleSecretVersion, currentVersion(&state))

	_, err := w.attempt(step(t.Context()), t, "aws.secretsmanager.rotate_secret", secretCall)
	require.Equal(t, "ChangedSince", kindOf(t, err).Kind, "the same step does not rotate it again")

	another := activities.WithInfo(step(t.Context()), activities.Info{Run: "case-2", Step: "contain", Scheduled: scheduled})
	_, err = w.attempt(another, t, "aws.secretsmanager.rotate_secret", secretCall)
	require.NoError(t, err)
}

func TestRotationTokens(t *testing.T) {
	of := func(run, step, arn string) string {
		return rotationToken(activities.WithInfo(t.Context(), activities.Info{Run: run, Step: step}), arn)
	}
	token := of("case-1", "contain", "arn:a")
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, token)
	require.Equal(t, token, of("case-1", "contain", "arn:a"))
	for _, other := range []string{of("case-2", "contain", "arn:a"), of("case-1", "close", "arn:a"), of("case-1", "contain", "arn:b")} {
		require.NotEqual(t, token, other)
	}
}

// A function that does not come to its end is waited for by the next attempt, which does not ask it again.
func TestRotationThatHangs(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) { secretAt(s).RotationFails = true })
	ctx := step(t.Context())
	_, err := w.attempt(ctx, t, "aws.secretsmanager.rotate_secret", secretCall)
	require.Equal(t, "RotationUnderWay", kindOf(t, err).Kind)
	require.False(t, kindOf(t, err).Permanent)
	require.Equal(t, rotationLooks, w.pauses)

	_, err = w.attempt(activities.WithInfo(step(t.Context()), activities.Info{Run: "case-2", Step: "contain"}), t, "aws.secretsmanager.rotate_secret", secretCall)
	require.Equal(t, "RotationUnderWay", kindOf(t, err).Kind, "another step does not come between")

	w.Update(func(s *standin.State) { secretAt(s).RotationFails = false })
	out, err := w.attempt(ctx, t, "aws.secretsmanager.rotate_secret", secretCall)
	require.NoError(t, err)
	require.Equal(t, true, decode[map[string]any](t, out)["changed"])
	require.Equal(t, standin.SampleSecretVersion, decode[versionOutput](t, out).PreviousVersion)
	require.Equal(t, []string{"RotateSecret"}, w.effects())
}

func TestSecretsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		arrange func(*standin.StoredSecret)
		secret  string
		kind    string
	}{
		"no rotation function": {arrange: func(s *standin.StoredSecret) { s.RotationFunction = "" }, kind: "NoRotation"},
		"rotation turned off":  {arrange: func(s *standin.StoredSecret) { s.RotationOff = true }, kind: "NoRotation"},
		"to be deleted":        {arrange: func(s *standin.StoredSecret) { s.Deleted = &now }, kind: "SecretDeleted"},
		"protected":            {arrange: func(s *standin.StoredSecret) { s.Tags[protectedTag] = "yes" }, kind: "Protected"},
		"an ARN":               {secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:payments/database-Pa7mEn", kind: "BadInput"},
		"a wildcard":           {secret: "payments/*", kind: "BadInput"},
	} {
		t.Run(name, func(t *testing.T) {
			w, input := newWorld(t), secretCall
			if tc.arrange != nil {
				w.Update(func(s *standin.State) { tc.arrange(secretAt(s)) })
			}
			if tc.secret != "" {
				input = strings.Replace(input, standin.SampleSecret, tc.secret, 1)
			}
			_, err := w.attempt(step(t.Context()), t, "aws.secretsmanager.rotate_secret", input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
			_, err = w.lookAt(t, scheduled.Add(time.Hour), "aws.secretsmanager.rotate_secret", input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.Empty(t, w.Mutations())
		})
	}
}

// What has been rotated since is not put back.
func TestRestoreVersionOfAChangedSecret(t *testing.T) {
	for name, meddle := range rotationMeddling["aws.secretsmanager.rotate_secret"] {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			out := w.run(t, "aws.secretsmanager.rotate_secret", secretCall)
			undo, input := w.undo(t, "aws.secretsmanager.rotate_secret", secretCall, out)
			w.Update(meddle)
			already := len(w.effects())
			_, err := w.attempt(step(t.Context()), t, undo, input)
			require.True(t, kindOf(t, err).Permanent)
			require.Len(t, w.effects(), already)
		})
	}
}

// The values are nobody's business.
func TestRotationReadsNoValue(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.secretsmanager.rotate_secret", secretCall)
	undo, input := w.undo(t, "aws.secretsmanager.rotate_secret", secretCall, out)
	w.run(t, undo, input)
	for _, call := range w.Calls() {
		require.NotEqual(t, "GetSecretValue", call.Action)
	}
}
