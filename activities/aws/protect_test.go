package aws

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
)

// protecting tags what the effects of a name act on, or makes it the worker's own.
var protecting = map[string]func(*standin.State){
	"aws.iam.disable_access_key":       tagUser,
	"aws.iam.attach_quarantine_policy": tagUser,
	"aws.iam.revoke_user_sessions":     tagUser,
	"aws.iam.revoke_role_sessions":     func(s *standin.State) { role(s).Tags = map[string]string{protectedTag: "true"} },
	"aws.ec2.isolate_instance": func(s *standin.State) {
		region(s).Instances[standin.SampleInstance].Tags[protectedTag] = "yes"
	},
	"aws.ec2.revoke_open_ingress": func(s *standin.State) {
		region(s).SecurityGroups[standin.SampleSSHGroup].Tags = map[string]string{protectedTag: ""}
	},
	"aws.ec2.delete_case_snapshots": func(s *standin.State) {
		for _, snapshot := range region(s).Snapshots {
			snapshot.Tags[protectedTag] = "hold"
		}
	},
	"aws.s3.block_public_access": func(s *standin.State) {
		region(s).Buckets[standin.SampleBucket].Tags = map[string]string{protectedTag: "true"}
	},
}

func tagUser(s *standin.State) { user(s).Tags = map[string]string{protectedTag: "true"} }

// What is protected is neither changed nor shown as about to be, and once it is free again it is.
func TestProtected(t *testing.T) {
	for _, c := range coreChanges {
		protect := protecting[c.name]
		if protect == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c = prepared(t, c, w)
			w.Update(protect)
			before := len(w.Mutations())
			_, err := w.attempt(step(t.Context()), t, c.name, c.input)
			require.Equal(t, Protected, kindOf(t, err).Kind)
			require.True(t, kindOf(t, err).Permanent)
			require.ErrorContains(t, err, "nothing is changed")
			a, _ := w.registry.Lookup(c.name)
			require.True(t, a.HasPreview())
			require.Len(t, w.Mutations(), before)
		})
	}
}

// Whoever protects it meanwhile, what was contained is let go.
func TestProtectedIsReleased(t *testing.T) {
	for _, c := range coreChanges {
		protect := protecting[c.name]
		if protect == nil || c.name == "aws.ec2.delete_case_snapshots" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c = prepared(t, c, w)
			out := w.run(t, c.name, c.input)
			w.Update(protect)
			undo, input := w.undo(t, c.name, c.input, out)
			raw, err := w.attempt(step(t.Context()), t, undo, input)
			require.NoError(t, err)
			require.Contains(t, string(raw), `"changed":true`)
		})
	}
}

// prepared calls what must come before a change, and fills its input.
func prepared(t *testing.T, c change, w *world) change {
	t.Helper()
	var out json.RawMessage
	for _, b := range c.after {
		out = w.run(t, b.name, b.input)
	}
	if n := len(c.after); n > 0 {
		name, input := w.undo(t, c.after[n-1].name, c.after[n-1].input, out)
		require.Equal(t, c.name, name)
		c.input = input
	}
	return c
}

// The tag says so with any value but "false".
func TestProtectedTagThatSaysFalse(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) { user(s).Tags = map[string]string{protectedTag: "false"} })
	w.run(t, "aws.iam.disable_access_key", keyInput)
}

// The worker does not contain itself.
func TestOwnPrincipal(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		c := s.Callers[standin.SampleAccessKeyID]
		c.ARN = "arn:aws:iam::111122223333:user/" + standin.SampleUser
		s.Callers[standin.SampleAccessKeyID] = c
	})
	_, err := w.attempt(step(t.Context()), t, "aws.iam.disable_access_key", keyInput)
	require.Equal(t, Protected, kindOf(t, err).Kind)
	require.ErrorContains(t, err, "the worker acts by it")
}

// A call that changes something is not even sent with a context that nobody has cleared.
func TestNotCleared(t *testing.T) {
	w := newWorld(t)
	s := newService(w.options)
	c, err := s.global(t.Context(), standin.SampleAccount)
	require.NoError(t, err)
	asked := len(w.Calls())
	p := userPrincipal{c, standin.SampleUser}
	err = failed(p.put(t.Context(), sessionsDocument(now)), "put the policy")
	require.Equal(t, session.NotCleared, kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)
	require.Len(t, w.Calls(), asked)
	require.NoError(t, p.put(released(t.Context()), sessionsDocument(now)))
}
