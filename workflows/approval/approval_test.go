package approval_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/approval"
)

var asked = time.Date(2026, 11, 20, 21, 30, 0, 0, time.UTC)

func request(t require.TestingT, quorum int) approval.Request {
	r := approval.Request{
		ID: "contain", Run: "r", Plan: "sha256:aa", Quorum: quorum,
		Calls:  []approval.Call{{Step: "disable", Input: []byte(`{}`), Digest: "sha256:bb"}},
		Groups: []string{"secops-oncall"}, People: []string{"alice@example.com", "bob@example.com", "carol@example.com"},
		Asked: asked, Expires: asked.Add(30 * time.Minute),
	}
	require.NoError(t, r.Seal())
	return r
}

func vote(r approval.Request, person string, verdict approval.Verdict) approval.Vote {
	return approval.Vote{Approval: r.ID, Digest: r.Digest, Person: person, Verdict: verdict, At: asked.Add(time.Minute)}
}

func TestAdmit(t *testing.T) {
	r := request(t, 2)
	alice := vote(r, "alice@example.com", approval.Approve)
	for name, tc := range map[string]struct {
		change func(*approval.Vote)
		votes  []approval.Vote
		now    time.Time
		says   string // empty: admitted
	}{
		"a member":              {},
		"the same again":        {votes: []approval.Vote{alice}},
		"another approval":      {change: func(v *approval.Vote) { v.Approval = "other" }, says: `it is for "other"`},
		"another digest":        {change: func(v *approval.Vote) { v.Digest = digest.Digest("sha256:0123456789abcdef") }, says: "look at the request again"},
		"no digest":             {change: func(v *approval.Vote) { v.Digest = "" }, says: "look at the request again"},
		"a stranger":            {change: func(v *approval.Vote) { v.Person = "mallory@example.com" }, says: "is not among those"},
		"nobody":                {change: func(v *approval.Vote) { v.Person = "" }, says: "names nobody"},
		"no verdict":            {change: func(v *approval.Vote) { v.Verdict = "maybe" }, says: "want approve or reject"},
		"a long name":           {change: func(v *approval.Vote) { v.Person = string(make([]byte, 255)) }, says: "too long"},
		"a long approval":       {change: func(v *approval.Vote) { v.Approval = string(make([]byte, 255)) }, says: "too long"},
		"a long reason":         {change: func(v *approval.Vote) { v.Reason = string(make([]byte, 2001)) }, says: "at most 2000"},
		"a change of mind":      {change: func(v *approval.Vote) { v.Verdict = approval.Reject }, votes: []approval.Vote{alice}, says: "already answered approve"},
		"a moment too late":     {now: asked.Add(30 * time.Minute), says: "already expired"},
		"the last moment":       {now: asked.Add(30*time.Minute - 1)},
		"after a rejection":     {votes: []approval.Vote{vote(r, "bob@example.com", approval.Reject)}, says: "already rejected"},
		"after the quorum":      {votes: []approval.Vote{vote(r, "bob@example.com", approval.Approve), vote(r, "carol@example.com", approval.Approve)}, says: "already approved"},
		"case matters in names": {change: func(v *approval.Vote) { v.Person = "Alice@example.com" }, says: "is not among those"},
	} {
		t.Run(name, func(t *testing.T) {
			v, now := alice, tc.now
			if tc.change != nil {
				tc.change(&v)
			}
			if now.IsZero() {
				now = asked.Add(time.Minute)
			}
			err := r.Admit(tc.votes, v, now)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, approval.ErrRefused)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// The digest names all that a voter consents to: change any of it and the name changes.
func TestSealCoversWhatIsAsked(t *testing.T) {
	first := request(t, 1).Digest
	for name, change := range map[string]func(*approval.Request){
		"call":      func(r *approval.Request) { r.Calls[0].Digest = "sha256:cc" },
		"execution": func(r *approval.Request) { r.Execution = "other" },
		"question":  func(r *approval.Request) { r.Question = "other" },
		"asked":     func(r *approval.Request) { r.Asked = asked.Add(time.Second) },
		"expires":   func(r *approval.Request) { r.Expires = asked.Add(time.Hour) },
		"people":    func(r *approval.Request) { r.People = r.People[1:] },
		"input":     func(r *approval.Request) { r.Calls[0].Input = []byte(`{"a":1}`) },
		"calls":     func(r *approval.Request) { r.Calls = append(r.Calls, r.Calls[0]) },
		"run":       func(r *approval.Request) { r.Run = "other" },
		"id":        func(r *approval.Request) { r.ID = "other" },
		"plan":      func(r *approval.Request) { r.Plan = "sha256:dd" },
		"quorum":    func(r *approval.Request) { r.Quorum = 2 },
		"groups":    func(r *approval.Request) { r.Groups = []string{"other"} },
	} {
		r := request(t, 1)
		change(&r)
		require.NoError(t, r.Seal())
		require.NotEqual(t, first, r.Digest, name)
	}
}

// Whatever people press, and when: an approval has enough distinct members behind it, a rejection
// by any of them wins over what follows, a decision never changes, and nobody is a yes.
func TestDecisionsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := request(t, rapid.IntRange(1, 3).Draw(t, "quorum"))
		people := append([]string{"mallory@example.com", ""}, r.People...)
		now := asked
		var votes []approval.Vote
		var decided *approval.Decision
		for i := range rapid.IntRange(1, 12).Draw(t, "presses") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, fmt.Sprint("wait", i))) * time.Second)
			v := vote(r, rapid.SampledFrom(people).Draw(t, fmt.Sprint("person", i)), rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Reject, "x"}).Draw(t, fmt.Sprint("verdict", i)))
			v.At = now
			if r.Admit(votes, v, now) == nil {
				votes = append(votes, v)
			}
			d, done := r.Decide(votes, now)
			if decided != nil {
				require.True(t, done)
				require.Equal(t, decided.Outcome, d.Outcome)
			}
			if done {
				decided = &d
			}
		}
		d, _ := r.Decide(votes, r.Expires)
		seen := map[string]bool{}
		for _, by := range d.By {
			require.Contains(t, r.People, by)
			require.False(t, seen[by])
			seen[by] = true
		}
		switch d.Outcome {
		case approval.Approved:
			require.Len(t, d.By, r.Quorum)
		case approval.Rejected:
			require.Len(t, d.By, 1)
		case approval.Expired:
			require.Empty(t, d.By)
		default:
			t.Fatalf("no decision at the end: %v", d)
		}
	})
}
