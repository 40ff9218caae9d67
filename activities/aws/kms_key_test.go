package aws

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

const (
	kmsKeyInput = `{"account":"111122223333","region":"us-east-1","key_id":"1234abcd-12ab-34cd-56ef-1234567890ab"}`
	noKMSKey    = `{"account":"111122223333","region":"us-east-1","key_id":"00000000-0000-0000-0000-000000000000"}`
)

func keyCalls(s *service) calls {
	return calls{"aws.kms.disable_key": erased(s.disableKey), "aws.kms.enable_key": erased(s.enableKey)}
}

var keyChanges = []change{
	{
		name: "aws.kms.disable_key", input: kmsKeyInput, acts: []string{"DisableKey"},
		service: "kms", act: "DisableKey", back: "DescribeKey", backCall: 1, missing: noKMSKey, kind: "NotFoundException",
	},
	{
		name: "aws.kms.enable_key", after: []before{{"aws.kms.disable_key", kmsKeyInput}}, acts: []string{"EnableKey"},
		service: "kms", act: "EnableKey", back: "DescribeKey", backCall: 1, missing: noKMSKey, kind: "NotFoundException",
	},
}

var keyViews = map[string]view{"aws.kms.disable_key": seeKMSKey, "aws.kms.enable_key": seeKMSKey}

func kmsKey(s *standin.State) *standin.Key { return region(s).Keys[standin.SampleKey] }

func seeKMSKey(s *standin.State) seen {
	return seen{"KMS key " + standin.SampleKey + inRegion + ": state": either(kmsKey(s).Disabled, "Disabled", "Enabled")}
}

var keyMeddling = meddlers{
	"aws.kms.disable_key": {
		"it is enabled": func(s *standin.State) { kmsKey(s).Disabled = false },
		"it is gone":    func(s *standin.State) { delete(region(s).Keys, standin.SampleKey) },
		"it is to be deleted": func(s *standin.State) {
			when := now.Add(7 * 24 * time.Hour)
			kmsKey(s).Deletion = &when
		},
	},
	"aws.kms.enable_key": {"it is disabled": func(s *standin.State) { kmsKey(s).Disabled = true }},
}

func TestKeysThatAreLeftAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		arrange func(*standin.Key)
		id      string
		kind    string
	}{
		"managed by AWS":     {id: standin.SampleManagedKey, kind: "AWSManagedKey"},
		"waits for deletion": {arrange: func(k *standin.Key) { k.Deletion = &now }, kind: "KeyState"},
		"an alias":           {id: "alias/payments", kind: "BadInput"},
		"an ARN":             {id: "arn:aws:kms:us-east-1:111122223333:key/" + standin.SampleKey, kind: "BadInput"},
		"protected":          {arrange: func(k *standin.Key) { k.Tags = map[string]string{protectedTag: "true"} }, kind: "Protected"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if tc.arrange != nil {
				w.Update(func(s *standin.State) { tc.arrange(kmsKey(s)) })
			}
			input := kmsKeyInput
			if tc.id != "" {
				input = strings.Replace(input, standin.SampleKey, tc.id, 1)
			}
			_, err := w.attempt(step(t.Context()), t, "aws.kms.disable_key", input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
			_, err = w.lookAt(t, scheduled, "aws.kms.disable_key", input)
			require.Equal(t, tc.kind, kindOf(t, err).Kind, "people are not asked about what will be refused")
			require.Empty(t, w.Mutations())
		})
	}
}

// What was protected after it was disabled can still be let go.
func TestProtectedKeyIsEnabled(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.kms.disable_key", kmsKeyInput)
	w.Update(func(s *standin.State) { kmsKey(s).Tags = map[string]string{protectedTag: "true"} })
	undo, input := w.undo(t, "aws.kms.disable_key", kmsKeyInput, out)
	w.run(t, undo, input)
	state := w.State()
	require.False(t, kmsKey(&state).Disabled)
}
