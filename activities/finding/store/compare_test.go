package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

func TestCompare(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s,
			part("one", account, "eu-west-1", "EC2.2 EC2.7 EC2.8 EC2.21",
				"EC2.8 stays FAIL", "EC2.8 mended FAIL", "EC2.8 gone FAIL", "EC2.8 broke PASS",
				"EC2.7 denied FAIL", "EC2.7 beside FAIL", "EC2.7 mended FAIL",
				"EC2.21 unasked FAIL", "EC2.2 none FAIL"),
			part("one", account, "us-east-1", "EC2.8", "EC2.8 elsewhere FAIL"),
			part("one", "444455556666", "eu-west-1", "EC2.8", "EC2.8 stays FAIL"),
		)
		record(t, s, part("two", account, "eu-west-1", "EC2.2 EC2.7 EC2.8",
			"EC2.8 stays FAIL", "EC2.8 mended PASS", "EC2.8 broke FAIL", "EC2.8 fresh FAIL",
			"EC2.7 denied ERROR", "EC2.7 mended PASS",
			"EC2.2 account NOT_APPLICABLE"))
		require.Equal(t, map[finding.State][]string{
			finding.New:      {"EC2.8 broke", "EC2.8 fresh"},
			finding.Open:     {"EC2.8 stays"},
			finding.Resolved: {"EC2.2 none", "EC2.7 mended", "EC2.8 gone", "EC2.8 mended"},
			// Not asked, not looked at there, could not be looked at, or perhaps only not seen.
			finding.Unseen:  {"EC2.21 unasked", "EC2.7 beside", "EC2.7 denied", "EC2.8 elsewhere", "EC2.8 stays"},
			finding.Unknown: {"EC2.7 denied"},
		}, compared(t, s, "two", "one", nil))

		waivers, err := finding.ParseWaivers([]byte(`
waivers:
  - {control: EC2.8, resource: "s*", account: "1111*", until: 2027-01-31, reason: to be replaced, by: alice@example.com}
  - {control: EC2.8, resource: fresh, until: 2026-11-19, reason: until yesterday, by: alice@example.com}
  - {control: EC2.7, resource: "*", until: 2027-01-31, reason: of another control, by: alice@example.com}
`), noon)
		require.NoError(t, err)
		waived := compared(t, s, "two", "one", waivers)
		require.Equal(t, []string{"EC2.8 stays"}, waived[finding.Waived])
		require.Equal(t, []string{"EC2.8 broke", "EC2.8 fresh"}, waived[finding.New], "an expired waiver does not count")
		require.Equal(t, []string{"EC2.7 denied"}, waived[finding.Unknown], "nobody waives what could not be looked at")

		first := compared(t, s, "one", "", nil)
		require.Len(t, first[finding.New], 10)
		require.Len(t, first, 1, "without one before all is new, and nothing resolved")
		err = s.Compare(t.Context(), "two", "none", nil, nil)
		require.ErrorIs(t, err, store.ErrNoAudit)
	})
}

// The laws of comparing hold whatever two audits found.
func TestTheLawsOfComparing(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			one, two := fmt.Sprint("one-", n), fmt.Sprint("two-", n)
			before, now := audit(rt, one), audit(rt, two)
			record(t, s, append(before, now...)...)
			waivers := waive(rt)

			type id struct{ account, region, control, resource string }
			states := map[id][]finding.State{}
			require.NoError(rt, s.Compare(t.Context(), two, one, waivers, func(i finding.Item) error {
				r := i.Result
				name := id{r.Account, r.Region, r.Control, r.Resource}
				states[name] = append(states[name], i.State)
				return nil
			}))
			was, is := statuses(before), statuses(now)
			waiver := waivers.Matcher(noon)
			for _, p := range append(before, now...) {
				for _, r := range p.Results {
					name := id{r.Account, r.Region, r.Control, r.Resource}
					got := slices.Sorted(slices.Values(states[name]))
					failed, fails := was[r.Resource+r.Account+r.Region+r.Control] == finding.Fail, is[r.Resource+r.Account+r.Region+r.Control] == finding.Fail
					var want []finding.State
					switch {
					case fails && waiver(r) != nil:
						want = []finding.State{finding.Waived}
					case fails && failed:
						want = []finding.State{finding.Open}
					case fails:
						want = []finding.State{finding.New}
					case failed:
						require.NotEmpty(rt, got)
						if slices.Contains(got, finding.Resolved) {
							require.True(rt, lookedAt(now, r), "what was not looked at is not resolved: %v", r)
							require.NotEqual(rt, finding.Error, is[r.Resource+r.Account+r.Region+r.Control], "an error resolves nothing: %v", r)
							want = []finding.State{finding.Resolved}
						} else {
							want = []finding.State{finding.Unseen}
						}
					}
					if is[r.Resource+r.Account+r.Region+r.Control] == finding.Error {
						want = append(want, finding.Unknown)
						slices.Sort(want)
					}
					require.Equal(rt, want, got, "%v", r)
				}
			}
			require.NoError(rt, s.Compare(t.Context(), two, two, nil, func(i finding.Item) error {
				require.Contains(rt, []finding.State{finding.Open, finding.Unknown}, i.State, "compared with itself nothing is new, and nothing resolved")
				return nil
			}))
		})
	})
}

func audit(t *rapid.T, id string) []finding.Part {
	var parts []finding.Part
	for _, account := range []string{"111122223333", "444455556666"} {
		for _, region := range []string{"", "eu-west-1"} {
			controls := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"EC2.7", "EC2.8"}), rapid.ID).Draw(t, "controls")
			if len(controls) == 0 {
				continue
			}
			p := finding.Part{Audit: id, Playbook: "laws", Account: account, Region: region, Controls: controls}
			for _, c := range controls {
				for _, r := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "all"}), rapid.ID).Draw(t, "resources") {
					p.Results = append(p.Results, finding.Result{
						Account: account, Region: region, Control: c, Resource: r, At: noon,
						Status: rapid.SampledFrom([]finding.Status{finding.Pass, finding.Fail, finding.Error, finding.NotApplicable}).Draw(t, "status"),
					})
				}
			}
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return []finding.Part{{Audit: id, Playbook: "laws", Account: account, Controls: []string{"EC2.7"}}}
	}
	return parts
}

func waive(t *rapid.T) finding.Waivers {
	text := "waivers:\n"
	for range rapid.IntRange(0, 2).Draw(t, "waivers") {
		text += fmt.Sprintf("  - {control: %s, resource: %q, account: %q, until: %s, reason: because, by: alice}\n",
			rapid.SampledFrom([]string{"EC2.7", "EC2.8"}).Draw(t, "control"), rapid.SampledFrom([]string{"*", "a", "?", "a*"}).Draw(t, "resource"),
			rapid.SampledFrom([]string{"", "1*"}).Draw(t, "account"), rapid.SampledFrom([]string{"2026-11-01", "2027-11-01"}).Draw(t, "until"))
	}
	w, err := finding.ParseWaivers([]byte(text), noon)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func statuses(parts []finding.Part) map[string]finding.Status {
	all := map[string]finding.Status{}
	for _, p := range parts {
		for _, r := range p.Results {
			all[r.Resource+r.Account+r.Region+r.Control] = r.Status
		}
	}
	return all
}

func lookedAt(parts []finding.Part, r finding.Result) bool {
	return slices.ContainsFunc(parts, func(p finding.Part) bool {
		return p.Account == r.Account && p.Region == r.Region && slices.Contains(p.Controls, r.Control)
	})
}

// What is large is handed out one by one.
func TestManyResultsAreCompared(t *testing.T) {
	s := open(t, ledgertest.SQLite(t))
	for _, id := range []string{"one", "two"} {
		for a := range 20 {
			p := part(id, fmt.Sprintf("%012d", a), "eu-west-1", "EC2.8")
			for r := range 500 {
				p.Results = append(p.Results, finding.Result{Control: "EC2.8", Resource: fmt.Sprint("i-", r), Status: finding.Fail, At: noon})
			}
			record(t, s, p)
		}
	}
	began, n := time.Now(), 0
	require.NoError(t, s.Compare(t.Context(), "two", "one", nil, func(i finding.Item) error { n++; return nil }))
	require.Equal(t, 10000, n)
	require.Less(t, time.Since(began), 20*time.Second)
}
