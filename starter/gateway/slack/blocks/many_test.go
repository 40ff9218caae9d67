package blocks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/workflows/approval"
)

// fleet is a request about n calls of a loop, over a tenth as many accounts and two regions.
func fleet(n int) desk.Sight {
	s := waiting()
	s.Request.Calls = nil
	for i := range n {
		c := approval.Call{
			Step: fmt.Sprintf("each[%d].isolate", i), Title: "Isolate", Activity: "aws.ec2.isolate", Version: 1, Effect: "change", Undo: "aws.ec2.release", Targets: []string{"instance"},
			Input: json.RawMessage(fmt.Sprintf(`{"account":"1111222%05d","instance":"i-%017d","region":"eu-west-%d"}`, i%(1+n/10), i, i%2)),
		}
		if i == 7 {
			c.Input = json.RawMessage(fmt.Sprintf(`{"account":"1111222%05d","instance":"i-seven","region":"eu-west-1","note":"odd one"}`, i%(1+n/10)))
		}
		s.Request.Calls = append(s.Request.Calls, c)
	}
	return s
}

// A card of many calls has the counts and the first of them, and no Approve; the view has every call,
// with all that is decided about, and there it is decided.
func TestFleet(t *testing.T) {
	t.Parallel()
	for _, n := range []int{26, 200, 400} {
		s := fleet(n)
		require.True(t, s.Request.Many())
		require.False(t, s.Request.Long(), n)
		c := context(at(2, 0))
		m := blocks.Card(s, c)
		requireMessage(t, m)
		require.Empty(t, actions(t, m.Blocks, blocks.ActApprove, blocks.ActReject))
		require.Len(t, actions(t, m.Blocks, blocks.ActReview), 1)
		text := readable(t, m.Blocks)
		require.Contains(t, text, fmt.Sprintf("%4d  aws.ec2.isolate", n))
		require.Contains(t, text, fmt.Sprintf("%d accounts:", 1+n/10))
		require.Contains(t, text, "2 regions:")
		require.Contains(t, text, fmt.Sprintf("…[+%d calls]", n-10))

		v := blocks.Details(s, c)
		requireView(t, v)
		require.Len(t, actions(t, v.Blocks.BlockSet, blocks.ActApprove, blocks.ActReject), 2, n)
		text = readable(t, v.Blocks.BlockSet)
		for i, call := range s.Request.Calls {
			require.Contains(t, text, fmt.Sprintf("%d. %s  ", i+1, call.Step))
			if i != 7 {
				require.Contains(t, text, fmt.Sprintf("instance i-%017d", i))
			}
		}
		require.Contains(t, text, "odd one")
	}
	// Many calls that are no loop's, and more than a view takes, are decided elsewhere.
	s := fleet(30)
	for i := range s.Request.Calls {
		s.Request.Calls[i].Step = fmt.Sprintf("isolate%d", i)
	}
	require.False(t, s.Request.Many())
	require.True(t, s.Request.Long())
	require.True(t, fleet(1000).Request.Long())
	for _, s := range []desk.Sight{s, fleet(1000)} {
		v := blocks.Details(s, context(at(2, 0)))
		requireView(t, v)
		require.Empty(t, actions(t, v.Blocks.BlockSet, blocks.ActApprove, blocks.ActReject))
		requireMessage(t, blocks.Card(s, context(at(2, 0))))
	}
}

// What cannot be shown of one of many calls keeps people from deciding in the view.
func TestFleetThatIsCut(t *testing.T) {
	t.Parallel()
	s := fleet(200)
	for i := range s.Request.Calls {
		s.Request.Calls[i].Input = json.RawMessage(`{"account":"111122223333","instance":"` + strings.Repeat("\\u202e", 60) + `"}`)
	}
	v := blocks.Details(s, context(at(2, 0)))
	requireView(t, v)
	if len(actions(t, v.Blocks.BlockSet, blocks.ActApprove)) > 0 {
		require.Contains(t, readable(t, v.Blocks.BlockSet), "200. each[199].isolate")
	}
}

// When it is decided, the card says in numbers what became of the calls, and names those that failed.
func TestFleetAfterwards(t *testing.T) {
	t.Parallel()
	s := fleet(200)
	s.Decision = &approval.Decision{Outcome: approval.Approved, By: []string{"p-alice"}, At: at(3, 0)}
	for i, c := range s.Request.Calls {
		step := desk.StepSight{Step: c.Step, State: desk.StepDone}
		switch {
		case i == 50:
			step.State, step.Error = desk.StepFailed, "it is terminated"
		case i > 150:
			step.State = desk.StepPending
		}
		s.Steps = append(s.Steps, step)
	}
	m := blocks.Card(s, context(at(4, 0)))
	requireMessage(t, m)
	text := readable(t, m.Blocks)
	require.Contains(t, text, "✓ 150 done   ✗ 1 failed   · 49 left   of 200")
	require.Contains(t, text, "each[50].isolate")
	require.Contains(t, text, "it is terminated")
}
