package desk_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
)

// slackGroups is what Slack says of user groups, by id, and of whom it was asked last.
type slackGroups struct {
	members map[string][]string
	wanted  []string
}

func (s *slackGroups) Members(_ context.Context, group string, wanted ...string) ([]string, error) {
	s.wanted = wanted
	members, ok := s.members[group]
	if !ok {
		return nil, errors.New("slack is away")
	}
	return members, nil
}

// inSlack has the groups that Slack keeps.
const inSlack = `
people:
  alice: {slack: U01ALICE}
  bob: {slack: U01BOB}
  zoe: {slack: U01ZOE}
slack_groups: {secops-oncall: S01ONCALL, secops-leads: S01LEADS}
sources: [ci]
`

// Who is in a group that Slack keeps is looked up for every word. What cannot be looked up is a no that
// leaves open what is asked, and is on record.
func TestGroupsInSlack(t *testing.T) {
	type words struct {
		vote, delegate, edit, answer, alone, resume string // "" is well
	}
	const away = "cannot be looked up"
	for name, tc := range map[string]struct {
		members map[string][]string
		want    words
	}{
		"alice is in": {map[string][]string{"S01ONCALL": {"U01ALICE"}, "S01LEADS": {"U01ALICE"}}, words{}},
		"alice is not": {map[string][]string{"S01ONCALL": {"U01BOB", "U99"}, "S01LEADS": {"U01ZOE"}}, words{
			"not among those who may answer", "not among those who may answer", "not among those who may answer",
			"not among those who may answer", "not among those who may break the glass", "effects go on by the word of",
		}},
		"only the other one is away": {map[string][]string{"S01ONCALL": {"U01ALICE"}}, words{alone: away, resume: away}},
		"Slack is away":              {nil, words{away, away, away, away, away, away}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, word := range []struct {
				say  func(ctx context.Context, o *office) error
				want string
			}{
				{func(ctx context.Context, o *office) error {
					_, err := o.Vote(ctx, by("alice"), run, yes(o.asks()))
					return err
				}, tc.want.vote},
				{func(ctx context.Context, o *office) error {
					r := o.asks()
					_, err := o.Delegate(ctx, by("alice"), run, desk.Delegate{Approval: r.ID, Digest: r.Digest, To: "zoe"})
					return err
				}, tc.want.delegate},
				{func(ctx context.Context, o *office) error {
					r := o.asks()
					_, err := o.Edit(ctx, by("alice"), run, desk.Edit{Approval: r.ID, Digest: r.Digest, Step: "disable", Input: []byte(`{"user":"x"}`)})
					return err
				}, tc.want.edit},
				{func(ctx context.Context, o *office) error {
					_, err := o.Answer(ctx, by("alice"), run, says(o.poses(), "expected"))
					return err
				}, tc.want.answer},
				{func(ctx context.Context, o *office) error {
					v := yes(o.asks())
					v.BreakGlass, v.Reason = true, "it burns"
					_, err := o.Vote(ctx, by("alice"), run, v)
					return err
				}, tc.want.alone},
				{func(ctx context.Context, o *office) error {
					_, err := o.Resume(ctx, by("alice"), "all is well")
					return err
				}, tc.want.resume},
			} {
				o := received(t)
				o.people, o.slack.members = inSlack, tc.members
				err := word.say(t.Context(), o)
				if word.want == "" {
					require.NoError(t, err)
					require.Equal(t, []string{"U01ALICE"}, o.slack.wanted, "an old answer does not miss her")
					continue
				}
				require.ErrorContains(t, err, word.want)
				if word.want == away {
					require.ErrorIs(t, err, approval.ErrRefused)
					require.ErrorContains(t, err, "try again")
				}
				require.Len(t, records[ledger.RefusalBody](o, ledger.Refusal), 1)
				for _, kind := range []ledger.Kind{ledger.Vote, ledger.Delegation, ledger.Edit, ledger.Answer, ledger.Decision, ledger.Switch} {
					require.Empty(t, records[any](o, kind))
				}
			}
		})
	}
}

// What is asked can be read while it is not known who may answer.
func TestRequestsWhileSlackIsAway(t *testing.T) {
	o := received(t)
	r := o.asks()
	o.people = inSlack
	waiting, err := o.Requests(t.Context(), by("alice"), run)
	require.NoError(t, err)
	require.Equal(t, r.Digest, waiting[0].Request.Digest)
	require.False(t, waiting[0].Own)
	require.Contains(t, waiting[0].Why, "slack is away")
	require.NotContains(t, waiting[0].Why, "not among")
	require.Empty(t, waiting[0].Tally)

	sight, err := o.Sight(t.Context(), run, r.Digest)
	require.NoError(t, err)
	require.Equal(t, r.Digest, sight.Request.Digest)
	require.Empty(t, sight.Tally, "who counts is not known")
}
