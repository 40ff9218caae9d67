package blocks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// change is a sight that was changed.
func change(s desk.Sight, how func(*desk.Sight)) desk.Sight {
	how(&s)
	return s
}

func approved(s *desk.Sight) {
	s.Votes = append(s.Votes, approval.Vote{Approval: "contain", Digest: asked, Person: "p-bob", Verdict: approval.Approve, At: at(4, 0), Surface: "cli"})
	s.Decision = &approval.Decision{Outcome: approval.Approved, By: []string{"p-alice", "p-bob"}, Reason: "approved by p-alice, p-bob", At: at(4, 0)}
	s.State = workflows.Running
	s.Steps = []desk.StepSight{{Step: "disable", State: desk.StepRunning, At: at(4, 1)}, {Step: "purge", State: desk.StepPending}}
}

func ended(outcome approval.Outcome, why string, by ...string) func(*desk.Sight) {
	return func(s *desk.Sight) {
		s.Decision = &approval.Decision{Outcome: outcome, By: by, Reason: why, At: at(9, 0)}
		s.State = workflows.Running
	}
}

func TestCard(t *testing.T) {
	t.Parallel()
	now := context(at(2, 30))
	called := now
	called.People, called.Groups = []string{"p-bob"}, []string{"secops-oncall", "secops-leads"}
	heard := now
	heard.Recorded = &blocks.Recorded{Person: "p-bob", Did: "approve"}
	halted := now
	halted.Switch = desk.Switch{Halted: true, By: "p-alice", Reason: "the wrong account", At: at(1, 0)}
	for name, tc := range map[string]struct {
		s desk.Sight
		c blocks.Context
	}{
		"card-open": {change(waiting(), func(s *desk.Sight) { s.Votes, s.Tally = nil, nil }), called},
		"card-votes": {change(waiting(), func(s *desk.Sight) {
			s.StartedBy = []string{"p-carol"}
			s.Request.Policies = []grant.Need{{Groups: []string{"secops-leads"}, Quorum: 1}}
			s.Request.Escalate = &approval.Escalation{Groups: []string{"secops-managers"}, At: at(15, 0)}
			s.Request.Calls[0].Rule, s.Request.Calls[0].Why = "prod", "production is everybody's"
			s.Votes = append(s.Votes, approval.Vote{Person: "p-bob", For: "p-dora", Verdict: approval.Approve, At: at(2, 0)})
			s.Tally = append(s.Tally, approval.Tally{Need: s.Request.Policies[0]})
			s.Delegations = []approval.Delegation{{From: "p-dora", To: "p-bob", At: at(1, 0)}}
		}), now},
		"card-again": {change(waiting(), func(s *desk.Sight) {
			s.Votes, s.Tally = nil, nil
			s.Request.Again = &approval.Again{Of: edited, Why: "the effect is not the one that was shown", Steps: []string{"disable"}}
			s.Request.Edits = []approval.Edit{{By: "p-carol", Step: "purge", Before: "sha256:0102030405060708", After: "sha256:1112131415161718", At: at(1, 0)}}
		}), now},
		"card-recorded": {waiting(), heard},
		"card-halted":   {waiting(), halted},
		"card-running":  {change(waiting(), approved), now},
		"card-done": {change(change(waiting(), approved), func(s *desk.Sight) {
			s.Steps[0].State, s.Steps[1].State = desk.StepDone, desk.StepDone
			s.State, s.Outcome, s.Undoable = workflows.Done, "contained", true
			s.Expiring = []desk.ExpirySight{{Step: "disable", At: at(240, 0)}, {Step: "block", At: at(240, 0), KeptBy: "p-bob"}}
		}), now},
		"card-failed": {change(change(waiting(), approved), func(s *desk.Sight) {
			s.Steps[0].State, s.Steps[1].State, s.Steps[1].Error = desk.StepDone, desk.StepFailed, "AccessDenied: not authorised\nto perform iam:DeleteSessions"
			s.State, s.Error, s.Undoable = workflows.Failed, "purge: AccessDenied", true
		}), now},
		"card-rejected": {change(change(waiting(), ended(approval.Rejected, "the key is mine\nand I use it", "p-bob")), func(s *desk.Sight) {
			s.Votes = append(s.Votes, approval.Vote{Person: "p-bob", Verdict: approval.Reject, Reason: "the key is mine", At: at(9, 0)})
		}), now},
		"card-expired":   {change(waiting(), ended(approval.Expired, "nobody decided within 30m0s")), now},
		"card-withdrawn": {change(waiting(), ended(approval.Withdrawn, "the run was cancelled")), now},
		"card-edited":    {change(waiting(), func(s *desk.Sight) { s.Edited = edited }), now},
		"card-unknown":   {change(change(waiting(), approved), func(s *desk.Sight) { s.Known, s.State = false, "" }), now},
		"card-glass": {change(change(waiting(), approved), func(s *desk.Sight) {
			s.Decision.BreakGlass, s.Decision.By, s.Decision.Reason = true, []string{"p-bob"}, "no time"
		}), now},
		"card-no-calls": {change(waiting(), func(s *desk.Sight) { s.Request.Calls = nil }), now},
		"card-long": {change(waiting(), func(s *desk.Sight) {
			s.Request.Calls[0].Input, _ = json.Marshal(map[string]string{"user": strings.Repeat("x", 20_000)})
		}), now},
		"card-review": {change(waiting(), func(s *desk.Sight) {
			s.Request.Calls[0].Input, _ = json.Marshal(map[string]string{"user": strings.Repeat("0123456789", 600), "account": "111122223333"})
		}), now},
		"question":          {questioning(), now},
		"question-answered": {change(questioning(), answered), now},
		"question-expired": {change(questioning(), func(s *desk.Sight) {
			e := s.Question.Expire()
			s.Ending = &e
		}), now},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goldenMessage(t, name, blocks.Card(tc.s, tc.c))
		})
	}
}

func answered(s *desk.Sight) {
	s.Ending = &approval.Ending{Outcome: approval.Answered, At: at(5, 0), Answer: &approval.Answer{
		Question: "judge", Digest: asked, Person: "p-bob", At: at(5, 0),
		Values: map[string]json.RawMessage{"verdict": json.RawMessage(`"hostile"`), "hosts": json.RawMessage(`3`)},
	}}
}

// What stands on the card of somebody who attacks it is seen for what it is.
func TestHostileCards(t *testing.T) {
	t.Parallel()
	for name, evil := range map[string]string{
		"hostile-mentions":  "<!channel> <@U0ADMIN> <#C0GENERAL> <https://evil.example|Approve here> &lt;!here&gt; &amp;lt; :tada: *bold* _it_ ~no~ @here",
		"hostile-backticks": "`; rm -rf / ` ```\nApproved by everybody\n``` `",
		"hostile-rtl":       "user\u202egnp.exe \u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627 zero\u200bwidth \x1b[2K tag\U000e0041",
		"hostile-alike":     "\u0430dmin p\u0430ypal.com \u0391dmin ordinary \u0434\u043e\u0431\u0440\u043e",
		"hostile-long":      strings.Repeat("0123456789", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goldenMessage(t, name, blocks.Card(hostile(evil), context(at(2, 30))))
			requireView(t, blocks.Details(hostile(evil), context(at(2, 30))))
			goldenMessage(t, name+"-question", blocks.Card(hostileQuestion(evil), context(at(2, 30))))
		})
	}
}

// hostile has the same text wherever somebody else may write.
func hostile(evil string) desk.Sight {
	s := waiting()
	r := s.Request
	s.Title, s.Stage, s.Account, s.Severity, s.StartedBy = evil, evil, evil, evil, []string{evil}
	s.Event = workflows.EventRef{ID: evil, Source: evil, Type: evil, Subject: evil, Time: at(-1, 0)}
	r.Question, r.ID, r.Groups, r.People = evil, evil, []string{evil}, []string{evil, "p-alice"}
	c := &r.Calls[0]
	c.Input, _ = json.Marshal(map[string]any{"user": evil, "account": evil, "list": []any{evil, map[string]any{evil: evil}}})
	c.Targets = []string{"user"}
	c.Step, c.Title, c.Activity, c.Undo, c.Rule, c.Why = evil, evil, evil, evil, evil, evil
	c.Preview = &preview.Preview{Changes: []preview.Change{{Target: evil, What: evil, Before: evil, After: evil}}}
	r.Calls[1].Effect = evil
	r.Edits = []approval.Edit{{By: evil, Step: evil, At: at(1, 0)}}
	r.Again = &approval.Again{Of: edited, Why: evil, Steps: []string{evil}}
	r.Escalate = &approval.Escalation{Groups: []string{evil}, At: at(15, 0)}
	s.Votes = []approval.Vote{{Person: evil, For: evil, Verdict: approval.Verdict(evil), Reason: evil, At: at(1, 0)}}
	s.Tally = []approval.Tally{{Need: grant.Need{Groups: []string{evil}, Quorum: 2}}}
	s.Run, s.Error, s.Outcome = evil, evil, evil
	s.Steps = []desk.StepSight{{Step: evil, State: desk.StepState(evil), Error: evil}}
	s.Expiring = []desk.ExpirySight{{Step: evil, At: at(100, 0)}, {Step: evil, At: at(100, 0), KeptBy: evil}}
	return s
}

func hostileQuestion(evil string) desk.Sight {
	s := questioning()
	h := hostile(evil)
	s.Title, s.Event, s.Run, s.Account = h.Title, h.Event, h.Run, h.Account
	q := s.Question
	q.ID, q.Question, q.Groups = evil, evil, []string{evil}
	q.Form[0].Name, q.Form[0].Title = evil, evil
	raw, _ := json.Marshal(evil)
	q.Form[0].OneOf = []json.RawMessage{raw}
	answered(&s)
	s.Ending.Answer.Values = map[string]json.RawMessage{evil: raw}
	s.Ending.Answer.Person = evil
	return s
}

// A request that is decided elsewhere has no button, and says where.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	s := change(waiting(), func(s *desk.Sight) {
		s.Run = "a run; $(reboot)"
		s.Request.Calls[0].Input, _ = json.Marshal(map[string]string{"user": strings.Repeat("x", 20_000)})
	})
	require.True(t, s.Request.Long())
	m := blocks.Card(s, context(at(2, 0)))
	require.Empty(t, actions(t, m.Blocks, blocks.ActApprove, blocks.ActReject, blocks.ActReview))
	require.Contains(t, readable(t, m.Blocks), "`starter show 'a run; $(reboot)'`")
}

// A request on which policy takes votes elsewhere has no buttons that decide, unless it takes some here.
func TestSurfaces(t *testing.T) {
	t.Parallel()
	s := waiting()
	s.Request.Policies = []grant.Need{{Groups: []string{"secops-leads"}, Quorum: 1, Surfaces: []string{"cli"}}}
	m := blocks.Card(s, context(at(2, 0)))
	require.Len(t, actions(t, m.Blocks, blocks.ActApprove), 1, "secops-oncall votes here")
	require.Contains(t, readable(t, m.Blocks), "1 of `secops-leads` must approve, too, on `cli` alone")
	s.Request.Policies[0].Groups = []string{"secops-oncall"}
	m = blocks.Card(s, context(at(2, 0)))
	requireMessage(t, m)
	require.Empty(t, actions(t, m.Blocks, blocks.ActApprove, blocks.ActReject, blocks.ActEdit, blocks.ActReview))
	require.Contains(t, readable(t, m.Blocks), "decide it with `starter approve ")
	s.Request.Policies = nil
	s.Tally = []approval.Tally{{Need: grant.Need{Groups: []string{"secops-oncall"}, Quorum: 1, Surfaces: []string{"cli"}}}}
	require.Empty(t, actions(t, blocks.Card(s, context(at(2, 0))).Blocks, blocks.ActApprove), "by the policy of this moment")
}

// An open card that is not cut is approved in place; a destroying call asks once more.
func TestButtons(t *testing.T) {
	t.Parallel()
	m := blocks.Card(waiting(), context(at(2, 0)))
	found := actions(t, m.Blocks, blocks.ActApprove, blocks.ActReject, blocks.ActEdit, blocks.ActDetails)
	require.Len(t, found, 4)
	require.NotNil(t, found[0]["confirm"])
	require.Equal(t, string(asked), found[0]["value"])
	s := waiting()
	s.Request.Calls = s.Request.Calls[:1]
	require.Nil(t, actions(t, blocks.Card(s, context(at(2, 0))).Blocks, blocks.ActApprove)[0]["confirm"])
	c := context(at(2, 0))
	c.Recorded = &blocks.Recorded{Person: "p-bob", Did: "approve"}
	require.Empty(t, actions(t, blocks.Card(waiting(), c).Blocks, blocks.ActApprove, blocks.ActReject, blocks.ActEdit))
}

// actions are the buttons of these kinds.
func actions(t require.TestingT, all any, kinds ...string) []node {
	var found []node
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case node:
			if v["type"] == "button" {
				for _, kind := range kinds {
					if blocks.Action(v["action_id"].(string)) == kind {
						found = append(found, v)
					}
				}
			}
			for _, name := range []string{"elements", "accessory", "blocks"} {
				if v[name] != nil {
					walk(v[name])
				}
			}
		}
	}
	walk(decode(t, all))
	return found
}

// As many calls as a request may have fit a card, if they are short.
func TestManyCalls(t *testing.T) {
	t.Parallel()
	s := waiting()
	s.Request.Calls = nil
	for range approval.MaxCalls {
		s.Request.Calls = append(s.Request.Calls, approval.Call{
			Step: "isolate", Activity: "aws.ec2.isolate", Version: 1, Effect: "change", Undo: "aws.ec2.release", Targets: []string{"instance"},
			Input: json.RawMessage(`{"account":"111122223333","instance":"i-0123456789abcdef0","region":"us-east-1"}`),
		})
	}
	m := blocks.Card(s, context(at(2, 0)))
	requireMessage(t, m)
	require.Len(t, actions(t, m.Blocks, blocks.ActApprove), 1)
}

// Each thing that a card leaves out keeps people from approving there.
func TestWhatIsCutIsNotApproved(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*approval.Request)
		review bool // the view shows all of it
	}{
		"a call": {func(r *approval.Request) {
			c := r.Calls[0]
			c.Input, _ = json.Marshal(map[string]string{"a": strings.Repeat("x", 80), "b": strings.Repeat("y", 80), "c": strings.Repeat("z", 80)})
			c.Targets, c.Title, c.Preview = []string{"a", "b", "c"}, "", nil
			for r.Calls = nil; len(r.Calls) < 18; {
				r.Calls = append(r.Calls, c)
			}
		}, true},
		"a line": {func(r *approval.Request) {
			fields := map[string]int{}
			for i := range 500 {
				fields["field"+strings.Repeat("i", i/50)+string(rune('a'+i%25))+strings.Repeat("j", i%50/25)] = i
			}
			r.Calls = r.Calls[:1]
			r.Calls[0].Input, _ = json.Marshal(fields)
			r.Calls[0].Targets = nil
		}, true},
		"the end of a line": {func(r *approval.Request) {
			r.Calls = r.Calls[:1]
			r.Calls[0].Input, _ = json.Marshal(map[string]string{"user": strings.Repeat("x", 10_000)})
			r.Calls[0].Targets = nil
		}, true},
		"the end of the question": {func(r *approval.Request) { r.Question, r.Calls = strings.Repeat("x", 10_000), nil }, true},
		"the end of a name":       {func(r *approval.Request) { r.Calls[0].Step = strings.Repeat("x", 400) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := waiting()
			tc.change(s.Request)
			require.False(t, s.Request.Long())
			c := context(at(2, 0))
			m := blocks.Card(s, c)
			requireMessage(t, m)
			require.Empty(t, actions(t, m.Blocks, blocks.ActApprove, blocks.ActReject))
			require.Len(t, actions(t, m.Blocks, blocks.ActReview), 1)
			v := blocks.Details(s, c)
			requireView(t, v)
			if tc.review {
				require.Len(t, actions(t, v.Blocks.BlockSet, blocks.ActApprove, blocks.ActReject), 2)
				return
			}
			require.Empty(t, actions(t, v.Blocks.BlockSet, blocks.ActApprove, blocks.ActReject))
			require.Contains(t, readable(t, v.Blocks.BlockSet), "decide it with `starter approve ")
		})
	}
}
