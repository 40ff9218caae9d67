package control

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/finding"
)

// Where everything is as it should be, every control passes and says what it saw.
func TestEverythingAsItShouldBe(t *testing.T) {
	w, controls := newWorld(t), 0
	for _, where := range []string{"", region} {
		results, out, err := w.attempt(t, 1, where)
		require.NoError(t, err)
		for _, r := range results {
			require.Equal(t, finding.Pass, r.Status, "%s of %s: %s", r.Control, r.Resource, evidence(t, r))
			require.NotEmpty(t, r.Evidence, r.Control)
			require.Equal(t, where, r.Region)
			require.Equal(t, asked, r.At)
		}
		require.Equal(t, len(results), out.Passed)
		controls += out.Checked
	}
	require.Equal(t, len(all), controls)
	require.Empty(t, w.Mutations(), "an audit changes nothing")
	require.Equal(t, 1, w.pauses, "it waits for the credential report once")
	require.Equal(t, 1, count1(w, "GetCredentialReport"), "what several controls look at is read once")
	require.Equal(t, 1, count1(w, "DescribeSecurityGroups"))
	require.Equal(t, 1, count1(w, "ListBuckets"))
	require.Equal(t, 1, count1(w, "GetAccountAuthorizationDetails"))
}

func count1(w *world, action string) int {
	n := 0
	for _, c := range w.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

// An account with nothing in it: nothing is an error, and what is not there is said.
func TestEmptyAccount(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) {
		s.Accounts[ourAccount] = &standin.Account{Regions: map[string]*standin.Region{}}
	})
	for _, where := range []string{"", region} {
		results, out, err := w.attempt(t, 1, where)
		require.NoError(t, err)
		require.Zero(t, out.Errors, told(results))
		require.NotZero(t, out.NotApplicable)
		require.NotZero(t, out.Failed)
	}
}

// The same world gives the same results, by control as the catalogue has them and by resource.
func TestResultsAreStable(t *testing.T) {
	w := newWorld(t)
	w.change(func(_ *standin.Account, r *standin.Region) {
		for _, name := range []string{"example-z", "example-a", "example-m"} {
			r.Buckets[name] = &standin.Bucket{Created: ago(2)}
		}
	})
	first, _, err := w.attempt(t, 1, region)
	require.NoError(t, err)
	again, _, err := w.attempt(t, 1, region)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.True(t, slices.IsSortedFunc(first, func(a, b finding.Result) int {
		if order := compareIDs(a.Control, b.Control); order != 0 {
			return order
		}
		return slices.Compare([]string{a.Resource}, []string{b.Resource})
	}))
	seen := map[string]bool{}
	for _, r := range first {
		require.False(t, seen[r.Control+" "+r.Resource], "%s of %s twice", r.Control, r.Resource)
		seen[r.Control+" "+r.Resource] = true
	}
}

func TestPartSaysWhatWasLookedAt(t *testing.T) {
	w := newWorld(t)
	_, out, err := w.attempt(t, 1, region, "IAM.4", "EC2.8", "S3.8")
	require.NoError(t, err)
	require.Equal(t, 2, out.Checked, "IAM.4 is not about a region")
	require.Equal(t, []string{"EC2.8", "S3.8"}, w.kept.parts[ourAccount+" "+region].Controls)
	require.Equal(t, "p", w.kept.parts[ourAccount+" "+region].Playbook)
}

func TestFailuresAreListedWorstFirst(t *testing.T) {
	w := newWorld(t)
	w.change(func(_ *standin.Account, r *standin.Region) {
		for i := range 120 {
			r.Volumes["vol-"+string(rune('a'+i%26))+string(rune('a'+i/26))] = &standin.Volume{Size: 1}
		}
		r.DBInstances["open"] = &standin.DBInstance{Engine: "mysql", Status: "available", Encrypted: true, Public: true}
	})
	_, out, err := w.attempt(t, 1, region)
	require.NoError(t, err)
	require.Equal(t, 121, out.Failed)
	require.True(t, out.Truncated)
	require.Len(t, out.Failures, shownFailures)
	require.Equal(t, failure{Control: "RDS.2", Resource: "arn:aws:rds:us-east-1:111122223333:db:open", Severity: finding.Critical}, out.Failures[0])
}

func TestRefusedInputs(t *testing.T) {
	w := newWorld(t)
	ctx := activities.WithInfo(t.Context(), activities.Info{Run: "r", Attempt: 1, Scheduled: asked})
	for name, tc := range map[string]struct {
		in   checkInput
		kind string
	}{
		"no audit":        {checkInput{Account: ourAccount}, "BadInput"},
		"no account":      {checkInput{Audit: "a"}, "BadInput"},
		"another account": {checkInput{Audit: "a", Account: "999999999999"}, "WrongAccount"},
		"odd region":      {checkInput{Audit: "a", Account: ourAccount, Region: "x.example.com"}, "BadInput"},
		"no such control": {checkInput{Audit: "a", Account: ourAccount, Controls: []string{"IAM.404"}}, "BadInput"},
	} {
		_, err := w.s.check(ctx, tc.in)
		var of *activities.Error
		require.ErrorAs(t, err, &of, name)
		require.Equal(t, tc.kind, of.Kind, name)
		require.True(t, of.Permanent, name)
	}
	require.Empty(t, w.kept.parts)

	_, err := w.s.check(t.Context(), checkInput{Audit: "a", Account: ourAccount})
	require.ErrorContains(t, err, "only a step of a run")
	w.s.recorder = nil
	_, err = w.s.check(ctx, checkInput{Audit: "a", Account: ourAccount})
	require.ErrorIs(t, err, errNoRecorder)
	require.True(t, session.Permanent(err))
}

// What is not kept is not reported as looked at.
func TestRecorderFails(t *testing.T) {
	w := newWorld(t)
	w.kept.fails = errors.New("disk full")
	_, _, err := w.attempt(t, 1, "")
	require.ErrorContains(t, err, "disk full")
	require.False(t, session.Permanent(err))
}

// The permission to make each call that a control makes, taken away: the control never passes, and says
// what it lacks. The calls are those it was seen to make.
func TestDeniedIsNeverAPass(t *testing.T) {
	for _, c := range all {
		t.Run(c.ID, func(t *testing.T) {
			w := newWorld(t)
			require.Equal(t, []finding.Status{finding.Pass}, slices.Compact(statuses(w.look(t, c))))
			used := map[standin.Call]bool{}
			for _, call := range w.Calls() {
				if call.Service != "sts" {
					used[standin.Call{Service: call.Service, Action: call.Action}] = true
				}
			}
			require.NotEmpty(t, used)
			for call := range used {
				w := newWorld(t)
				w.Inject(standin.Fault{Service: call.Service, Action: call.Action, Kind: standin.Deny})
				results := w.look(t, c)
				require.Equal(t, []finding.Status{finding.Error}, slices.Compact(statuses(results)), "%s denied", call.Action)
				require.Contains(t, []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}, results[0].Evidence["code"])
				require.Contains(t, c.permissions, results[0].Evidence["permission"])
			}
		})
	}
}

// A caller with exactly the permissions that are declared sees everything; without one of them those
// controls that declare it are errors, and no others.
func TestPermissionsAreExact(t *testing.T) {
	allow := func(actions []string) string {
		text := ""
		for i, a := range actions {
			if i > 0 {
				text += `","`
			}
			text += a
		}
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + text + `"],"Resource":"*"}]}`
	}
	limit := func(w *world, actions []string) {
		w.Update(func(s *standin.State) {
			caller := s.Callers[standin.SampleAccessKeyID]
			caller.Policy = allow(actions)
			s.Callers[standin.SampleAccessKeyID] = caller
		})
	}
	for _, without := range append([]string{""}, permissions()...) {
		w := newWorld(t)
		limit(w, slices.DeleteFunc(permissions(), func(p string) bool { return p == without }))
		want, got := map[string]bool{}, map[string]bool{}
		for _, c := range all {
			if slices.Contains(c.permissions, without) {
				want[c.ID] = true
			}
		}
		for _, where := range []string{"", region} {
			results, _, err := w.attempt(t, 1, where)
			require.NoError(t, err)
			for _, r := range results {
				if r.Status == finding.Error {
					got[r.Control] = true
					require.Equal(t, without, r.Evidence["permission"], r.Control)
				}
			}
		}
		require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), "without %q", without)
	}
}

// What may pass makes another attempt, as long as there is patience; then it is an error like others, and
// the rest of the account is known all the same.
func TestWhatMayPass(t *testing.T) {
	for name, kind := range map[string]standin.FaultKind{"throttled": standin.Throttle, "broken": standin.ServerError, "lost": standin.TimeoutAfterEffect} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Inject(standin.Fault{Service: "ec2", Action: "GetEbsEncryptionByDefault", Kind: kind})
			for attempt := 1; attempt <= patience; attempt++ {
				_, _, err := w.attempt(t, attempt, region)
				require.Error(t, err)
				require.False(t, session.Permanent(err))
				require.Empty(t, w.kept.parts)
			}
			results, out, err := w.attempt(t, patience+1, region)
			require.NoError(t, err)
			require.Equal(t, 1, out.Errors)
			require.NotZero(t, out.Passed)
			for _, r := range results {
				require.Equal(t, r.Control == "EC2.7", r.Status == finding.Error, r.Control)
			}
		})
	}
}

// The SDK's own retries bridge a short throttling: nobody notices.
func TestShortThrottling(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Service: "iam", Action: "GetAccountSummary", Kind: standin.Throttle, Times: 2})
	w.Inject(standin.Fault{Service: "iam", Action: "GetAccountAuthorizationDetails", Kind: standin.Throttle, Times: 5})
	_, out, err := w.attempt(t, 1, "")
	require.NoError(t, err)
	require.Zero(t, out.Errors+out.Failed)
}

// Credentials that ran out are no finding.
func TestExpiredCredentials(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Service: "s3", Kind: standin.Expired})
	_, _, err := w.attempt(t, 1, region)
	require.Error(t, err)
	require.False(t, session.Permanent(err))
}

// There is no way into the account: every control says so.
func TestShutAccount(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Service: "sts", Kind: standin.Deny})
	results, out, err := w.attempt(t, 1, "")
	require.NoError(t, err)
	require.Equal(t, out.Checked, out.Errors)
	require.Len(t, results, out.Checked)
	require.Equal(t, `{"code":"AccessDenied"}`, evidence(t, results[0]))

	// By a role, it is the role that could not be taken, and not what the control looks at.
	w.s.entry = "sts:AssumeRole"
	results, _, err = w.attempt(t, 1, "")
	require.NoError(t, err)
	require.Equal(t, `{"code":"AccessDenied","permission":"sts:AssumeRole"}`, evidence(t, results[0]))
}

// A report that is never there is waited for a while, and then another attempt is due.
func TestReportThatIsNeverMade(t *testing.T) {
	w := newWorld(t)
	w.change(func(a *standin.Account, _ *standin.Region) { a.IAM.Users = nil })
	w.unmade = true
	_, _, err := w.attempt(t, 1, "", "IAM.5")
	var of *activities.Error
	require.ErrorAs(t, err, &of)
	require.Equal(t, "ReportInProgress", of.Kind)
	require.False(t, of.Permanent)
	require.Equal(t, reportLooks, w.pauses)

	w.pauses = 0
	results, _, err := w.attempt(t, patience+1, "", "IAM.5", "IAM.22", "IAM.15")
	require.NoError(t, err)
	require.Equal(t, []string{"ERROR iam::111122223333:root", "PASS iam::111122223333:root", "ERROR iam::111122223333:root"}, told(results))
	require.Equal(t, reportLooks, w.pauses, "two controls wait once")
}
