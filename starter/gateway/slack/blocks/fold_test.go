package blocks_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/workflows"
)

// many are requests of one playbook, each about something else.
func many(n int) []desk.Sight {
	var all []desk.Sight
	for i := range n {
		s := waiting()
		r := *s.Request
		r.Question, r.Digest = fmt.Sprintf("Isolate host-%d?", i), digest.Digest(fmt.Sprintf("sha256:%064d", i))
		s.Request = &r
		all = append(all, s)
	}
	return all
}

func TestFold(t *testing.T) {
	t.Parallel()
	all := many(3)
	approved(&all[0])
	all = append(all, questioning())
	c := context(at(2, 30))
	c.Groups = []string{"secops-oncall"}
	goldenMessage(t, "fold", blocks.Fold(all, c))

	lots := blocks.Fold(many(500), context(at(2, 30)))
	requireMessage(t, lots)
	require.Contains(t, readable(t, lots.Blocks), "and 480 more")
	require.Len(t, actions(t, lots.Blocks, blocks.ActReview), 20)
}

func TestHome(t *testing.T) {
	t.Parallel()
	c := context(at(2, 30))
	empty := blocks.Home(blocks.HomeData{Person: "p-alice"}, c)
	requireHome(t, empty)
	golden(t, "home-empty", empty, readable(t, empty.Blocks.BlockSet))

	d := blocks.HomeData{
		Person: "p-alice", Mine: many(2), Asks: []desk.Sight{questioning()},
		Today:  []blocks.RunLine{{Run: "aws-compromised-access-key/A", Playbook: "aws-compromised-access-key", Title: "A compromised IAM access key", State: workflows.Done, Outcome: "contained", Started: at(0, 0)}},
		Failed: []blocks.RunLine{{Run: "x/<!channel>", State: workflows.Failed, Outcome: "AccessDenied\nmore", Started: at(0, 0)}},
	}
	full := blocks.Home(d, c)
	requireHome(t, full)
	requireNoTags(t, full)
	golden(t, "home", full, readable(t, full.Blocks.BlockSet))

	d.Mine, d.Asks = many(300), many(300)
	for range 300 {
		d.Today, d.Failed = append(d.Today, d.Today[0]), append(d.Failed, d.Failed[0])
	}
	requireHome(t, blocks.Home(d, c))
}
