package policy_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/policy"
)

const breakers = `policy: breakers
breakers:
  - {name: account, activities: ["aws.*"], most: 5, per: 1h, each: account}
  - {name: activity, activities: ["aws.iam.*", "http.*"], most: 4, per: 1h, each: activity}
  - {name: destroys, effect: destroy, most: 2, per: 1d, each: everything}
rules: [{name: all, then: manual}]
`

func TestTripped(t *testing.T) {
	p := parse(t, breakers)
	effects := func(activity string) (string, bool) {
		effect, known := map[string]string{"aws.iam.disable": "change", "aws.ec2.delete": "destroy"}[activity]
		return effect, known
	}
	for name, tc := range map[string]struct {
		activity, effect, undo string
		hour, day              map[string]int
		trips                  string
	}{
		"one below":                  {activity: "aws.ec2.stop", hour: map[string]int{"aws.ec2.stop@1": 4}},
		"as many as may be":          {activity: "aws.ec2.stop", hour: map[string]int{"aws.ec2.stop@1": 2, "aws.iam.disable@1": 3}, trips: "account"},
		"in another account":         {activity: "aws.ec2.stop", hour: map[string]int{"aws.ec2.stop@2": 50}},
		"what it does not match":     {activity: "k8s.pod.delete", hour: map[string]int{"k8s.pod.delete@1": 50}},
		"of the activity, elsewhere": {activity: "aws.iam.disable", hour: map[string]int{"aws.iam.disable@2": 4}, trips: "activity"},
		"of another activity":        {activity: "aws.iam.disable", hour: map[string]int{"aws.iam.enable@2": 4}},
		"no account at all":          {activity: "http.post", hour: map[string]int{"http.post@": 4}, trips: "activity"},
		"destroys":                   {activity: "aws.ec2.delete", effect: "destroy", day: map[string]int{"aws.ec2.delete@7": 2}, trips: "destroys"},
		"changes count for none":     {activity: "aws.ec2.delete", effect: "destroy", day: map[string]int{"aws.iam.disable@7": 9}},
		"what nobody knows counts":   {activity: "aws.ec2.delete", effect: "destroy", day: map[string]int{"acme.x@7": 2}, trips: "destroys"},
		"an undo":                    {activity: "aws.ec2.stop", undo: policy.UndoByPerson, hour: map[string]int{"aws.ec2.stop@1": 50}},
	} {
		t.Run(name, func(t *testing.T) {
			f := policy.Facts{Activity: tc.activity, Effect: tc.effect, Account: "1", Undo: tc.undo, Now: thursday}
			if f.Effect == "" {
				f.Effect = "change"
			}
			asked := map[time.Time]int{}
			b, tripped, err := p.Knowing(effects).Tripped(f, func(since time.Time) (map[string]int, error) {
				asked[since]++
				if since.Equal(thursday.Add(-time.Hour)) {
					return tc.hour, nil
				}
				require.Equal(t, thursday.Add(-24*time.Hour), since)
				return tc.day, nil
			})
			require.NoError(t, err)
			require.Equal(t, tc.trips, b.Name)
			require.Equal(t, tc.trips != "", tripped)
			for since, times := range asked {
				require.Equal(t, 1, times, since)
			}
		})
	}
}

func TestTrippedCannotTell(t *testing.T) {
	p := parse(t, breakers)
	down := errors.New("the ledger is down")
	count := func(time.Time) (map[string]int, error) { return nil, down }
	_, tripped, err := p.Tripped(policy.Facts{Activity: "aws.ec2.stop", Now: thursday}, count)
	require.ErrorIs(t, err, down)
	require.False(t, tripped)
	_, _, err = p.Tripped(policy.Facts{Activity: "k8s.pod.stop", Effect: "change", Now: thursday}, count)
	require.NoError(t, err, "nobody is asked where no breaker is concerned")

	// Without knowledge of effects all that is matched counts.
	b, _, err := p.Tripped(policy.Facts{Activity: "k8s.pod.delete", Effect: "destroy", Now: thursday}, func(time.Time) (map[string]int, error) {
		return map[string]int{"aws.iam.disable@7": 2}, nil
	})
	require.NoError(t, err)
	require.Equal(t, "destroys: at most 2 destroy effects in 24h0m0s", b.String())
}
