package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// judgement is what policy says of calls, all together.
type judgement struct {
	verdicts []policy.Verdict // by call; of a read it is automatic
	policy   digest.Digest
}

// judge asks what policy says of calls. It is a question, to know whom to ask: what the answer
// permits the guard decides anew at every effect.
func judge(ctx workflow.Context, pb string, calls []*covered) (judgement, error) {
	in := JudgeInput{Playbook: pb}
	for _, c := range calls {
		if c.effect() {
			in.Calls = append(in.Calls, JudgeCall{
				Activity: c.call.Activity, Effect: string(c.verb.Signature.Effect), Targets: c.verb.Signature.Targets, Input: c.call.Input,
			})
		}
	}
	j := judgement{verdicts: slices.Repeat([]policy.Verdict{{Mode: policy.Automatic}}, len(calls))}
	if len(in.Calls) == 0 {
		return j, nil
	}
	var judged Judged
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    checkTime,
		ScheduleToCloseTimeout: playbook.DefaultTimeout,
		RetryPolicy:            retryPolicy(playbook.DefaultRetry),
		Summary:                "ask the policy",
	}), JudgeActivity, in).Get(ctx, &judged)
	switch {
	case temporal.IsCanceledError(err):
		return j, err
	case err != nil:
		return j, fmt.Errorf("ask the policy: %s", reason(err))
	case len(judged.Verdicts) != len(in.Calls):
		return j, fmt.Errorf("ask the policy: it says %d things of %d calls", len(judged.Verdicts), len(in.Calls))
	}
	for i, c := range calls {
		if c.effect() {
			j.verdicts[i], judged.Verdicts = judged.Verdicts[0], judged.Verdicts[1:]
		}
	}
	j.policy = judged.Policy
	return j, nil
}

// ruled says which rule decided, and why, for people.
func ruled(v policy.Verdict) string {
	rule := fmt.Sprintf("policy %q", v.Rule)
	if v.Reason != "" {
		rule += " (" + v.Reason + ")"
	}
	return rule
}

// forbids is why a call is not made at all; nil: it may be.
func forbids(v policy.Verdict, activity string) error {
	switch v.Mode {
	case policy.Automatic, policy.Approval, policy.Manual:
		return nil
	case policy.Never:
		return notPermitted("%s never lets %s happen", ruled(v), activity)
	default:
		return notPermitted("%s says %q of %s, which this worker does not know; run a newer one", ruled(v), string(v.Mode), activity)
	}
}

func notPermitted(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), activities.NotPermitted, nil)
}

// underApproval refuses what policy does not let people decide: it makes no sense to ask them.
func (j judgement) underApproval(calls []*covered) error {
	for i, c := range calls {
		v := j.verdicts[i]
		if err := forbids(v, c.call.Activity); err != nil {
			return notPermitted("the step %q: %s", c.r.name(c.step), reason(err))
		}
		if v.Mode == policy.Manual {
			return notPermitted("the step %q: %s leaves %s to people, who do it by hand: take it out of the approval", c.r.name(c.step), ruled(v), c.call.Activity)
		}
	}
	return nil
}

// needs is what policy asks beyond the playbook, each of which must be met: of those of the same
// groups and surfaces the largest.
func (j judgement) needs() []grant.Need {
	var all []grant.Need
	for _, v := range j.verdicts {
		if v.Mode != policy.Approval {
			continue
		}
		groups := slices.Compact(slices.Sorted(slices.Values(v.Need.Groups)))
		same := slices.IndexFunc(all, func(n grant.Need) bool {
			return slices.Equal(n.Groups, groups) && slices.Equal(n.Surfaces, v.Need.Surfaces)
		})
		if same < 0 {
			all = append(all, grant.Need{Groups: groups, Quorum: v.Need.Quorum, Surfaces: v.Need.Surfaces})
		} else {
			all[same].Quorum = max(all[same].Quorum, v.Need.Quorum)
		}
	}
	return all
}

// expires is the time that people get, which policy may shorten.
func (j judgement) expires(given time.Duration) time.Duration {
	for _, v := range j.verdicts {
		if v.Mode == policy.Approval && v.Expires > 0 {
			given = min(given, v.Expires)
		}
	}
	return given
}
