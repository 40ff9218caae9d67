package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// clock goes on by a minute with each look.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Minute)
	return c.now
}

func open(t testing.TB, url string, options ...store.Option) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, append([]store.Option{store.WithClock((&clock{now: noon}).Now)}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

const account = "111122223333"

// part is what an audit found with results like "S3.8 bucket FAIL".
func part(audit, account, region string, controls string, results ...string) finding.Part {
	p := finding.Part{Audit: audit, Playbook: "aws-audit", Account: account, Region: region, Controls: strings.Fields(controls)}
	for _, r := range results {
		f := strings.Fields(r)
		p.Results = append(p.Results, finding.Result{
			Account: account, Region: region, Control: f[0], Resource: f[1], Status: finding.Status(f[2]),
			Evidence: map[string]string{"seen": r}, At: noon,
		})
	}
	return p
}

func record(t testing.TB, s *store.Store, parts ...finding.Part) {
	t.Helper()
	for _, p := range parts {
		require.NoError(t, s.Record(t.Context(), p))
	}
}

func results(t testing.TB, s *store.Store, audit string, f finding.Filter) (all []string) {
	t.Helper()
	require.NoError(t, s.Results(t.Context(), audit, f, func(r finding.Result) error {
		all = append(all, fmt.Sprint(r.Account[:1], " ", r.Region, " ", r.Control, " ", r.Resource, " ", r.Status))
		return nil
	}))
	return all
}

// compared are items by state, as "control resource".
func compared(t testing.TB, s *store.Store, audit, before string, waivers finding.Waivers) map[finding.State][]string {
	t.Helper()
	all := map[finding.State][]string{}
	require.NoError(t, s.Compare(t.Context(), audit, before, waivers, func(i finding.Item) error {
		all[i.State] = append(all[i.State], i.Result.Control+" "+i.Result.Resource)
		return nil
	}))
	return all
}

func TestAPartIsReplaced(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		record(t, s,
			part("one", account, "", "IAM.4", "IAM.4 root FAIL"),
			part("one", account, "eu-west-1", "EC2.7 EC2.8", "EC2.8 i-1 FAIL", "EC2.8 i-2 PASS"),
		)
		again := part("one", account, "eu-west-1", "EC2.7 EC2.8", "EC2.8 i-2 FAIL", "EC2.8 i-2 PASS", "EC2.8 i-2 ERROR")
		record(t, s, again, again)
		require.Equal(t, []string{"1  IAM.4 root FAIL", "1 eu-west-1 EC2.8 i-2 FAIL"}, results(t, s, "one", finding.Filter{}), "the worse of two stands")
		everywhere := ""
		require.Equal(t, []string{"1  IAM.4 root FAIL"}, results(t, s, "one", finding.Filter{Place: &everywhere}))
		require.Equal(t, []string{"1 eu-west-1 EC2.8 i-2 FAIL"}, results(t, s, "one", finding.Filter{Skip: 1, Limit: 5}))
		require.Empty(t, results(t, s, "one", finding.Filter{Status: finding.Pass}))

		a, err := s.Audit(t.Context(), "one")
		require.NoError(t, err)
		require.Equal(t, finding.Audit{
			ID: "one", Playbook: "aws-audit", Began: a.Began, Latest: a.Latest, Accounts: 1, Parts: 2, Counts: finding.Counts{Failed: 2},
		}, a)
		require.True(t, a.Latest.After(a.Began))
		_, err = s.Audit(t.Context(), "two")
		require.ErrorIs(t, err, store.ErrNoAudit)
	})
}

func TestPartsAreRecordedAtOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		var all sync.WaitGroup
		failed := make(chan error, 40)
		for i := range 40 { // each part four times
			all.Go(func() {
				p := part("one", fmt.Sprintf("%012d", i/4), "eu-west-1", "EC2.8")
				for r := range 250 {
					p.Results = append(p.Results, finding.Result{Control: "EC2.8", Resource: fmt.Sprint("i-", r), Status: finding.Fail})
				}
				failed <- s.Record(context.Background(), p)
			})
		}
		all.Wait()
		close(failed)
		for err := range failed {
			require.NoError(t, err)
		}
		a, err := s.Audit(t.Context(), "one")
		require.NoError(t, err)
		require.Equal(t, []int{10, 10, 2500}, []int{a.Accounts, a.Parts, a.Failed})
	})
}

func TestWhatIsNotTaken(t *testing.T) {
	s := open(t, ledgertest.SQLite(t))
	for name, p := range map[string]finding.Part{
		"no audit":                    part("", account, "", "IAM.4"),
		"no account":                  part("one", "", "", "IAM.4"),
		"a control nobody looked at":  part("one", account, "", "IAM.4", "IAM.5 alice FAIL"),
		"a status that is none":       part("one", account, "", "IAM.4", "IAM.4 root FINE"),
		"a status that is not filled": {Audit: "one", Account: account, Controls: []string{"IAM.4"}, Results: []finding.Result{{Control: "IAM.4"}}},
	} {
		require.Error(t, s.Record(t.Context(), p), name)
	}
	found, err := s.Audits(t.Context(), "", 0)
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestHostileTextIsKeptWithinBounds(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		p := part("one", account, "", "S3.8")
		seen := map[string]string{"zero": "a\x00b", "bad": "\xff\xfe", "long": strings.Repeat("é", 5000)}
		for i := range 100 {
			seen[fmt.Sprint("tag", i)] = "v"
		}
		p.Results = []finding.Result{
			{Control: "S3.8", Resource: strings.Repeat("x", 9000) + "1", Status: finding.Fail, Evidence: seen},
			{Control: "S3.8", Resource: strings.Repeat("x", 9000) + "2", Status: finding.Fail},
			{Control: "S3.8", Resource: "'; DROP TABLE finding_results; --\x00", Status: finding.Fail},
		}
		record(t, s, p)
		n := 0
		require.NoError(t, s.Results(t.Context(), "one", finding.Filter{}, func(r finding.Result) error {
			n++
			require.LessOrEqual(t, len(r.Resource), 1600)
			require.LessOrEqual(t, len(r.Evidence), 21)
			for _, v := range r.Evidence {
				require.LessOrEqual(t, len(v), 510)
			}
			return nil
		}))
		require.Equal(t, 3, n, "two long names stay two")
	})
}

func TestWhoReadsStopsByItsOwnError(t *testing.T) {
	s := open(t, ledgertest.SQLite(t))
	record(t, s, part("one", account, "", "IAM.4", "IAM.4 root FAIL"))
	enough := errors.New("enough")
	require.ErrorIs(t, s.Results(t.Context(), "one", finding.Filter{}, func(finding.Result) error { return enough }), enough)
	require.ErrorIs(t, s.Results(t.Context(), "none", finding.Filter{}, nil), store.ErrNoAudit)
}

func TestTheAuditBefore(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		other := part("other", account, "", "IAM.4")
		other.Playbook = "aws-other"
		record(t, s, part("one", account, "", "IAM.4"), part("two", account, "", "IAM.4"), other, part("three", account, "", "IAM.4"), part("one", account, "", "IAM.4"))
		for audit, want := range map[string]string{"three": "two", "two": "one", "one": "", "other": ""} {
			before, found, err := s.Before(t.Context(), audit)
			require.NoError(t, err)
			require.Equal(t, want != "", found)
			require.Equal(t, want, before.ID)
		}
		all, err := s.Audits(t.Context(), "aws-audit", 2)
		require.NoError(t, err)
		require.Equal(t, []string{"three", "two"}, []string{all[0].ID, all[1].ID})
	})
}

func TestOldAuditsAreDeleted(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		other := part("other", account, "", "IAM.4", "IAM.4 root FAIL")
		other.Playbook = "aws-other"
		record(t, s, other)
		for _, id := range []string{"one", "two", "three"} {
			record(t, s, part(id, account, "", "IAM.4", "IAM.4 root FAIL"))
		}
		n, err := s.Prune(t.Context(), noon, 0)
		require.NoError(t, err)
		require.Zero(t, n, "none is as old")
		n, err = s.Prune(t.Context(), noon.AddDate(1, 0, 0), 1)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		left, err := s.Audits(t.Context(), "", 0)
		require.NoError(t, err)
		require.Equal(t, []string{"three", "other"}, []string{left[0].ID, left[1].ID}, "the last of each playbook stays")
		require.Equal(t, 1, left[0].Failed)
		_, err = s.Audit(t.Context(), "one")
		require.ErrorIs(t, err, store.ErrNoAudit)
	})
}

func TestOpen(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		_, err := store.Open(t.Context(), url, store.Existing())
		require.ErrorContains(t, err, "open the findings")
		s := open(t, url)
		record(t, s, part("one", account, "", "IAM.4"))
		ledgertest.OpenURL(t, url) // both have room
		require.Len(t, results(t, open(t, url, store.Existing()), "one", finding.Filter{}), 0)
		if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
			info, err := os.Stat(strings.TrimSuffix(file, ".db") + "-findings.db")
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		}
	})
	for address, want := range map[string]string{
		"":                              "no url was given",
		"mysql://u:hunter2@db/x":        "nothing is kept at mysql://...",
		"postgres://u:hunter2@h:port/x": "its url is not one",
		t.TempDir() + "/no/folder.db":   "a file is made where its folder is there",
		"postgres://u:hunter2@127.0.0.1:1/x?sslmode=disable": "is PostgreSQL running there",
	} {
		_, err := store.Open(t.Context(), address)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
